"""The tracker, how a connection ends: resets of all kinds, half closes, what was never read."""

import pytest

from vsockdump.events import Doubt, Kind, Reset, Severity
from vsockdump.flows import End, Verdict
from vsockdump.states import State

from .conversation import SECOND, TICK, Found, Talk, Who, expect, found, track

NOTE, WARN, PROBLEM = Severity
RCV, SEND, BOTH = 1, 2, 3


def sent(size: int = 10, read: int = 0) -> Talk:
    """A connection on which `src` sent a packet, number 3, at 1 s."""
    talk = Talk().open().at(1).rw("src", size)
    return talk.update("dst", fwd=read) if read else talk


# --- the last packet --------------------------------------------------------------------------

ENDS: dict[str, tuple[Talk, State, End, int | None, Verdict]] = {
    "open": (sent(), State.OPEN, End.NONE, None, Verdict.S1),
    "closed": (sent(10, 10).close(), State.CLOSED, End.HANDSHAKE, 1, Verdict.SF),
    "closed by who was asked": (
        sent(10, 10).shutdown("dst", BOTH).rst("src").rst("src"),
        State.CLOSED,
        End.HANDSHAKE,
        0,
        Verdict.SF,
    ),
    "both at once": (
        sent(10, 10).shutdown("dst", BOTH).shutdown("src", BOTH).rst("src").rst("dst"),
        State.CLOSED,
        End.HANDSHAKE,
        0,
        Verdict.SF,
    ),
    "both, and neither answers": (
        sent(10, 10).at(2).shutdown("src", BOTH).at(2.1).shutdown("dst", BOTH).at(11).rst("src"),
        State.CLOSED,
        End.HANDSHAKE,
        0,
        Verdict.SF,
    ),
    "by who announced it, before the timer": (
        sent(10, 10).at(2).shutdown("src", BOTH).at(5).rst("src"),
        State.CLOSED,
        End.HANDSHAKE,
        0,
        Verdict.SF,
    ),
    "by an RST, and nothing else was captured": (
        Talk().rst("dst"),
        State.CLOSED,
        End.HANDSHAKE,
        0,
        Verdict.OTH,
    ),
    "in two steps": (
        sent(10, 10).shutdown("src", RCV).shutdown("src", SEND).rst("dst"),
        State.CLOSED,
        End.HANDSHAKE,
        1,
        Verdict.SF,
    ),
    "half closed": (sent().shutdown("src", SEND), State.HALF_SRC, End.NONE, None, Verdict.S1),
    "half closed by who was asked": (
        sent().shutdown("dst", SEND),
        State.HALF_DST,
        End.NONE,
        None,
        Verdict.S1,
    ),
    "half closed by both": (
        sent().shutdown("dst", SEND).shutdown("src", SEND),
        State.CLOSING,
        End.NONE,
        None,
        Verdict.S1,
    ),
    "announced, not reset": (
        sent().shutdown("dst", BOTH),
        State.CLOSING,
        End.NONE,
        None,
        Verdict.S1,
    ),
    "reset by who asked": (sent().rst("src"), State.CLOSED, End.RESET, 0, Verdict.RSTO),
    "reset by who was asked": (sent().rst("dst"), State.CLOSED, End.RESET, 1, Verdict.RSTR),
    "an answer, though late": (
        sent(10, 10).at(2).shutdown("src", BOTH).at(9).rst("dst"),
        State.CLOSED,
        End.HANDSHAKE,
        1,
        Verdict.SF,
    ),
    "the timer": (
        sent(10, 10).at(2).shutdown("src", BOTH).at(10).rst("src"),
        State.CLOSED,
        End.TIMER,
        0,
        Verdict.SF,
    ),
}


@pytest.mark.parametrize(("talk", "state", "end", "reset_by", "verdict"), ENDS.values(), ids=ENDS)
def test_the_end(
    talk: Talk, state: State, end: End, reset_by: int | None, verdict: Verdict
) -> None:
    (flow,) = track(talk).flows
    assert (flow.state, flow.end, flow.reset_by, flow.verdict) == (state, end, reset_by, verdict)


def test_closed_with_the_first_reset() -> None:
    talk = sent(10, 10).at(2).shutdown("src", BOTH).at(3).rst("dst").at(4).rst("dst")
    (flow,) = track(talk).flows
    assert flow.closed is not None
    assert (flow.closed - flow.start, flow.duration) == (3 * SECOND, 4 * SECOND)


@pytest.mark.parametrize("case", [c for c in ENDS if "reset by" not in c and c != "the timer"])
def test_a_plain_end_is_no_event(case: str) -> None:
    assert track(ENDS[case][0]).events == []


# --- resets -----------------------------------------------------------------------------------


def reset(kind: Reset, who: Who, number: int, in_flight: int = 0) -> Found:
    after = SECOND + (number - 3) * TICK
    numbers = {"reset": kind, "in_flight": in_flight, "after_s": after}
    return expect(Kind.RESET, PROBLEM, who, (3, number), **numbers)


RESETS: dict[str, tuple[Talk, list[Found]]] = {
    "nothing under way": (sent(10, 10).rst("dst"), [reset(Reset.ABORT, "dst", 5)]),
    "the sender's, under way": (
        sent().rst("src"),
        [reset(Reset.ABORT, "src", 4)],
    ),
    "the receiver's, under way": (sent().rst("dst"), [reset(Reset.MID_BURST, "dst", 4, 10)]),
    "the receiver's, too much under way": (
        Talk(buf=1000).open().at(1).rw("src", 1100).rst("dst"),
        [
            expect(Kind.OVERRUN, PROBLEM, "src", (3, 4), in_flight=1100, window=1000, excess=100),
            reset(Reset.OVERFLOW, "dst", 4, 1100),
        ],
    ),
    "too much was under way, and is read": (
        Talk(buf=1000)
        .open()
        .at(1)
        .rw("src", 1100)
        .update("dst")
        .update("dst", fwd=1100)
        .rst("dst"),
        [
            expect(Kind.OVERRUN, PROBLEM, "src", (3, 4), in_flight=1100, window=1000, excess=100),
            reset(Reset.ABORT, "dst", 6),
        ],
    ),
    "of the middle": (
        Talk().at(1).rw("src", 10).update("dst", fwd=10).rst("dst"),
        [
            reset(Reset.ABORT, "dst", 3)
            .of(after_s=2 * TICK)
            ._replace(packets=(1, 3), doubt=Doubt.MID_STREAM, severity=WARN)
        ],
    ),
    "no socket": (sent(10, 10).no_socket("dst"), [reset(Reset.NO_SOCKET, "dst", 5)]),
    "no socket, after a close": (sent(10, 10).close().no_socket("dst"), []),
}


@pytest.mark.parametrize(("talk", "events"), RESETS.values(), ids=RESETS)
def test_a_reset(talk: Talk, events: list[Found]) -> None:
    unread = Kind.UNREAD_CLOSE  # has its own table
    assert [e for e in found(track(talk).events) if e.kind is not unread] == events


# --- never read -------------------------------------------------------------------------------


def unread(who: Who, last: int, number: int, size: int) -> Found:
    """`size` bytes, of which packet `last` was the last, were left when `number` came."""
    return expect(Kind.UNREAD_CLOSE, PROBLEM, who, (last, number), unread=size)


UNREAD: dict[str, tuple[Talk, list[Found]]] = {
    "all of it, and closed": (
        sent(5000).shutdown("dst", BOTH).rst("src"),
        [unread("dst", 3, 5, 5000)],
    ),
    "part of it": (
        sent(5000, 4000).rw("src", 7).shutdown("dst", BOTH).rst("src"),
        [unread("dst", 5, 7, 1007)],
    ),
    "what was closed last had read it all": (
        sent(5000).shutdown("dst", BOTH, fwd=5000).rst("src"),
        [],
    ),
    "read after the sender has closed": (
        sent(5000).shutdown("src", BOTH).update("dst", fwd=5000).rst("dst"),
        [],
    ),
    "not read after the sender has closed": (
        sent(5000).shutdown("src", BOTH).rst("dst"),
        [unread("dst", 3, 5, 5000)],
    ),
    "half closed by both, and who reads may still do so": (
        sent(5000).shutdown("src", SEND).shutdown("dst", SEND).rst("src"),
        [],
    ),
    "still open": (sent(5000), []),
}


@pytest.mark.parametrize(("talk", "events"), UNREAD.values(), ids=UNREAD)
def test_never_read(talk: Talk, events: list[Found]) -> None:
    seen = track(talk)
    assert found(seen.events) == events
    assert seen.flows[0].fwd.unread == sum(e.numbers["unread"] for e in events)
