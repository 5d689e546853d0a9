"""The diagram in characters: what it says, and that it stays within its width."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.events import Doubt, Event, Kind, Severity
from vsockdump.ladder_text import GAP, WIDE, Diagram, room
from vsockdump.paint import NARROWEST
from vsockdump.rungs import Arrow, Incident, Quiet, Row
from vsockdump.steps import End

from .conversation import Talk
from .test_rungs import arrow, gather
from .test_steps import sentence, stalled


def name(cid: int, port: int) -> str:
    return f"{cid}:{port}"


def drawn(talk: Talk, width: int) -> list[str]:
    rungs = gather(talk, ends=room(width))
    diagram = Diagram(rungs.ends, name, width, rungs.start)
    return [line.text for line in diagram.lines(rungs.rows)]


def test_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Event, "text", sentence)
    assert drawn(stalled(), 80) == [
        "      time      since  3:1024                   2:1234                      4:9",
        "  0.000000   0.000000    ├───── REQUEST stream ───▶│                         │",
        "  0.000100   0.000100    │◀─── RESPONSE stream ────┤                         │",
        "  0.000200   0.000100    ├─── RW 100000, free 0 ──▶│                         │",
        "  0.000300   0.000100    │                         │◀──── REQUEST stream ────┤",
        "                         ░░ STALL of 3:1024 and 2:1234, in more words than a ░",
        "                         ░░░░░░░░░░░░░░ narrow line has room for ░░░░░░░░░░░░░",
        "  1.000000   0.999700    │◀──── CREDIT_UPDATE ─────┤                         │",
        "                    ▲ problem: UNANSWERED of 4:9 and 2:1234, in more words",
        "                      than a narrow line has room for",
        "                         ·············· 4.000 s without a packet ·············",
        "  5.000000   4.000000    ├─── RW 10, free 99990 ──▶│                         │",
        "  5.000100   0.000100    ├─── SHUTDOWN rcv|send ──▶│                         │",
        "  5.000200   0.000100    │◀───────── RST ──────────┤                         │",
        "                    ▲ problem: UNREAD_CLOSE of 3:1024 and 2:1234, in more",
        "                      words than a narrow line has room for",
        "  5.000300   0.000100    │◀───────── RST ──────────┤                         │",
    ]


def test_wide_has_numbers_and_an_arrow_is_not_longer_than_need_be() -> None:
    talk = Talk().open().rw("src", 1).rw("src", 1).rw("dst", 5)
    wide = drawn(talk, WIDE)
    assert [line.split()[0] for line in wide] == ["#", "1", "2", "3", "5"]
    assert drawn(talk, WIDE - 1)[0].split()[0] == "time"
    assert max(map(len, drawn(talk, 160))) < 120


def test_an_arrow_crosses_the_columns_between() -> None:
    talk = Talk().request()
    for cid in (4, 5, 6):
        Talk((cid, 9), on=talk).rst("src")
    last = drawn(talk, 160)[4]
    assert last.count("┼") == 2
    assert last.index("◀") < last.index("┼") < last.index("┤")


def test_who_talks_to_itself() -> None:
    assert drawn(Talk((1, 5), (1, 5)).request(), 80)[1] == "  0.000000   0.000000   ├─ REQUEST"


@pytest.mark.parametrize(("width", "columns"), [(80, 3), (100, 4), (160, 7)])
def test_room(width: int, columns: int) -> None:
    assert room(width) == columns


ENDS = [End(cid, cid) for cid in range(1, 9)]
TIMES = st.integers(0, 2**63 - 1)
ARROWS = st.builds(
    lambda ends, op, time, size, packets, flags: arrow(
        op, src=ends[0], dst=ends[1], time=time, len=size, packets=packets, flags=flags
    ),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.integers(0, 99),
    TIMES,
    st.integers(0, 2**40),
    st.integers(1, 10**6),
    st.integers(0, 2**32 - 1),
)
EVENT = Event(Kind.MISMATCH, Severity.WARN, Doubt.NONE, 1, 1, 1, 1, 2, 2, 0, 0, (1,), ())
STALL = EVENT._replace(kind=Kind.STALL, numbers=(1, 2, 3, 0, 1))
ROWS: st.SearchStrategy[Row] = st.one_of(
    ARROWS, st.builds(Quiet, TIMES), st.sampled_from([Incident(EVENT, 0, 1), Incident(STALL, 1, 2)])
)


@given(
    st.lists(ROWS, max_size=9),
    st.integers(NARROWEST, 300),
    st.lists(st.text("a\n\x1b\u202e\u00e9", min_size=1), min_size=8, max_size=8),
    st.data(),
)
def test_lines_keep_to_their_width(
    rows: list[Row], width: int, names: list[str], data: st.DataObject
) -> None:
    ends = ENDS[: data.draw(st.integers(3, max(room(width), 3)))]
    diagram = Diagram(ends, lambda cid, port: names[cid - 1], width, 0)
    for line in diagram.lines(rows):
        assert len(line.text) <= width
        assert line.text.isprintable()
        assert line.text == line.text.rstrip()


def test_columns_are_far_enough_apart() -> None:
    for width in range(NARROWEST, 200):
        line = drawn(Talk().request(), width)[1]
        assert len(line) - line.index("├") > GAP


def test_gaps_as_tall_as_is_said() -> None:
    rungs = gather(stalled())
    diagram = Diagram(rungs.ends, name, 80, rungs.start, lambda length: length // 10**9 * 3)
    lines = [line for line in diagram.lines(rungs.rows) if line.kind in ("stall", "quiet")]
    assert [line.kind for line in lines].count("quiet") == 12
    assert " 4.000 s without a packet " in lines[-7].text  # in the middle
    assert len({len(line.text) for line in lines}) == 1


def test_where_an_arrow_is() -> None:
    rungs = gather(stalled())
    diagram = Diagram(rungs.ends, name, 80, rungs.start)
    for row in rungs.rows:
        (line, *_) = diagram.row(row)
        if isinstance(row, Arrow):
            begin, end = diagram.extent(row)
            assert line.text[begin] in "├◀│" and line.text[end - 1] in "┤▶│"
            assert line.kind == ""


def test_who_is_in_the_middle_has_room_on_both_sides() -> None:
    ends = [End(3, 1), End(123456789, 4000000000), End(4, 1)]
    assert " 123456789:4000000000 " in Diagram(ends, name, 80, 0).head().text
