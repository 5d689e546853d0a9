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
    "no answer for less than 2 s": (quiet(Talk().request(), 1.9), []),
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


# --- generations ------------------------------------------------------------------------------


def test_ports_that_were_closed_are_used_again() -> None:
    talk = Talk().open().rw("src", 10).update("dst", fwd=10).at(0.5).close()
    seen = track(talk.at(0.7).open().rw("src", 5))
    assert [(f.number, f.generation, f.fwd.bytes) for f in seen.flows] == [(1, 1, 10), (2, 2, 5)]
    assert [f.verdict for f in seen.flows] == [Verdict.SF, Verdict.S1]
    reuse = {"previous": 1, "after_s": 200 * MILLI - TICK, "closed": 1}  # from the first RST on
    assert found(seen.events) == [expect(Kind.TUPLE_REUSE, NOTE, "src", (7, 8), **reuse)]
    assert (seen.events[0].flow, seen.events[0].generation) == (2, 2)


def test_a_port_beside_is_no_reuse() -> None:
    seen = track(Talk((3, 1025), on=Talk().open().close()).open())
    assert [f.generation for f in seen.flows] == [1, 1]
    assert seen.events == []


def test_an_open_connection_is_begun_anew() -> None:
    seen = track(Talk().open().rw("src", 10).at(0.5).open().rw("src", 5))
    reuse = {"previous": 1, "after_s": 500 * MILLI - 2 * TICK, "closed": 0}
    assert found(seen.events) == [expect(Kind.TUPLE_REUSE, WARN, "src", (3, 4), **reuse)]
    assert [(f.generation, f.fwd.tx_cnt) for f in seen.flows] == [(1, 10), (2, 5)]


def test_a_request_again_is_another_try() -> None:
    """Linux sends none twice: its application asks anew, and that is no reuse to speak of."""
    seen = track(Talk().request().request().response())
    assert [(f.generation, f.verdict) for f in seen.flows] == [(1, Verdict.S0), (2, Verdict.S1)]
    assert seen.events == []


def test_a_refused_request_is_tried_again() -> None:
    seen = track(Talk().request().no_socket("dst").at(1).open())
    assert [f.verdict for f in seen.flows] == [Verdict.REJ, Verdict.S1]
    assert [e.kind for e in seen.events] == [Kind.REFUSED]


def test_trailing_resets_are_the_old_ones() -> None:
    """The second RST of a close carries real credit, and comes after the next REQUEST."""
    talk = Talk().open().rw("src", 10).update("dst", fwd=10).shutdown("src", 3).rst("dst")
    talk.request().ends["dst"].fwd = 10
    talk.rst("dst", fwd=10).response(fwd=0).rw("src", 5).update("dst", fwd=5).close()
    seen = track(talk)
    assert [e.kind for e in seen.events] == [Kind.TUPLE_REUSE]
    assert [(f.generation, f.state, f.end) for f in seen.flows] == [
        (1, State.CLOSED, End.HANDSHAKE),
        (2, State.CLOSED, End.HANDSHAKE),
    ]
    assert [f.rev.packets for f in seen.flows] == [4, 4]


@pytest.mark.parametrize(("seconds", "verdicts"), [(0.9, ["SF", "S0"]), (1.1, ["SF", "REJ"])])
def test_a_trailing_reset_comes_within_a_second(seconds: float, verdicts: list[str]) -> None:
    talk = Talk().open().close().at(5).request().at(5 + seconds).rst("dst")
    assert [flow.verdict.name for flow in track(talk).flows] == verdicts


def test_what_trails_an_end_is_no_connection() -> None:
    """Who was not told that it is over reads on, and hears that there is no socket."""
    talk = Talk().open().rw("src", 9).at(2).shutdown("src", 3).at(10.01).rst("src")
    talk.at(60).update("dst", fwd=9).no_socket("src").rst("dst")
    seen = track(talk)
    assert [e.kind for e in seen.events] == [Kind.SHUTDOWN_UNANSWERED]
    assert [(f.verdict, f.fwd.packets, f.rev.packets) for f in seen.flows] == [(Verdict.SF, 5, 3)]


@pytest.mark.parametrize(("seconds", "flows"), [(0.9, 1), (1.1, 2)])
def test_data_long_after_an_end_is_a_connection_whose_beginning_is_missing(
    seconds: float, flows: int
) -> None:
    seen = track(Talk().open().at(1).close().at(1 + TICK / SECOND + seconds).rw("src", 10))
    assert [f.whole for f in seen.flows] == [True, False][:flows]
    assert seen.events == []


def test_a_refusal_on_ports_used_again_is_the_new_ones() -> None:
    seen = track(Talk().open().close().request().no_socket("dst"))
    assert [f.verdict for f in seen.flows] == [Verdict.SF, Verdict.REJ]
    assert [e.kind for e in seen.events] == [Kind.TUPLE_REUSE, Kind.REFUSED]


def test_a_stale_reset_ends_the_younger_one() -> None:
    """It answers the RST of the old connection, and hits the one that has its ports now."""
    talk = Talk().open().close().open().no_socket("src").no_socket("dst")
    events = [e for e in track(talk).events if e.kind is Kind.RESET]
    assert [(e.generation, e.values["reset"], e.doubt) for e in events] == [
        (2, Reset.STALE, Doubt.GUESS)
    ]


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
