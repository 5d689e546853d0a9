"""A part of a ladder: its rows, what else there is, and where the next part begins."""

from collections.abc import Iterator
from itertools import accumulate

import pytest

from vsockdump.events import Event
from vsockdump.flows import Flow
from vsockdump.rungs import Arrow, Incident, Quiet
from vsockdump.steps import Packet
from vsockdump.tui import ladderpart
from vsockdump.tui.ladderpart import Asked, Part, in_order

from .conversation import MILLI, SECOND, Talk, track
from .test_steps import happened, stalled


def flows(talk: Talk) -> list[Flow]:
    return track(talk).flows


def part(talk: Talk, *, whole: bool = False, begin: int = 0) -> Part:
    made = Part(Asked(flows(talk), whole, begin))
    made.read(happened(talk), lambda: True)
    return made


def numbers(one: Part) -> list[int]:
    return [row.number for row in one.rungs.rows if isinstance(row, Arrow)]


def parts(talk: Talk) -> Iterator[Part]:
    begin: int | None = 0
    while begin is not None:
        made = part(talk, begin=begin)
        yield made
        begin = made.next


def test_all_of_it() -> None:
    made = part(stalled())
    assert numbers(made) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert (made.before, made.next, made.homeless) == (0, None, 0)
    assert made.title == "packets 1 to 9 of 9"


def test_columns_are_those_of_who_opened() -> None:
    made = part(Talk().rw("dst", 1).rw("src", 1))
    first = made.rungs.rows[0]
    assert isinstance(first, Arrow)
    assert (made.rungs.ends[first.src].cid, made.asked.flows[0].src_cid) == (2, 2)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 12])
def test_parts_hold_everything_once(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladderpart, "ROWS", rows)
    made = list(parts(stalled()))
    assert [number for one in made for number in numbers(one)] == [*range(1, 10)]
    events = [row.event for one in made for row in one.rungs.rows if isinstance(row, Incident)]
    assert events == [one for one in happened(stalled()) if isinstance(one, Event)]
    drawn = accumulate((one.rungs.packets for one in made), initial=0)
    assert [one.before for one in made] == list(drawn)[:-1]
    assert all(one.rungs.ends == made[0].rungs.ends for one in made)


def test_what_is_said_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladderpart, "ROWS", 5)
    first, *_, last = parts(stalled())
    assert first.title == "packets 1 to 4 of 9, ] goes on"
    assert last.title == "packets 8 to 9 of 9, [ goes back"


def test_a_run_goes_on_although_there_is_no_other_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladderpart, "ROWS", 3)
    made = part(Talk().open().rw("src", 1).rw("src", 2).rw("dst", 3))
    (*_, run) = made.rungs.rows
    assert isinstance(run, Arrow)
    assert (run.packets, made.lasts[2].number, made.next) == (2, 4, 4)


def test_every_packet() -> None:
    talk = Talk().open().rw("src", 1).rw("src", 2)
    assert [len(part(talk, whole=whole).rungs.rows) for whole in (False, True)] == [3, 4]


def test_a_pause_is_worth_a_row_by_its_share() -> None:
    talk = Talk().open().at(0.1).rw("src", 1).at(0.101).rw("dst", 1)
    pauses = [row.length for row in part(talk).rungs.rows if isinstance(row, Quiet)]
    assert pauses == [100 * MILLI - 100_000]
    assert not any(
        isinstance(row, Quiet) for row in part(Talk().open().at(0.009).rw("src", 1)).rungs.rows
    )
    long = Talk().open().at(1.2).rw("src", 1).at(1000).rw("src", 1)
    assert sum(isinstance(row, Quiet) for row in part(long).rungs.rows) == 2


def test_who_finds_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladderpart, "ENDS", 2)
    made = part(stalled())
    assert made.title == "packets 1 to 8 of 9, no room for 1 of the connections"


def test_it_ends_when_it_is_not_wanted() -> None:
    made = Part(Asked(flows(stalled())))
    made.read(happened(stalled()), iter([True, True, False]).__next__)
    assert numbers(made) == [1, 2]


def test_what_was_asked_adds_up() -> None:
    asked = Asked(flows(stalled()))
    assert (asked.packets, asked.span) == (9, 5 * SECOND + 300_000)
    assert (Asked(()).packets, Asked(()).start, Asked(()).span) == (0, 0, 1)


def test_several_connections_in_order() -> None:
    talk = stalled()
    merged = list(in_order([happened(talk, 1), happened(talk, 2)]))
    assert [one.number for one in merged if isinstance(one, Packet)] == list(range(1, 10))
    assert [one.kind.name for one in merged if isinstance(one, Event)] == [
        one.kind.name for one in happened(talk) if isinstance(one, Event)
    ]
