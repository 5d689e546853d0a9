"""Packets and events in the order of happening, however the capture is cut into batches."""

from collections.abc import Iterable

import pytest

from vsockdump.engine.track import Tracker
from vsockdump.events import Event, Kind, Name
from vsockdump.steps import End, Packet, flag_names, no_connection, since, steps

from .captures import START
from .conversation import MICRO, SECOND, Talk, batches
from .frames import RW, SHUTDOWN

WINDOW = 100_000


def sentence(event: Event, name: Name) -> str:
    """Word an event so that its place can be told, whatever its own words are."""
    ends = name(event.src_cid, event.src_port), name(event.dst_cid, event.dst_port)
    return (
        f"{event.kind.name} of {' and '.join(ends)}, in more words than a narrow line has room for"
    )


def stalled() -> Talk:
    """A window that is full for a second, and another connection meanwhile."""
    talk = Talk(buf=WINDOW).open().rw("src", WINDOW)
    Talk((4, 9), on=talk).request()  # nobody answers: said when two seconds are over
    talk.at(1).update("dst", fwd=WINDOW)
    return talk.at(5).rw("src", 10).close()


def happened(talk: Talk, flow: int = 0, cuts: Iterable[int] = ()) -> list[Packet | Event]:
    tracker = Tracker(steps=True)
    found: list[Packet | Event] = []
    for batch in batches(talk.packets, cuts=cuts):
        tracker.feed(batch)
        found += steps(batch, tracker, lambda number: flow in (0, number))
    tracker.finish()
    return [*found, *(event for event in tracker.events() if flow in (0, event.flow))]


def words(found: Iterable[Packet | Event]) -> list[int | str]:
    """Packets by their numbers, events by their kinds."""
    return [one.number if isinstance(one, Packet) else one.kind.name for one in found]


def test_order() -> None:
    # A stall is over when its packet comes; what did not come in time is said before what did.
    expected = [1, 2, 3, 4, "STALL", 5, "UNANSWERED", 6, 7, 8, "UNREAD_CLOSE", 9]
    assert words(happened(stalled())) == expected


def test_what_time_brings_about_comes_before_the_packet_that_shows_the_time() -> None:
    talk = Talk().request()
    Talk((4, 9), on=talk).at(1.9).request().at(2).request()
    Talk((5, 9), on=talk).at(2.1).request()
    assert words(happened(talk))[:5] == [1, 2, "UNANSWERED", 3, 4]


def test_one_connection() -> None:
    assert words(happened(stalled(), 1)) == [1, 2, 3, "STALL", 5, 6, 7, 8, "UNREAD_CLOSE", 9]
    assert words(happened(stalled(), 2)) == [4, "UNANSWERED"]
    assert happened(stalled(), 3) == []


@pytest.mark.parametrize("flow", [0, 1])
@pytest.mark.parametrize("cut", range(1, 9))
def test_any_cut_gives_the_same(cut: int, flow: int) -> None:
    assert happened(stalled(), flow, [cut]) == happened(stalled(), flow)


def test_an_event_at_a_packet_of_another_connection() -> None:
    talk = Talk().open().rw("src", 7)
    talk.request()  # over the old one: it says what became of that
    of_second = [one for one in happened(talk, 2) if isinstance(one, Event)]
    assert [event.kind for event in of_second] == [Kind.TUPLE_REUSE]
    assert words(happened(talk, 1)) == [1, 2, 3]


def test_packet() -> None:
    packets = [one for one in happened(stalled(), 1) if isinstance(one, Packet)]
    sent, told = packets[2], packets[3]
    assert sent[:12] == (
        *(3, START + 200 * MICRO, 1, 0, End(3, 1024), End(2, 1234)),
        *(RW, 1, WINDOW, 0, WINDOW, 0),
    )
    assert (sent.own, sent.other) == (sent.fwd, sent.rev)
    assert (sent.own.tx_cnt, sent.own.in_flight, sent.free) == (WINDOW, WINDOW, 0)
    assert (told.side, told.src, told.dst) == (1, End(2, 1234), End(3, 1024))
    assert (told.own, told.other) == (told.rev, told.fwd)
    assert (told.other.fwd_cnt, told.free) == (WINDOW, WINDOW)
    assert flag_names(packets[-3]._replace(op=SHUTDOWN, flags=3)) == ["rcv", "send"]


def test_what_belongs_to_no_connection_is_left_out() -> None:
    assert words(happened(Talk().raw(b"no header").request())) == [2]


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0.000000"),
        (999, "0.000000"),
        (-1_500, "-0.000001"),
        (61_317_000, "0.061317"),
        (999 * SECOND, "999.000000"),
        (1234 * SECOND + 567_891_234, "1234.56789"),
        (123_456_789 * SECOND + 900_000_000, "123456789"),
        (2**63 - 1, "9223372036"),
        (-(2**63), "-9223372036"),
    ],
)
def test_since(ns: int, text: str) -> None:
    assert since(ns) == text


def test_no_connection() -> None:
    assert no_connection(7).startswith("there is no connection 7;")
    assert no_connection(0) == "no packet belongs to a connection"
