"""The cells of a connection's line: what stands in them, and in which ink."""

import pytest

from tests.test_flows import CLOSED, MS, ONCE, OPEN, SIDE, STUCK, S
from vsockdump.flowcolumns import Record
from vsockdump.flows import STALL_PROBLEM, Flow, Side
from vsockdump.flowtext import Cells
from vsockdump.names import Names
from vsockdump.tui.flowcells import COLUMNS, Shown, tightest

CELLS = Cells(Names().endpoint)
SENT = SIDE._replace(bytes=100, window=262144, free=262144, min_free=262144)


def shown(flow: Flow, *, src: str | None = None, waited: int = 0, cells: Cells = CELLS) -> Shown:
    record = Record(flow, src)
    return Shown(record, cells(record), ([1, 2], [0, 4]), waited)


def ways(fwd: Side, rev: Side = SIDE, flow: Flow = OPEN) -> Flow:
    return flow._replace(fwd=fwd, rev=rev)


def ink(one: Shown, name: str) -> str:
    return next(column.cell(one, 8)[1] for column in COLUMNS if column.name == name)


def cell(one: Shown, name: str, width: int = 8) -> str:
    return next(column.cell(one, width)[0] for column in COLUMNS if column.name == name)


@pytest.mark.parametrize(
    ("free", "window", "wanted"),
    [
        (262144, 262144, "good"),
        (65536, 262144, "good"),
        (65535, 262144, "warn"),
        (65536, 1 << 30, "good"),
        (65535, 1 << 30, "warn"),
        (1024, 4096, "good"),
        (1023, 4096, "warn"),
        (0, 4096, "problem"),
    ],
)
def test_credit_is_coloured_by_how_little_is_left(free: int, window: int, wanted: str) -> None:
    one = shown(ways(SENT._replace(free=free, window=window)))
    assert (ink(one, "gauge"), ink(one, "free")) == (wanted, wanted)


def test_the_side_that_has_less_is_shown() -> None:
    less = SENT._replace(free=1000)
    assert tightest(ways(SENT, less))[:2] == ("←", 1000)
    assert tightest(ways(less, SENT))[:2] == ("→", 1000)
    assert cell(shown(ways(SENT, SENT._replace(free=131072))), "gauge", 5) == "←██··"


def test_nobody_has_said_anything_yet() -> None:
    one = shown(OPEN)
    assert (cell(one, "gauge"), cell(one, "free"), ink(one, "free")) == ("", "-", "")


@pytest.mark.parametrize(
    ("least", "longest", "wanted"),
    [(7, 0, "dim"), (0, 10 * MS, "warn"), (0, STALL_PROBLEM, "problem")],
)
def test_of_what_is_closed_the_least_is_shown(least: int, longest: int, wanted: str) -> None:
    side = SENT._replace(min_free=least, stalled=longest, longest_stall=longest)
    one = shown(ways(side, flow=CLOSED))
    assert (cell(one, "free"), ink(one, "free"), ink(one, "gauge")) == (str(least), wanted, wanted)


def test_the_least_has_a_bar_where_there_is_room() -> None:
    one = shown(ways(SENT._replace(min_free=131072), flow=CLOSED))
    drawn = [cell(one, "gauge", width) for width in (4, 5, 6, 9)]
    assert drawn == ["→min", "→min", "→min ▌", "→min ██··"]


def test_a_stall_that_is_over_does_not_grow() -> None:
    one = shown(ways(ONCE), waited=2 * S)
    assert (cell(one, "stalled"), ink(one, "stalled")) == ("3.000s", "")


def test_a_stall_that_goes_on_grows() -> None:
    one = shown(ways(STUCK), waited=250 * MS)
    assert (cell(one, "stalled"), ink(one, "stalled")) == ("3.250s", "problem")


def test_verdicts_have_their_colours() -> None:
    assert ink(shown(OPEN), "verdict") == "note"
    assert ink(shown(CLOSED), "verdict") == "good"
    assert ink(shown(ways(STUCK)), "verdict") == "problem"


def test_large_numbers_are_rounded() -> None:
    assert cell(shown(ways(SENT._replace(bytes=9_999_999))), "bytes") == "9999999"
    assert cell(shown(ways(SENT._replace(bytes=3 << 30))), "bytes") == "3 GiB"


def test_both_ways_are_drawn_to_the_same_scale() -> None:
    sparks = [column.cell(shown(OPEN), 8)[0] for column in COLUMNS if column.name == "spark"]
    assert sparks == ["▂▄", " █"]


def test_what_processes_are_called_is_escaped() -> None:
    assert "\x1b" not in cell(shown(OPEN, src="\x1b[31m"), "who")
