"""The tracker, stalls: how long, how bad, who is to blame, and who could not send at all."""

import pytest

from vsockdump.events import Blame, Doubt, Kind, Severity

from .conversation import MILLI, SECOND, TICK, Found, Talk, expect, found, track
from .frames import SEQPACKET, STREAM

NOTE, WARN, PROBLEM = Severity
K = 1024


def full(buf: int = 256 * K) -> Talk:
    """A connection whose window `src` has used up in packets 3 to 6, the last one at 1 s."""
    talk = Talk(buf=buf).open()
    for _ in range(3):
        talk.rw("src", buf // 4)
    return talk.at(1).rw("src", buf // 4)


def own_full() -> Talk:
    """A connection on which `src` has sent as much as it takes itself, at 1 s."""
    return Talk().request(buf=64 * K).response().at(1).rw("src", 64 * K)


def stall(
    severity: Severity,
    packets: tuple[int, ...],
    length: int,
    blame: Blame = Blame.NOT_READING,
    lifted: int = 1,
) -> Found:
    """The stall that `full()` begins."""
    return expect(
        Kind.STALL,
        severity,
        "src",
        packets,
        length_s=length,
        in_flight=256 * K,
        window=256 * K,
        blame=blame,
        lifted=lifted,
    )


def lifted_at(seconds: float) -> Talk:
    return full().at(seconds).update("dst", fwd=256 * K).rw("src", 10)


STALLS: dict[str, tuple[Talk, list[Found]]] = {
    "for 9 ms": (lifted_at(1.009), []),
    "for 10 ms": (lifted_at(1.01), [stall(NOTE, (6, 7), 10 * MILLI)]),
    "for 199 ms": (lifted_at(1.199), [stall(NOTE, (6, 7), 199 * MILLI)]),
    "for 200 ms": (lifted_at(1.2), [stall(WARN, (6, 7), 200 * MILLI)]),
    "for 999 ms": (lifted_at(1.999), [stall(WARN, (6, 7), 999 * MILLI)]),
    "for 1 s": (lifted_at(2), [stall(PROBLEM, (6, 7), SECOND)]),
    "not all of the window is used": (
        Talk().open().rw("src", 256 * K - 1).at(9).update("dst", fwd=256 * K - 1).rw("src", 1),
        [],
    ),
    "never lifted": (
        Talk((3, 9), on=full()).at(3.5).request(),
        [stall(PROBLEM, (6,), 2500 * MILLI, lifted=0)],
    ),
    "not lifted for less than a second": (
        Talk((3, 9), on=full()).at(1.5).request(),
        [stall(WARN, (6,), 500 * MILLI, lifted=0)],
    ),
    "not lifted when the capture ends": (full(), []),
    "its own buffer is full": (  # which new kernels keep to, and others do not
        own_full().at(2).update("dst", fwd=64 * K).rw("src", 1),
        [stall(NOTE, (3, 4), SECOND).but(Doubt.GUESS).of(in_flight=64 * K, window=64 * K)],
    ),
    "its own buffer is full, and it has sent more before": (
        own_full()
        .rw("src", 1)
        .at(3)
        .update("dst", fwd=64 * K + 1)
        .rw("src", 64 * K)
        .at(5)
        .update("dst", fwd=128 * K + 1)
        .rw("src", 1),
        [],
    ),
    "the buffer is made smaller": (
        Talk().open().rw("src", 5000).at(1).update("dst", buf=4096).at(3).update("dst", fwd=5000),
        [
            expect(
                Kind.BUF_SHRUNK, WARN, "dst", (4,), before=256 * K, buf_alloc=4096, in_flight=5000
            ),
            stall(NOTE, (3, 5), 2 * SECOND).but(Doubt.GUESS).of(in_flight=5000, window=4096),
        ],
    ),
    "closed instead": (
        Talk(buf=1024).open().rw("src", 1024).shutdown("src", 3).at(1.5).rst("dst", fwd=1024),
        [],
    ),
    "closed at last": (
        full().at(3).shutdown("src", 3).at(3.5).rst("dst", fwd=256 * K),
        [stall(PROBLEM, (6,), 2 * SECOND, lifted=0)],
    ),
    "lifted a bit, and used up at once": (
        full().at(2).update("dst", fwd=64 * K).rw("src", 64 * K).at(4).update("dst", fwd=256 * K),
        [stall(PROBLEM, (6, 7), SECOND), stall(PROBLEM, (8, 9), 2 * SECOND - TICK)],
    ),
    "lifted by data of the other side": (
        full().at(1.1).rw("dst", 9, fwd=256 * K).rw("src", 1),
        [stall(NOTE, (6, 7), 100 * MILLI)],
    ),
    "lifted by the end": (
        full().at(1.1).shutdown("dst", 3, fwd=256 * K),
        [stall(NOTE, (6, 7), 100 * MILLI, Blame.NO_UPDATE)],
    ),
    "lifted when asked": (
        full().at(2.5).ask("src").update("dst", fwd=256 * K).rw("src", 1),
        [stall(PROBLEM, (6, 8), 1500 * MILLI + TICK, Blame.NO_UPDATE)],
    ),
    "asked, and read only later": (
        full().ask("src").update("dst").at(2.5).update("dst", fwd=256 * K).rw("src", 1),
        [stall(PROBLEM, (6, 9), 1500 * MILLI)],
    ),
}


@pytest.mark.parametrize(("talk", "events"), STALLS.values(), ids=STALLS)
def test_a_stall(talk: Talk, events: list[Found]) -> None:
    assert found(track(talk).events) == events


def nearly(kind: int) -> Talk:
    """A connection with 9000 bytes under way, and room for 1000 more; at 2 s there is for all."""
    return Talk(buf=10_000, kind=kind).open().rw("src", 9000, flags=kind - 1).at(2)


WAITED = {"length_s": 2 * SECOND - 2 * TICK, "in_flight": 9000, "window": 10_000, "lifted": 1}
ROOM: dict[str, tuple[Talk, list[Found]]] = {
    "a stream takes what fits: it had nothing to send": (
        nearly(STREAM).update("dst", fwd=9000).rw("src", 9000),
        [],
    ),
    "a message waits for room": (
        nearly(SEQPACKET).update("dst", fwd=9000).rw("src", 9000, flags=1),
        [
            expect(Kind.STALL, NOTE, "src", (3, 5), blame=Blame.NOT_READING, **WAITED).but(
                Doubt.GUESS
            )
        ],
    ),
    "a message that would have had room": (
        nearly(SEQPACKET).update("dst", fwd=9000).rw("src", 1000, flags=1),
        [],
    ),
    "a message, later": (
        nearly(SEQPACKET).update("dst", fwd=9000).at(2.05).rw("src", 9000, flags=1),
        [],
    ),
    "a message waits for an answer": (
        nearly(SEQPACKET).rw("dst", 9, fwd=9000, flags=1).rw("src", 9000, flags=1),
        [],
    ),
}


@pytest.mark.parametrize(("talk", "events"), ROOM.values(), ids=ROOM)
def test_room_for_all_of_it(talk: Talk, events: list[Found]) -> None:
    assert found(track(talk).events) == events


def test_a_request_for_credit_that_nobody_answers() -> None:
    talk = Talk((3, 9), on=full().at(1.2).ask("src")).at(3.5).request()
    events = {e.kind: e for e in found(track(talk).events)}
    assert set(events) == {Kind.STALL, Kind.CREDIT_REQUEST_UNANSWERED}
    assert events[Kind.STALL].numbers["blame"] == Blame.REQUEST_UNANSWERED
    assert events[Kind.CREDIT_REQUEST_UNANSWERED].packets == (7,)


@pytest.mark.parametrize(("after", "said"), [(0.9, False), (1.1, True)])
def test_a_request_for_credit_is_answered_late(after: float, said: bool) -> None:
    talk = Talk().open().at(1).ask("src").at(1 + after).update("dst")
    event = expect(Kind.CREDIT_REQUEST_UNANSWERED, PROBLEM, "src", (3,), waited_s=SECOND)
    assert found(track(talk).events) == ([event] if said else [])


def test_a_request_for_credit_has_its_own_second() -> None:
    """The time of one that was answered is not that of the next."""
    talk = Talk().open().at(1).ask("src").update("dst").at(1.9).ask("src").at(2.5).update("dst")
    assert track(talk).events == []


def test_any_packet_answers_a_request_for_credit() -> None:
    talk = Talk().open().ask("src").rw("dst", 1).at(5).rw("src", 1)
    assert track(talk).events == []


def test_a_buffer_that_grows_beyond_the_senders_own_is_no_problem() -> None:
    talk = Talk(buf=64 * K).open().at(1).rw("src", 64 * K).update("dst", buf=256 * K)
    seen = track(talk.at(3).update("dst", fwd=64 * K).rw("src", 1))
    assert {event.severity for event in seen.events} <= {NOTE}
    assert not seen.flows[0].stalled


def test_stalls_add_up() -> None:
    talk = lifted_at(1.5).at(2).rw("src", 256 * K - 10).at(2.3).update("dst", fwd=512 * K)
    side = track(talk.rw("src", 1)).flows[0].fwd
    assert (side.stalls, side.stalled, side.longest_stall) == (2, 800 * MILLI, 500 * MILLI)
    assert (side.stalled_now, side.min_free) == (False, 0)


def test_a_stall_that_goes_on_is_counted() -> None:
    flow = track(Talk((3, 9), on=full()).at(3).request()).flows[0]
    assert (flow.fwd.stalled_now, flow.fwd.stalled, flow.fwd.free) == (True, 2 * SECOND, 0)
    assert flow.stalled and flow.problems == 1
