"""The tracker, what the ends count: read more than was sent, less than before, more than 2^32."""

import pytest

from vsockdump.events import Doubt, Kind, Severity
from vsockdump.flows import Flow, Verdict

from .conversation import Found, Talk, Who, expect, found, track

NOTE, WARN, PROBLEM = Severity
GIB = 1 << 30


def lossy() -> Talk:
    """A connection of which the capture lost 50 bytes; packet 4 says at 1 s that `dst` has them."""
    return Talk().open().rw("src", 100).at(1).update("dst", fwd=150)


def gap(who: Who, *packets: int, missing: int = 50) -> Found:
    return expect(Kind.GAP, WARN, who, packets, missing=missing).but(Doubt.GUESS)


AHEAD: dict[str, tuple[Talk, list[Found]]] = {
    "as much as was sent": (Talk().open().rw("src", 100).update("dst", fwd=100).close(), []),
    "more, and 19 ms later what was sent": (lossy().at(1.019).rw("src", 50).close(), []),
    "more, and 21 ms later still": (
        lossy().at(1.021).rw("dst", 1),
        [gap("src", 4, 5)],
    ),
    "more, and so once again, and 20 ms later what was sent": (
        lossy().at(1.019).update("dst").rw("src", 50).close(),
        [],
    ),
    "more, and a close": (lossy().close(), [gap("src", 4, 6)]),
    "more, and a reset": (lossy().rst("src"), [gap("src", 4, 5)]),
    "more, when the capture ends": (lossy(), []),
    "more, and more than 20 ms later the capture ends": (
        Talk((3, 9), on=lossy()).at(1.021).request(),
        [gap("src", 4)],
    ),
    "more, of what the side that was asked sent": (
        Talk().open().rw("dst", 100).at(1).update("src", fwd=150).at(2).rw("src", 1),
        [gap("dst", 4, 5)],
    ),
    "more, twice": (
        lossy().at(2).rw("src", 10).at(3).update("dst", fwd=190).at(4).rw("src", 1),
        [gap("src", 4, 5), gap("src", 6, 7, missing=30)],
    ),
    "before anything can have been sent": (
        Talk().request().response(fwd=7).at(1).rw("src", 10).at(2).update("dst", fwd=17),
        [expect(Kind.FWD_CNT_AHEAD, PROBLEM, "dst", (2,), fwd_cnt=7, tx_cnt=0, ahead=7)],
    ),
    "by who asked, before it was answered": (
        Talk().request(fwd=7),
        [expect(Kind.FWD_CNT_AHEAD, PROBLEM, "src", (1,), fwd_cnt=7, tx_cnt=0, ahead=7)],
    ),
    "nothing is known of the beginning": (
        Talk().rw("src", 100).update("dst", fwd=7000).at(1).update("dst", fwd=7100),
        [],
    ),
}


@pytest.mark.parametrize(("talk", "events"), AHEAD.values(), ids=AHEAD)
def test_read_more_than_was_sent(talk: Talk, events: list[Found]) -> None:
    ahead = {Kind.GAP, Kind.FWD_CNT_AHEAD, Kind.FWD_CNT_BACK, Kind.OVERRUN}
    assert [e for e in found(track(talk).events) if e.kind in ahead] == events


def test_a_gap_is_made_good_in_the_counts() -> None:
    """What is missing counts as sent, but not as seen; the verdict is the capture's."""
    (flow,) = track(lossy().at(2).rw("src", 10)).flows
    assert (flow.fwd.bytes, flow.fwd.tx_cnt, flow.fwd.in_flight) == (110, 160, 10)
    assert (flow.missing, flow.verdict, flow.doubt) == (50, Verdict.GAP, Doubt.GAP)


def test_what_came_late_was_read_already() -> None:
    (flow,) = track(lossy().at(1.019).rw("src", 60)).flows
    assert (flow.fwd.tx_cnt, flow.fwd.fwd_cnt, flow.fwd.in_flight) == (160, 150, 10)


def test_more_than_was_allowed_where_bytes_are_missing() -> None:
    """What is missing had been read before: there was room for all of it."""
    talk = Talk(buf=4096).open().rw("src", 1000).at(1).update("dst", fwd=1100)
    talk.rw("src", 4296).at(1.05).update("dst", fwd=5400)
    assert [event.kind for event in track(talk).events] == [Kind.GAP, Kind.STALL]


BACK: dict[str, tuple[Talk, list[Found]]] = {
    "the same": (Talk().open().rw("src", 9).update("dst", fwd=9).at(1).update("dst", fwd=9), []),
    "less and less, said once": (
        Talk()
        .open()
        .rw("src", 100)
        .at(1)
        .update("dst", fwd=90)
        .at(2)
        .update("dst", fwd=40)
        .at(3)
        .update("dst", fwd=30),
        [expect(Kind.FWD_CNT_BACK, PROBLEM, "dst", (5,), before=90, fwd_cnt=40)],
    ),
    "less, 19 ms later: two packets changed places": (
        Talk().open().rw("src", 100).at(1).update("dst", fwd=90).at(1.019).update("dst", fwd=40),
        [],
    ),
    "less than what was said first 21 ms ago": (
        Talk()
        .open()
        .rw("src", 100)
        .at(1)
        .update("dst", fwd=90)
        .at(1.015)
        .update("dst", fwd=90)
        .at(1.021)
        .update("dst", fwd=40),
        [expect(Kind.FWD_CNT_BACK, PROBLEM, "dst", (6,), before=90, fwd_cnt=40)],
    ),
}


@pytest.mark.parametrize(("talk", "events"), BACK.values(), ids=BACK)
def test_read_less_than_before(talk: Talk, events: list[Found]) -> None:
    assert found(track(talk).events) == events


# --- 2^32 bytes and more ----------------------------------------------------------------------


def test_counts_go_round() -> None:
    talk = Talk(buf=2 * GIB).open()
    for sent in range(1, 10):
        talk.rw("src", GIB, held=0).update("dst", fwd=sent * GIB - 1)
    seen = track(talk)
    side = seen.flows[0].fwd
    assert seen.events == []
    assert (side.bytes, side.tx_cnt, side.fwd_cnt) == (9 * GIB, GIB, GIB - 1)
    assert (side.in_flight, side.free, side.min_free) == (1, 2 * GIB - 1, GIB - 1)


def test_a_gap_is_seen_where_counts_go_round() -> None:
    talk = Talk(buf=2 * GIB).open()
    for sent in range(1, 4):
        talk.rw("src", GIB, held=0).update("dst", fwd=sent * GIB)
    talk.rw("src", GIB - 10, held=0).update("dst", fwd=4 * GIB + 5).at(1).rw("src", 20)
    seen = track(talk)
    assert [(e.kind, e.values) for e in seen.events] == [(Kind.GAP, {"missing": 15})]
    assert (seen.flows[0].fwd.tx_cnt, seen.flows[0].fwd.in_flight) == (25, 20)


def test_a_gap_may_be_of_a_gigabyte_and_a_half() -> None:
    talk = Talk(buf=2 * GIB).open().rw("src", GIB, held=0).update("dst", fwd=5 * GIB // 2)
    seen = track(talk.at(1).update("dst"))
    assert [(e.kind, e.values) for e in seen.events] == [(Kind.GAP, {"missing": 3 * GIB // 2})]


def credit(flow: Flow) -> tuple[int, int | None, int, int | None]:
    return flow.fwd.tx_cnt, flow.fwd.fwd_cnt, flow.fwd.in_flight, flow.fwd.free


def test_in_the_middle_the_counts_begin_at_what_was_read() -> None:
    """tx_cnt is unknown: what `dst` has read is the least that was sent."""
    talk = Talk().update("dst", fwd=5000).rw("src", 100).update("dst", fwd=5060)
    (flow,) = track(talk).flows
    assert (flow.rev.tx_cnt, flow.rev.fwd_cnt, flow.rev.in_flight) == (5100, 5060, 40)
    assert flow.doubt is Doubt.MID_STREAM


def test_in_the_middle_any_count_is_a_beginning() -> None:
    seen = track(Talk().rw("src", 100).at(1).update("dst", fwd=3 * GIB).rw("src", 10))
    assert seen.events == []
    assert credit(seen.flows[0]) == (3 * GIB + 10, 3 * GIB, 10, 262144 - 10)


def test_in_the_middle_what_was_read_raises_the_count() -> None:
    talk = Talk().rw("src", 100).update("dst", fwd=9000).at(1).update("dst", fwd=9500)
    seen = track(talk.rw("src", 10))
    assert seen.events == []
    assert credit(seen.flows[0]) == (9510, 9500, 10, 262144 - 10)
