"""The tracker's answers: rankings, single connections, steps, marks, and how long things took."""

import copy
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.engine.track import Tracker
from vsockdump.events import Kind
from vsockdump.flows import Counts

from .conversation import MICRO, MILLI, SECOND, Talk, batches, track
from .frames import NO_INFO, monitor


def fed(talk: Talk, **how: bool) -> Tracker:
    tracker = Tracker(**how)
    for batch in batches(talk.packets):
        tracker.feed(batch)
    return tracker


def several() -> Talk:
    """Connections 1 to 4, from ports 11 to 14: each is first in something."""
    talk = Talk((3, 11), buf=1000).at(0).open().rw("src", 100).rw("dst", 100)
    small = Talk((3, 12), buf=1000, on=talk).open()
    for sent in range(1, 9):
        small.rw("src", 1).update("dst", fwd=sent)
    full = Talk((3, 13), buf=1000, on=talk).open().rw("src", 1000)
    Talk((3, 14), buf=1000, on=talk).open()
    full.at(0.5).update("dst", fwd=1000)
    talk.at(9).update("dst", fwd=100)
    return talk


# --- rankings ---------------------------------------------------------------------------------

TOP = {
    "bytes": [13, 11, 12, 14],
    "packets": [12, 11, 13, 14],
    "duration": [11, 13, 12, 14],
    "stalled": [13, 11, 12, 14],  # and of equals the first
    "longest_stall": [13, 11, 12, 14],
}


@pytest.mark.parametrize("by", TOP)
@pytest.mark.parametrize("most", [1, 2, 3, 4, 5])
def test_the_greatest_first(by: str, most: int) -> None:
    tracker = fed(several())
    assert [flow.src_port for flow in tracker.top(most, by)] == TOP[by][:most]


def test_the_longest_stall_and_all_of_them() -> None:
    often = Talk((3, 11), buf=10).open().at(1).rw("src", 10)
    once = Talk((3, 12), buf=10, on=often).open().rw("src", 10)
    often.at(1.4).update("dst", fwd=10).rw("src", 10)
    once.at(1.6).update("dst", fwd=10)
    often.at(1.8).update("dst", fwd=20)
    tracker = fed(often)
    first = [tracker.top(1, by)[0].src_port for by in ("stalled", "longest_stall")]
    assert first == [11, 12]


def test_no_such_ranking() -> None:
    with pytest.raises(KeyError):
        fed(several()).top(1, "beauty")


# --- one connection ---------------------------------------------------------------------------


def test_a_connection_by_its_number() -> None:
    tracker = fed(several())
    flows = list(tracker.flows())
    assert [flow.number for flow in flows] == [1, 2, 3, 4]
    assert [tracker.flow(number) for number in range(6)] == [None, *flows, None]


def test_a_snapshot_does_not_change() -> None:
    tracker, talk = Tracker(), several()
    snapshots = []
    for batch in batches(talk.packets, cuts=[4]):
        tracker.feed(batch)
        snapshots.append(tracker.flow(1))
    assert [flow.fwd.bytes + flow.rev.bytes for flow in snapshots if flow] == [200, 200]
    assert [flow.last_packet for flow in snapshots if flow] == [4, len(talk.packets)]


# --- a batch's packets ------------------------------------------------------------------------


def mixed() -> Talk:
    """Packets of no connection before and between those of one, which is refused with the last."""
    odd = monitor(transport=NO_INFO, length=0)
    return Talk().raw(odd).request().raw(odd).no_socket("dst")


def test_steps_and_marks_are_a_packets() -> None:
    tracker = fed(mixed(), steps=True)
    steps = [tracker.step(row) for row in range(4)]
    assert [step and (step.flow, step.side) for step in steps] == [None, (1, 0), None, (1, 1)]
    marks = [[event.kind for event in tracker.marks(row)] for row in range(4)]
    assert marks == [[], [], [], [Kind.REFUSED]]
    assert [event.kind for event in tracker.events()] == [Kind.REFUSED]
    assert tracker.marks(3) == []


def test_what_no_packet_brings_about_marks_none() -> None:
    talk = Talk().request()
    Talk((3, 9), on=talk).at(5).request()
    tracker = fed(talk)
    assert [tracker.marks(row) for row in range(2)] == [[], []]
    assert [event.packets for event in tracker.events()] == [(1,)]


@pytest.mark.parametrize("row", [-1, 4])
def test_a_row_that_is_not_there(row: int) -> None:
    with pytest.raises(IndexError):
        fed(mixed(), steps=True).step(row)


def test_steps_are_kept_only_where_wanted() -> None:
    with pytest.raises(IndexError):
        fed(mixed()).step(1)


def test_events_that_nobody_wants_are_counted() -> None:
    tracker = fed(mixed(), events=False)
    assert tracker.events() == []
    assert [flow.problems for flow in tracker.flows()] == [1]


def test_nothing_was_fed() -> None:
    tracker = Tracker()
    tracker.finish()
    assert (tracker.events(), list(tracker.flows()), tracker.ended()) == ([], [], [])
    assert tracker.counts == Counts(0, 0, 0, 0, 0, 0, 0, 0, 0, None, None)


def test_counts() -> None:
    talk = mixed().rw("dst", 10)
    Talk((3, 7), on=talk.at(4)).rw("src", 1)
    counts = fed(talk).counts
    assert (counts.packets, counts.followed, counts.unread) == (6, 4, 2)
    assert (counts.flows, counts.midstream, counts.missing) == (2, 1, 0)
    assert counts.first is not None and counts.last == counts.first + 4 * SECOND


def test_bytes_that_are_missing_are_counted() -> None:
    talk = Talk().open().rw("src", 5).update("dst", fwd=50).at(1).update("dst")
    assert fed(talk).counts.missing == 45


# --- times ------------------------------------------------------------------------------------


def tolerant(ns: int) -> tuple[int, int]:
    """The least and most that may be said of a length of time: an eighth more."""
    return ns, ns + ns // 8


@given(st.integers(0, 1 << 50))
def test_how_long_a_response_took(ns: int) -> None:
    first, second = Talk().open().packets
    tracker = Tracker()
    for batch in batches([first, second._replace(time=ns)]):
        tracker.feed(batch)
    ((found, count),) = tracker.connect_times()
    least, most = tolerant(ns)
    assert least <= found <= most and count == 1
    assert tracker.credit_times() == []


def test_how_long_it_took_until_data_was_read() -> None:
    talk = Talk().open().at(1).rw("src", 100).rw("src", 50).at(1.003).update("dst", fwd=100)
    talk.at(2).rw("src", 10).at(2.003).update("dst", fwd=160)
    ((found, count),) = fed(talk).credit_times()
    assert 3 * MILLI <= found <= 3 * MILLI + 400 * MICRO and count == 2


def test_times_of_a_refusal_and_of_the_middle_are_none() -> None:
    talk = Talk().request().no_socket("dst")
    Talk((3, 7), on=talk).response()
    assert fed(talk).connect_times() == []


# --- what cannot be ---------------------------------------------------------------------------

WRONG: list[tuple[type[Exception], Callable[[Tracker], object]]] = [
    (ValueError, lambda _: Tracker(most=0)),
    (ValueError, lambda _: Tracker(most=1 << 30)),
    (OverflowError, lambda _: Tracker(most=-1)),
    (IndexError, lambda tracker: tracker.interface(-1)),
    (IndexError, lambda tracker: tracker.interface(65536)),
    (TypeError, lambda tracker: tracker.feed(None)),  # type: ignore[arg-type]
    (TypeError, copy.copy),
    (TypeError, pickle.dumps),
]


@pytest.mark.parametrize(("error", "ask"), WRONG)
def test_what_cannot_be(error: type[Exception], ask: Callable[[Tracker], object]) -> None:
    with pytest.raises(error):
        ask(Tracker())


def test_the_end_comes_once() -> None:
    talk = Talk(buf=1000).open().rw("src", 1000)
    Talk((3, 9), on=talk).at(5).request()
    tracker = fed(talk)
    tracker.finish()
    tracker.finish()
    assert [event.kind for event in tracker.events()] == [Kind.STALL]
    assert track(talk).flows == list(tracker.flows())
