"""A connection's line: which columns fit, what stands in them, and in which colours."""

import pytest
from rich.cells import cell_len

from tests.test_flows import CLOSED, MS, ONCE, OPEN, SIDE, STUCK, S
from vsockdump.flowcolumns import Record
from vsockdump.flows import STALL_PROBLEM, Flow, Side
from vsockdump.flowtext import Cells
from vsockdump.names import Names
from vsockdump.tui.flowline import COLUMNS, Shown, Widths, head, line, tightest

CELLS = Cells(Names().endpoint)
SENT = SIDE._replace(bytes=100, window=262144, free=262144, min_free=262144)


def shown(flow: Flow, *, src: str | None = None, waited: int = 0, cells: Cells = CELLS) -> Shown:
    record = Record(flow, src)
    return Shown(record, cells(record), ([1, 2], [0, 4]), waited)


def ways(fwd: Side, rev: Side = SIDE, flow: Flow = OPEN) -> Flow:
    return flow._replace(fwd=fwd, rev=rev)


def drawn(one: Shown, room: int) -> str:
    widths = Widths()
    widths.see([one])
    return "".join(text for text, _ in line(one, widths.within(room)))


def names(room: int, one: Shown) -> list[str]:
    widths = Widths()
    widths.see([one])
    given = zip(COLUMNS, widths.within(room), strict=True)
    return [column.name for column, width in given if width]


def ink(one: Shown, name: str) -> str:
    return next(column.cell(one, 8)[1] for column in COLUMNS if column.name == name)


def cell(one: Shown, name: str, width: int = 8) -> str:
    return next(column.cell(one, width)[0] for column in COLUMNS if column.name == name)


# --- columns ----------------------------------------------------------------------------------


def test_eighty_characters_hold_what_matters() -> None:
    usual = shown(ways(SENT))
    assert {"who", "verdict", "bytes", "spark", "gauge", "free", "stalled"} <= set(names(79, usual))
    assert CELLS(Record(OPEN))[2] in drawn(usual, 79)


@pytest.mark.parametrize("room", range(66, 300, 7))
def test_lines_fit(room: int) -> None:
    one = shown(ways(SENT), src="a" * 100)
    assert cell_len(drawn(one, room).rstrip()) <= room


def test_wide_terminals_see_more() -> None:
    one = shown(ways(SENT))
    assert set(names(60, one)) < set(names(80, one)) < set(names(120, one)) < set(names(220, one))
    assert set(names(220, one)) == {column.name for column in COLUMNS}


def test_columns_do_not_get_narrower() -> None:
    widths = Widths()
    assert widths.see([shown(ways(SENT._replace(bytes=9_999_999)), src="python3[812]")])
    before = widths.within(120)
    assert not widths.see([shown(OPEN)])
    assert widths.within(120) == before


def test_headings_stand_above_their_columns() -> None:
    widths = Widths()
    one = shown(ways(SENT))
    widths.see([one])
    given = widths.within(120)
    assert head(given).index("verdict") == drawn(one, 120).index(one.words[3])


def test_wide_characters_are_counted_as_the_terminal_does() -> None:
    cells = Cells(Names({3: "記録", 2: "host"}).endpoint)
    one, plain = shown(ways(SENT), cells=cells), shown(OPEN._replace(src_cid=1234, fwd=SENT))
    assert len(drawn(one, 120)) == len(drawn(plain, 120)) - 2
    assert cell_len(drawn(one, 120)) == cell_len(drawn(plain, 120))


# --- cells ------------------------------------------------------------------------------------


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
    assert "\x1b" not in drawn(shown(OPEN, src="\x1b[31m"), 200)
