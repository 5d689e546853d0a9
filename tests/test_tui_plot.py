"""Plots: what is drawn of an area and a line, the times that are shown, the axes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.paint import SHADE
from vsockdump.tui.plot import KINDS, Pair, Plot, Span, joined, picture, rate

WHOLE = Span(0, 1_000_000)
SPANS = st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)).map(
    lambda two: Span(*sorted(two))
)


def plot(
    area: list[Pair], line: list[Pair] | None = None, stalled: str = "", high: int = 8
) -> Plot:
    shaded = [mark == "!" for mark in stalled.ljust(len(area))]
    return Plot([("what", "title")], area, line or [None] * len(area), shaded, 0, high)


def drawn(one: Plot, height: int) -> list[str]:
    return ["".join(text for text, _ in row) for row in one.cells(height)]


def test_an_area_is_filled() -> None:
    assert drawn(plot([(8, 8), (8, 8), (4, 4), (4, 4), (0, 0), (1, 1)]), 2) == ["⣿  ", "⣿⣿⢀"]


def test_what_was_only_at_times_is_checkered() -> None:
    assert drawn(plot([(0, 8), (0, 8)]), 2) == ["⡪", "⡪"]


def test_a_line_is_dotted_and_jumps_are_not() -> None:
    flat = plot([None] * 4, [(4, 4), (4, 4), (8, 8), (8, 8)])
    assert drawn(flat, 1) == ["⠄⠁"]
    assert drawn(plot([None] * 2, [(1, 8), None]), 1) == ["⡇"]


def test_what_nobody_knows_is_not_drawn() -> None:
    assert drawn(plot([None, None]), 2) == [" ", " "]


def test_stalls() -> None:
    made = list(plot([(4, 4)] * 4, stalled="!!").cells(2))
    assert made == [[(SHADE, "stall"), (" ", "")], [("⣿", "full"), ("⣿", "area")]]


def test_a_line_over_an_area_is_seen_by_its_colour() -> None:
    ((_, kind),) = next(plot([(1, 1)] * 2, [(8, 8)] * 2).cells(1))
    assert kind == "line"
    ((_, kind),) = next(plot([(8, 8)] * 2, [(8, 8)] * 2).cells(1))
    assert kind == "area"


def test_a_low_end_that_is_not_nothing() -> None:
    part = Plot([], [(10, 10)] * 2, [None] * 2, [False] * 2, 10, 14)
    assert drawn(part, 1) == [" "]
    assert drawn(part._replace(area=[(12, 12)] * 2), 1) == ["⣤"]


def test_a_picture() -> None:
    plots = [plot([(4, 4)] * 40, high=2048), plot([(1, 1)] * 40)._replace(word=rate)]
    made = picture(plots, [2, 1], Span(0, 2_000_000_000), 20)
    lines = ["".join(text for text, _ in line) for line in made.lines]
    assert lines == [
        "        what               ",
        "2 KiB ┤                    ",
        "      │⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀",
        "  0 B ┼─what───────────────",
        "8 B/s ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀",
        "0 B/s └┬───────────────────",
        "       0 s",
    ]
    assert (made.plotted, made.left, made.across) == ({1, 2, 4}, 7, 20)


def test_a_picture_of_a_part_begins_with_a_whole_step() -> None:
    made = picture([plot([None] * 120)], [1], Span(2_057_000_000, 2_060_000_000), 60)
    axis, times = ("".join(text for text, _ in line) for line in made.lines[-2:])
    assert times.split() == ["2057", "ms", "2058", "ms", "2059", "ms"]
    assert axis.index("┬") == times.index("2057 ms")


@given(st.integers(1, 9), st.integers(1, 80), st.data())
def test_every_line_is_as_wide_as_it_is_said(height: int, across: int, data: st.DataObject) -> None:
    values = st.one_of(st.none(), st.tuples(st.integers(0, 50), st.integers(0, 50)))
    areas, lines = (
        data.draw(st.lists(values, min_size=2 * across, max_size=2 * across)) for _ in "ab"
    )
    area, line = (
        [(min(one), max(one)) if one else None for one in some] for some in (areas, lines)
    )
    made = picture([plot(area, line, stalled="! !", high=50)], [height], Span(0, 99), across)
    assert {len("".join(t for t, _ in line)) for line in made.lines[:-1]} == {made.left + across}
    assert {kind for line in made.lines for _, kind in line} <= {*KINDS, ""}


def test_joined() -> None:
    assert joined([("a", "x"), ("b", "x"), ("c", "")]) == [("ab", "x"), ("c", "")]


# --- what is shown ------------------------------------------------------------------------------


def test_zoom_keeps_its_place() -> None:
    assert WHOLE.zoomed(500_000, 0.5, WHOLE) == Span(250_000, 750_000)
    assert WHOLE.zoomed(100_000, 0.5, WHOLE) == Span(50_000, 550_000)
    assert Span(250_000, 750_000).zoomed(300_000, 2, WHOLE) == WHOLE


def test_zoom_has_an_end() -> None:
    assert Span(0, 1000).zoomed(0, 0.5, WHOLE) == Span(0, 1000)
    assert Span(0, 10).zoomed(5, 0.5, Span(0, 10)) == Span(0, 10)


def test_pan_stays_within() -> None:
    assert Span(0, 10).moved(5, WHOLE) == Span(5, 15)
    assert Span(0, 10).moved(-5, WHOLE) == Span(0, 10)
    assert Span(0, 10).moved(2_000_000, WHOLE) == Span(999_990, 1_000_000)


@given(SPANS, SPANS, st.integers(0, 10**12), st.sampled_from([0.5, 2.0]), st.integers(-9, 9))
def test_nothing_leads_out(span: Span, whole: Span, at: int, by: float, steps: int) -> None:
    for made in (span.within(whole).zoomed(at, by, whole), span.moved(steps * 1000, whole)):
        assert whole.begin <= made.begin <= made.end <= whole.end


@pytest.mark.parametrize(
    ("time", "column"), [(-1, -1), (0, 0), (99, 9), (100, 9), (101, 10), (9, 0)]
)
def test_columns(time: int, column: int) -> None:
    assert Span(0, 100).column(time, 10) == column


@given(SPANS, st.integers(1, 200))
def test_a_column_and_its_time(span: Span, across: int) -> None:
    if span.length >= 2 * across:
        for column in range(across):
            assert span.column(span.time(column, across), across) == column
