"""Samples of free credit: thinned without losing the ends of what was, and drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.creditplot import Bucket, Plots, Samples, axis, plot, size
from vsockdump.paint import SHADE

from .conversation import MILLI, SECOND, Talk
from .test_steps import happened, stalled

TIMES = st.integers(0, 2**63 - 1)
SIZES = st.integers(0, 2**32 - 1)


def samples(*pairs: tuple[int, int | None], most: int = 2048) -> Samples:
    made = Samples(most)
    for time, free in pairs:
        made.add(time, free)
    return made


def test_a_value_holds_until_the_next() -> None:
    found = samples((0, 10), (50, 2), (99, 5)).columns(4)
    assert found == [Bucket(10, 10), Bucket(10, 10), Bucket(2, 10), Bucket(2, 5)]


def test_what_is_not_known_is_no_value() -> None:
    assert samples((0, None), (50, 2), (99, 5)).columns(2) == [Bucket(), Bucket(2, 5)]


def test_a_time_that_goes_back_is_the_latest() -> None:
    found = samples((10, 1), (20, 2), (5, 3), (29, 3))
    assert (found.span, found.columns(2)) == (19, [Bucket(1, 1), Bucket(1, 3)])


def test_shade() -> None:
    found = samples((0, 4), (30, 0), (70, 9), (99, 9))
    assert not found.stalled
    found.shade(30, 69)
    assert [one.stalled for one in found.columns(10)] == [*[False] * 3, *[True] * 4, *[False] * 3]
    assert found.stalled


def test_a_stall_from_before_the_first_sample() -> None:
    found = samples((50, 0), (99, 0))
    found.shade(0, 99)
    assert all(one.stalled for one in found.columns(3))


def test_nothing() -> None:
    found = Samples()
    assert (found.span, found.top, found.columns(5)) == (0, 0, [])


@given(st.lists(st.tuples(TIMES, SIZES), min_size=1), st.integers(1, 99))
def test_thinning_keeps_bounds(pairs: list[tuple[int, int]], count: int) -> None:
    found = samples(*sorted(pairs), most=8)
    columns = found.columns(count)
    assert len(columns) == count
    assert len(found.columns(1)) == 1
    values = [value for _, value in pairs]
    assert found.columns(1) == [Bucket(min(values), max(values))]
    assert all(one.low is not None and one.high is not None for one in columns)
    assert {columns[-1].low, columns[-1].high} <= set(values)


@given(st.lists(st.tuples(TIMES, SIZES), min_size=1), st.integers(80, 300), st.integers(1, 20))
def test_lines_keep_to_their_width(pairs: list[tuple[int, int]], width: int, height: int) -> None:
    found = samples(*pairs)
    found.shade(min(time for time, _ in pairs), max(time for time, _ in pairs))
    lines = plot(found, width, height)
    assert len(lines) == height + 2
    assert all(len(line) <= width for line in lines)


def test_a_sawtooth() -> None:
    made = samples((0, 4096), (250, 0), (500, 1024), (750, 3072), (999, 3072))
    made.shade(250, 499)
    full, low, shade = "⣿" * 18, " " * 17, SHADE * 18
    assert plot(made, 80, 4) == [
        f"4 KiB ┤{full}⡂{shade}",
        f"      │{full}⡂{shade}{low}⠨{full}",
        f"2 KiB ┤{full}⡂{shade}{low}⠨{full}",
        f"      │{full}⡂{shade[1:]}⠨{'⣿' * 36}",
        "    0 └┬─────────────┬──────────────┬─────────────┬──────────────┬──────────────",
        "       0.0 µs        0.2 µs         0.4 µs        0.6 µs         0.8 µs",
    ]


def test_what_was_only_at_times_free_is_checkered() -> None:
    made = samples(*((time, 1024 * (time % 2)) for time in range(1000)))
    assert plot(made, 80, 1)[0] == f"1 KiB ┤{'⡪' * 73}"


@pytest.mark.parametrize(
    ("span", "times"),
    [
        (1, "0 ns"),
        (2500 * MILLI, "0.0 s          0.5 s"),
        (90 * SECOND, "0 s "),
        (2**62, "0 s "),
    ],
)
def test_times(span: int, times: str) -> None:
    assert plot(samples((0, 1), (span, 1)), 80, 2)[-1].strip().startswith(times)


def test_an_axis_that_does_not_begin_at_0() -> None:
    marks, times = axis(1050 * MILLI, 2050 * MILLI, 40)
    assert times.strip() == "1.5 s"
    assert marks.index("┬") == times.index("1.5 s") == 18  # 450 of 1000 ms


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (2**32 - 1, "4.0 GiB")],
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text


def test_plots_of_both_directions() -> None:
    plots = Plots(lambda cid, port: f"\x1b{cid}")
    for found in happened(stalled(), 1):
        plots.take(found)
    lines = [line.text for line in plots.lines(80)]
    assert lines[1] == rf"free for \x1b3 to send to \x1b2 ({SHADE} stalled)"
    assert len(lines) == 12  # the other end sent nothing
    assert SHADE in lines[2]


def test_plots_say_who_sends() -> None:
    plots = Plots(lambda cid, port: f"{cid}:{port}")
    for found in happened(Talk().open().rw("src", 1).rw("dst", 1)):
        plots.take(found)
    lines = [line.text for line in plots.lines(80)]
    assert [lines[1], lines[13]] == [
        "free for 3:1024 to send to 2:1234",
        "free for 2:1234 to send to 3:1024",
    ]


def test_each_direction_has_its_own_stalls() -> None:
    plots = Plots(lambda cid, port: f"{cid}")
    talk = Talk(buf=9).open().rw("src", 1).rw("dst", 9).at(1).update("src", fwd=9)
    for found in happened(talk):
        plots.take(found)
    heads = [line.text for line in plots.lines(80) if line.kind == "head"]
    assert heads == ["free for 3 to send to 2", f"free for 2 to send to 3 ({SHADE} stalled)"]


def test_no_plot_without_data() -> None:
    plots = Plots(lambda cid, port: "")
    for found in happened(Talk().open()):
        plots.take(found)
    assert list(plots.lines(80)) == []
