"""Flows: the verdict in one word, its reason, and how far both can be trusted."""

from itertools import product

import pytest

from vsockdump.events import Doubt
from vsockdump.flows import STALL_PROBLEM, End, Flow, Side, Verdict
from vsockdump.states import State

S, MS = 1_000_000_000, 1_000_000

SIDE = Side(
    packets=0,
    bytes=0,
    ops=(0,) * 9,
    largest=0,
    sizes=(0,) * 18,
    first_byte=None,
    last_byte=None,
    buf_alloc=None,
    tx_cnt=0,
    fwd_cnt=None,
    in_flight=0,
    window=None,
    free=None,
    min_free=None,
    stalls=0,
    stalled=0,
    longest_stall=0,
    stalled_now=False,
    missing=0,
    excess=0,
    unread=0,
    shutdown=0,
)
OPEN = Flow(
    number=1,
    generation=1,
    interface=0,
    src_cid=3,
    src_port=1024,
    dst_cid=2,
    dst_port=1234,
    type=1,
    state=State.OPEN,
    whole=True,
    start=5 * S,
    response=5 * S + 2 * MS,
    last=8 * S,
    closed=None,
    end=End.NONE,
    reset_by=None,
    problems=0,
    duplicates=0,
    doubt=Doubt.NONE,
    first_packet=1,
    last_packet=2,
    fwd=SIDE,
    rev=SIDE,
)
CLOSED = OPEN._replace(state=State.CLOSED, closed=8 * S, end=End.HANDSHAKE)
RESET = CLOSED._replace(end=End.RESET, reset_by=0)
TAIL = OPEN._replace(whole=False, response=None)  # of a connection that began before the capture

ONCE = SIDE._replace(stalls=1, stalled=3 * S, longest_stall=3 * S)
LONG = SIDE._replace(stalls=2, stalled=1600 * MS, longest_stall=STALL_PROBLEM)
SHORT = SIDE._replace(stalls=9, stalled=1600 * MS, longest_stall=STALL_PROBLEM - 1)
STUCK = SIDE._replace(stalls=1, stalled=3 * S, longest_stall=3 * S, stalled_now=True)
FULL = SIDE._replace(stalls=1, stalled=30 * MS, longest_stall=30 * MS, stalled_now=True)
EXCESS = SIDE._replace(excess=1)
MISSING = SIDE._replace(missing=100)
UNREAD = SIDE._replace(unread=5000)

TABLE: dict[str, tuple[Flow, str, str]] = {
    "no answer": (
        OPEN._replace(state=State.OPENING, response=None),
        "S0",
        "no answer",
    ),
    "refused": (
        CLOSED._replace(response=None, end=End.REFUSED, reset_by=1),
        "REJ",
        "refused: nobody listens for this type, or the backlog is full",
    ),
    "closed": (CLOSED, "SF", "closed"),
    "closed by the timer": (
        CLOSED._replace(end=End.TIMER),
        "SF",
        "closed by the timer, 8 s after an unanswered SHUTDOWN",
    ),
    "closed, unread by dst": (CLOSED._replace(fwd=UNREAD), "SF", "closed, 5000 bytes never read"),
    "closed, unread by both": (
        CLOSED._replace(fwd=UNREAD, rev=UNREAD),
        "SF",
        "closed, 10000 bytes never read",
    ),
    "open": (OPEN, "S1", "open"),
    "half closed": (OPEN._replace(state=State.HALF_DST), "S1", "closing"),
    "closing": (OPEN._replace(state=State.CLOSING), "S1", "closing"),
    "reset by src": (RESET, "RSTO", "reset by src without a close"),
    "reset by dst": (
        RESET._replace(reset_by=1, rev=UNREAD),
        "RSTR",
        "reset by dst without a close, 5000 bytes never read",
    ),
    "beginning missing": (TAIL, "OTH", "its beginning was not captured; not closed yet"),
    "beginning missing, closed": (
        TAIL._replace(state=State.CLOSED, end=End.HANDSHAKE, fwd=UNREAD),
        "OTH",
        "its beginning was not captured; closed, 5000 bytes never read",
    ),
    "beginning missing, reset": (
        TAIL._replace(state=State.CLOSED, end=End.RESET, reset_by=1),
        "RSTR",
        "reset by dst without a close",
    ),
    "stalled": (
        OPEN._replace(fwd=LONG),
        "STALLED",
        "src could not send for 1.600 s, at the longest for 1.000 s; not closed yet",
    ),
    "stalled, then reset": (
        RESET._replace(rev=LONG),
        "STALLED",
        "dst could not send for 1.600 s, at the longest for 1.000 s; reset by src",
    ),
    "stalled for less than a second at a time": (
        CLOSED._replace(fwd=SHORT, rev=SHORT),
        "SF",
        "closed",
    ),
    "stalled once": (
        CLOSED._replace(rev=ONCE),
        "STALLED",
        "dst could not send for 3.000 s; closed",
    ),
    "stalled to the end": (
        OPEN._replace(rev=STUCK),
        "STALLED",
        "dst could not send for 3.000 s; not closed yet",
    ),
    "stalled, the other for longer": (
        OPEN._replace(fwd=LONG, rev=ONCE),
        "STALLED",
        "dst could not send for 3.000 s; not closed yet",
    ),
    "stalled for less than a second at the end": (OPEN._replace(rev=FULL), "S1", "open"),
    "stalled for long, and now the other for an instant": (
        OPEN._replace(fwd=LONG, rev=FULL),
        "STALLED",
        "src could not send for 1.600 s, at the longest for 1.000 s; not closed yet",
    ),
    "overrun": (
        CLOSED._replace(fwd=EXCESS),
        "OVERRUN",
        "src sent 1 byte more than allowed; closed",
    ),
    "overrun by dst": (
        RESET._replace(rev=EXCESS),
        "OVERRUN",
        "dst sent 1 byte more than allowed; reset by src",
    ),
    "gap": (
        CLOSED._replace(fwd=MISSING, rev=MISSING),
        "GAP",
        "200 bytes missing from the capture; closed",
    ),
}


@pytest.mark.parametrize(("flow", "verdict", "reason"), TABLE.values(), ids=TABLE)
def test_verdict_and_reason(flow: Flow, verdict: str, reason: str) -> None:
    assert (flow.verdict.name, flow.reason) == (verdict, reason)


def test_every_verdict_is_in_the_table() -> None:
    assert {verdict for _, verdict, _ in TABLE.values()} == {verdict.name for verdict in Verdict}


# What goes before what: a fault of the capture is no fault of a peer, and a fault is no plain end.
ORDER: list[tuple[str, dict[str, object]]] = [
    ("REJ", {"state": State.CLOSED, "end": End.REFUSED}),
    ("GAP", {"rev": MISSING}),
    ("OVERRUN", {"fwd": EXCESS}),
    ("STALLED", {"fwd": LONG}),
    ("RSTO", {"state": State.CLOSED, "end": End.RESET, "reset_by": 0}),
    ("OTH", {"whole": False}),
    ("S1", {}),
]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_worst_goes_first(first: int) -> None:
    flow = OPEN
    for _, fields in reversed(ORDER[first:]):
        flow = flow._replace(**fields)  # type: ignore[arg-type]
    assert flow.verdict.name == ORDER[first][0]


@pytest.mark.parametrize(
    ("state", "end", "reset_by", "whole"), [*product(State, End, (None, 0, 1), (True, False))]
)
def test_every_flow_has_a_verdict_and_a_reason(
    state: State, end: End, reset_by: int | None, whole: bool
) -> None:
    flow = OPEN._replace(state=state, end=end, reset_by=reset_by, whole=whole)
    for fwd, rev in product((SIDE, LONG, STUCK, EXCESS, MISSING, UNREAD), repeat=2):
        assert flow._replace(fwd=fwd, rev=rev).reason


@pytest.mark.parametrize("doubt", Doubt)
def test_a_doubt_lowers_the_confidence(doubt: Doubt) -> None:
    assert OPEN._replace(doubt=doubt).confidence is doubt.confidence


@pytest.mark.parametrize(
    ("flow", "connect"),
    [
        (OPEN, 2 * MS),
        (OPEN._replace(response=None), None),
        (TAIL, None),
        (TAIL._replace(response=6 * S), None),
    ],
)
def test_connect_time(flow: Flow, connect: int | None) -> None:
    assert flow.connect == connect


def test_duration() -> None:
    assert OPEN.duration == 3 * S


def test_both_ways_add_up() -> None:
    assert OPEN._replace(fwd=MISSING, rev=MISSING).missing == 200
    assert [OPEN._replace(rev=side).stalled for side in (SHORT, FULL, LONG, STUCK)] == [
        False,
        False,
        True,
        True,
    ]
