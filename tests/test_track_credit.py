"""The tracker, credit: what is under way, what nobody may send, buffers that change."""

import pytest

from vsockdump.events import Doubt, Kind, Severity
from vsockdump.flows import Flow

from .conversation import Found, Talk, Who, expect, found, track
from .frames import SEQPACKET

NOTE, WARN, PROBLEM = Severity
K = 1024

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
        Talk(buf=10_000).open().at(1).rw("src", 10_100).at(1.1).update("dst", fwd=6000),
        [expect(Kind.OVERRUN, PROBLEM, "src", (3, 4), **OVERRUN).but(Doubt.GUESS)],
    ),
    "what the receiver says at once covers it: the taps ran in the other order": (
        Talk(buf=10_000).open().at(1).rw("src", 10_100).at(1.02).update("dst", fwd=6000),
        [],
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
    assert [e for e in found(track(talk).events) if e.severity > NOTE] == events


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


@pytest.mark.parametrize(("who", "flags"), [("src", 2), ("dst", 1)])
def test_who_will_not_send_any_more_does_not_mind_a_small_buffer(who: Who, flags: int) -> None:
    talk = Talk().open().rw("src", 100_000).shutdown(who, flags).update("dst", buf=4096)
    talk.at(5).update("dst", fwd=100_000)
    assert [event.kind for event in track(talk).events] == [Kind.BUF_SHRUNK]


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
