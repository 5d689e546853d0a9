"""The tracker, credit: what is under way, stalls and who is to blame, what nobody may send."""

import pytest

from vsockdump.events import Blame, Doubt, Kind, Severity
from vsockdump.flows import Flow

from .conversation import MILLI, SECOND, TICK, Found, Talk, Who, expect, found, track
from .frames import SEQPACKET, STREAM

NOTE, WARN, PROBLEM = Severity
K = 1024


def full(buf: int = 256 * K) -> Talk:
    """A connection whose window `src` has used up in packets 3 to 6, the last one at 1 s."""
    talk = Talk(buf=buf).open()
    for _ in range(3):
        talk.rw("src", buf // 4)
    return talk.at(1).rw("src", buf // 4)


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
            expect(Kind.STALL, PROBLEM, "src", (3, 5), blame=Blame.NOT_READING, **WAITED).but(
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


def test_any_packet_answers_a_request_for_credit() -> None:
    talk = Talk().open().ask("src").rw("dst", 1).at(5).rw("src", 1)
    assert track(talk).events == []


def test_stalls_add_up() -> None:
    talk = lifted_at(1.5).at(2).rw("src", 256 * K - 10).at(2.3).update("dst", fwd=512 * K)
    side = track(talk.rw("src", 1)).flows[0].fwd
    assert (side.stalls, side.stalled, side.longest_stall) == (2, 800 * MILLI, 500 * MILLI)
    assert (side.stalled_now, side.min_free) == (False, 0)


def test_a_stall_that_goes_on_is_counted() -> None:
    flow = track(Talk((3, 9), on=full()).at(3).request()).flows[0]
    assert (flow.fwd.stalled_now, flow.fwd.stalled, flow.fwd.free) == (True, 2 * SECOND, 0)
    assert flow.stalled and flow.problems == 1


# --- sent without credit ----------------------------------------------------------------------

OVERRUN = {"in_flight": 10_100, "window": 10_000, "excess": 100}
OVERRUNS: dict[str, tuple[Talk, list[Found]]] = {
    "all of it": (Talk(buf=10_000).open().rw("src", 6000).rw("src", 4000), []),
    "a byte less would do, and the receiver agrees": (
        Talk(buf=10_000).open().rw("src", 6000).rw("src", 4100).update("dst"),
        [expect(Kind.OVERRUN, PROBLEM, "src", (4, 5), **OVERRUN)],
    ),
    "nothing more is heard of the receiver": (
        Talk(buf=10_000).open().rw("src", 6000).rw("src", 4100),
        [expect(Kind.OVERRUN, PROBLEM, "src", (4,), **OVERRUN).but(Doubt.GUESS)],
    ),
    "what the receiver says next covers it": (
        Talk(buf=10_000).open().rw("src", 6000).rw("src", 4100).update("dst", fwd=6000),
        [expect(Kind.OVERRUN, PROBLEM, "src", (4, 5), **OVERRUN).but(Doubt.GUESS)],
    ),
    "by who was asked": (
        Talk(buf=10_000).open().rw("dst", 10_100).update("src"),
        [expect(Kind.OVERRUN, PROBLEM, "dst", (3, 4), **OVERRUN)],
    ),
    "the buffer was made smaller": (
        Talk(buf=10_000).open().update("dst", buf=5000).rw("src", 10_000).update("dst", fwd=10_000),
        [],
    ),
    "the buffer was made larger": (
        Talk(buf=10_000).open().update("dst", buf=20_000).rw("src", 20_000).update("dst"),
        [],
    ),
    "the sender's own buffer is smaller": (
        Talk(buf=10_000).open().update("src", buf=10).rw("src", 10_000).update("dst"),
        [],
    ),
}


@pytest.mark.parametrize(("talk", "events"), OVERRUNS.values(), ids=OVERRUNS)
def test_an_overrun(talk: Talk, events: list[Found]) -> None:
    assert found(track(talk).events) == events


def test_an_overrun_makes_the_verdict() -> None:
    (flow,) = track(OVERRUNS["by who was asked"][0]).flows
    assert (flow.verdict.name, flow.rev.excess, flow.fwd.excess) == ("OVERRUN", 100, 0)


# --- buffers ----------------------------------------------------------------------------------


def credit(flow: Flow, who: Who = "src") -> tuple[int, int | None, int, int | None, int | None]:
    side = flow.fwd if who == "src" else flow.rev
    return side.tx_cnt, side.fwd_cnt, side.in_flight, side.window, side.free


def test_a_buffer_shrinks_below_what_is_under_way() -> None:
    """Linux lets it: 262144, 4096, 1048576, 128 were seen on one socket."""
    talk = Talk().open().rw("src", 100_000).update("dst", buf=4096)
    seen = track(talk)
    shrunk = {"before": 256 * K, "buf_alloc": 4096, "in_flight": 100_000}
    assert found(seen.events) == [expect(Kind.BUF_SHRUNK, WARN, "dst", (4,), **shrunk)]
    assert credit(seen.flows[0]) == (100_000, 0, 100_000, 4096, 0)
    talk.update("dst", buf=1 << 20).rw("src", 10).update("dst", buf=128)
    seen = track(talk)
    assert [e.packets for e in seen.events] == [(4,), (7,)]
    assert credit(seen.flows[0]) == (100_010, 0, 100_010, 128, 0)
    seen = track(talk.update("dst", fwd=100_010))
    assert credit(seen.flows[0]) == (100_010, 100_010, 0, 128, 128)


@pytest.mark.parametrize("buf", [100_000, 300_000])
def test_a_buffer_that_still_holds_it_is_not_worth_a_word(buf: int) -> None:
    assert track(Talk().open().rw("src", 100_000).update("dst", buf=buf)).events == []


def test_no_credit_before_the_other_end_has_spoken() -> None:
    (flow,) = track(Talk().request()).flows
    assert credit(flow) == (0, None, 0, None, None)
    assert credit(flow, "dst") == (0, 0, 0, 256 * K, 256 * K)
    assert (flow.fwd.buf_alloc, flow.rev.buf_alloc) == (256 * K, None)


def test_no_socket_says_nothing_of_credit() -> None:
    (flow,) = track(Talk().open().rw("src", 10).no_socket("dst")).flows
    assert credit(flow) == (10, 0, 10, 256 * K, 256 * K - 10)


def test_seqpacket_has_the_same_credit() -> None:
    talk = Talk(kind=SEQPACKET).open().rw("src", 10, flags=1).update("dst", fwd=10)
    assert credit(track(talk).flows[0]) == (10, 10, 0, 256 * K, 256 * K)
