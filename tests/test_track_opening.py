"""The tracker, how a connection begins: refused, unanswered, late, slow, the ports used again."""

import pytest

from vsockdump.events import Doubt, Kind, Reset, Severity
from vsockdump.flows import End, Verdict
from vsockdump.states import State

from .conversation import MILLI, SECOND, TICK, Found, Talk, Who, expect, found, track
from .frames import SEQPACKET

NOTE, WARN, PROBLEM = Severity


def quiet(talk: Talk, until: float) -> Talk:
    """Let time pass: another connection's packets are seen until then."""
    Talk((9, 9), (2, 9), on=talk).open().at(until).rw("src", 1)
    return talk


def reset(kind: Reset, who: Who, number: int, after: int) -> Found:
    numbers = {"reset": kind, "in_flight": 0, "after_s": after}
    return expect(Kind.RESET, PROBLEM, who, (number,), **numbers)


def late(seconds: float) -> Talk:
    return Talk().at(0).request().at(seconds).response()


# What is done, and all the events of it.
CASES: dict[str, tuple[Talk, list[Found]]] = {
    "answered": (Talk().open(), []),
    "refused": (
        Talk().at(0).request().at(0.5).no_socket("dst"),
        [expect(Kind.REFUSED, PROBLEM, "src", (2,), after_s=SECOND // 2)],
    ),
    "refused: a datagram socket, or whatever type": (
        Talk(kind=7).request().no_socket("dst"),
        [expect(Kind.REFUSED, PROBLEM, "src", (2,), after_s=TICK)],
    ),
    "given up by who asked": (
        Talk().at(0).request().at(1).rst("src"),
        [reset(Reset.ABORT, "src", 2, SECOND)],
    ),
    "no answer for less than 2 s, and then the capture ends": (
        quiet(Talk().request(), 1.9),
        [
            expect(Kind.UNANSWERED, WARN, "src", (1,), waited_s=1900 * MILLI).but(Doubt.GUESS),
        ],
    ),
    "no answer for 2 s": (
        quiet(Talk().request(), 2.5),
        [expect(Kind.UNANSWERED, PROBLEM, "src", (1,), waited_s=2 * SECOND)],
    ),
    "no answer, and nothing else is seen": (Talk().request(), []),
    "answered in 99 ms": (late(0.099), []),
    "answered in 100 ms": (
        late(0.1),
        [expect(Kind.SLOW_CONNECT, NOTE, "dst", (1, 2), after_s=100 * MILLI)],
    ),
    "answered in 999 ms": (
        late(0.999),
        [expect(Kind.SLOW_CONNECT, NOTE, "dst", (1, 2), after_s=999 * MILLI)],
    ),
    "answered in 1 s": (
        late(1),
        [expect(Kind.SLOW_CONNECT, WARN, "dst", (1, 2), after_s=SECOND)],
    ),
    "answered in 1.999 s": (
        late(1.999),
        [expect(Kind.SLOW_CONNECT, WARN, "dst", (1, 2), after_s=1999 * MILLI)],
    ),
    "answered in more than 2 s": (
        late(2.1),
        [
            expect(Kind.UNANSWERED, PROBLEM, "src", (1,), waited_s=2 * SECOND),
            expect(Kind.LATE_RESPONSE, WARN, "dst", (1, 2), after_s=2100 * MILLI),
        ],
    ),
    "answered when it is wanted no more": (
        late(1.5).at(1.5).no_socket("src"),
        [
            expect(Kind.SLOW_CONNECT, WARN, "dst", (1, 2), after_s=1500 * MILLI),
            reset(Reset.NO_SOCKET, "src", 3, 1500 * MILLI),
        ],
    ),
    "answered twice": (Talk().open().at(0.5).response(), []),
}


@pytest.mark.parametrize(("talk", "events"), CASES.values(), ids=CASES)
def test_events(talk: Talk, events: list[Found]) -> None:
    assert found(track(talk).events) == events


# --- who, whom --------------------------------------------------------------------------------


def test_loopback_answers_from_cid_1() -> None:
    """1:p > 2:q is answered as 1:q > 1:p (protocol.md 4.3)."""
    there = Talk((1, 15011), (2, 5011))
    back = Talk((1, 15011), (1, 5011), on=there)
    there.request()
    back.response()
    there.rw("src", 13).rw("src", 4)
    back.update("dst", fwd=13).rw("dst", 7).shutdown("dst", 3).rst("src")
    (flow,) = track(there).flows
    assert (flow.src_cid, flow.src_port, flow.dst_cid, flow.dst_port) == (1, 15011, 2, 5011)
    assert (flow.fwd.bytes, flow.rev.bytes, flow.fwd.in_flight) == (17, 7, 4)
    assert flow.state is State.CLOSED


def test_other_cids_are_other_connections() -> None:
    first = Talk((3, 15011), (2, 5011)).open()
    assert len(track(Talk((4, 15011), (2, 5011), on=first).open()).flows) == 2


def test_who_asked_is_the_source() -> None:
    (flow,) = track(Talk((2, 1234), (3, 1024), kind=SEQPACKET).open()).flows
    assert (flow.src_cid, flow.dst_cid, flow.type, flow.whole) == (2, 3, SEQPACKET, True)
    assert (flow.connect, flow.first_packet, flow.last_packet) == (TICK, 1, 2)


def test_in_the_middle_the_first_packet_is_the_sources() -> None:
    (flow,) = track(Talk().rw("dst", 10).rw("src", 3)).flows
    assert (flow.src_cid, flow.src_port, flow.whole) == (2, 1234, False)
    assert (flow.verdict, flow.doubt, flow.connect) == (Verdict.OTH, Doubt.MID_STREAM, None)
    assert flow.state is State.OPEN


def test_who_had_given_up_resets_a_late_answer() -> None:
    """The late RESPONSE says it all: the RST that answers it is no event of its own."""
    seen = track(late(3).at(3).no_socket("src"))
    assert [event.kind for event in seen.events] == [Kind.UNANSWERED, Kind.LATE_RESPONSE]
    (flow,) = seen.flows
    assert (flow.verdict, flow.end, flow.reason) == (Verdict.S0, End.TOO_LATE, "answered too late")


def test_a_request_that_is_tapped_after_its_response() -> None:
    """The tap of a sent packet may run after that of the answer, on another CPU."""
    talk = Talk().response().request().rw("src", 10).update("dst", fwd=10).close()
    seen = track(talk)
    (flow,) = seen.flows
    assert (seen.events, seen.counts.midstream) == ([], 0)
    assert (flow.whole, flow.verdict, flow.connect, flow.src_port) == (True, Verdict.SF, 0, 1024)


def test_a_request_long_after_a_response_is_another_connection() -> None:
    talk = Talk().at(0).response().at(1).request().response()
    assert [flow.generation for flow in track(talk).flows] == [1, 2]


def test_a_response_counts_nearly_all_there_is() -> None:
    """Nothing was read before, so this is not less than what was said before."""
    (event,) = track(Talk().request().response(fwd=(1 << 32) - 1)).events
    assert (event.kind, event.values["fwd_cnt"]) == (Kind.FWD_CNT_AHEAD, (1 << 32) - 1)


def test_loopback_refuses_from_the_cid_that_was_called() -> None:
    """It answers from CID 1 otherwise: see test_track_generations for the ports alone."""
    talk = Talk((1, 16020), (2, 6020)).request().no_socket("dst")
    (flow,) = track(talk).flows
    assert (flow.verdict, flow.src_cid, flow.dst_cid) == (Verdict.REJ, 1, 2)


def test_a_buffer_that_takes_no_packet_at_all() -> None:
    """Some kernels count 576 bytes for a packet's own: it resets what its credit allows."""
    talk = Talk(buf=512).open().rw("src", 100).rst("dst")
    ceiling, reset_ = track(talk).events
    assert (ceiling.kind, ceiling.values["ceiling"]) == (Kind.PACKET_CEILING, 0)
    assert (reset_.kind, reset_.values["reset"]) == (Kind.RESET, Reset.OVERFLOW)
