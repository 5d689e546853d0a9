"""A connection's line: which columns fit, how wide they are, and what is cut."""

import pytest
from rich.cells import cell_len

from tests.test_flows import OPEN
from tests.test_tui_flowcells import CELLS, SENT, shown, ways
from vsockdump.flowcolumns import Record
from vsockdump.flowtext import Cells
from vsockdump.names import Names
from vsockdump.tui.flowcells import COLUMNS, Shown
from vsockdump.tui.flowline import Widths, head, line


def drawn(one: Shown, room: int) -> str:
    widths = Widths()
    widths.see([one])
    return "".join(text for text, _ in line(one, widths.within(room)))


def names(room: int, one: Shown) -> list[str]:
    widths = Widths()
    widths.see([one])
    given = zip(COLUMNS, widths.within(room), strict=True)
    return [column.name for column, width in given if width]


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
