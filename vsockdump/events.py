"""What can happen to a connection that somebody should know: kinds, their numbers, their words.

The tracker finds events and fills in the numbers; this is where each is worded, once.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from .messages import plural

Name = Callable[[int, int], str]
"""Words a CID and a port for people."""


class Severity(IntEnum):
    """How much an event matters."""

    NOTE = 0
    WARN = 1
    PROBLEM = 2


class Confidence(IntEnum):
    """How far an event or verdict can be trusted."""

    UNSURE = 0
    LIKELY = 1
    SURE = 2


class Doubt(IntEnum):
    """Why an event may not be what it seems."""

    NONE = 0
    GUESS = 1
    MID_STREAM = 2
    GAP = 3
    LOSS = 4

    @property
    def confidence(self) -> Confidence:
        """What it leaves of an event or verdict."""
        if self in (Doubt.GAP, Doubt.LOSS):
            return Confidence.UNSURE
        return Confidence.LIKELY if self else Confidence.SURE

    def behind(self, sentence: str) -> str:
        """Return a sentence, and behind it why it cannot be trusted fully where it cannot."""
        return f"{sentence} ({self.confidence.name.lower()}: {DOUBTS[self]})" if self else sentence


DOUBTS = {
    Doubt.NONE: "",
    Doubt.GUESS: "the packets allow another explanation",
    Doubt.MID_STREAM: "the beginning of the connection was not captured",
    Doubt.GAP: "bytes of this connection are missing from the capture",
    Doubt.LOSS: "packets were lost while this was captured",
}


class Kind(IntEnum):
    """What happened; the number is the tracker's."""

    REFUSED = 0
    UNANSWERED = 1
    LATE_RESPONSE = 2
    SLOW_CONNECT = 3
    STALL = 4
    OVERRUN = 5
    FWD_CNT_AHEAD = 6
    FWD_CNT_BACK = 7
    BUF_SHRUNK = 8
    PACKET_CEILING = 9
    RESET = 10
    HALF_CLOSE_IGNORED = 11
    SHUTDOWN_UNANSWERED = 12
    DATA_AFTER_SHUTDOWN = 13
    UNREAD_CLOSE = 14
    MESSAGE_UNFINISHED = 15
    MESSAGE_TOO_LARGE = 16
    UPDATE_STORM = 17
    TUPLE_REUSE = 18
    MISMATCH = 19
    GAP = 20
    KERNEL_DEFECT = 21
    CREDIT_REQUEST_UNANSWERED = 22


class Blame(IntEnum):
    """Who is to blame for a stall."""

    NOT_READING = 0
    """Nothing says that the receiver read anything meanwhile."""
    NO_UPDATE = 1
    """It had read, and told only when asked or with another packet."""
    REQUEST_UNANSWERED = 2
    """It was asked for its credit, and said nothing."""


class Reset(IntEnum):
    """What an RST that no close handshake explains was."""

    ABORT = 0
    """An open connection, nothing under way."""
    MID_BURST = 1
    """The receiver's, while data to it was under way."""
    OVERFLOW = 2
    """The same, with the receiver's buffer or packet count exceeded."""
    NO_SOCKET = 3
    """No credit in it: the sender does not know the connection (any more)."""
    STALE = 4
    """It answers the connection that had this tuple before, and ends this one."""


class Defect(IntEnum):
    """Which of the kernel's tap defects was seen, or may have been at work."""

    A = 0
    A1 = 1
    A2 = 2
    B = 3


class Event(NamedTuple):
    """One finding, with all that its sentence needs.

    `actor` is 0 where the side that opened the connection did it or suffers it, 1 for the other;
    which of the two the table below says. `numbers` are those named in `NUMBERS[kind]`, times in
    nanoseconds, None where unknown; `packets` the numbers of the packets that show it.
    """

    kind: Kind
    severity: Severity
    doubt: Doubt
    flow: int
    generation: int
    src_cid: int
    src_port: int
    dst_cid: int
    dst_port: int
    actor: int
    time: int
    packets: tuple[int, ...]
    numbers: tuple[int, ...]

    @property
    def values(self) -> dict[str, int]:
        """The event's own numbers by name."""
        return dict(zip(NUMBERS[self.kind], self.numbers, strict=True))

    @property
    def confidence(self) -> Confidence:
        """What the doubt leaves of it."""
        return self.doubt.confidence

    def text(self, name: Name) -> str:
        """Return the sentence, doubt and all; `name` words the two ends."""
        ends = (name(self.src_cid, self.src_port), name(self.dst_cid, self.dst_port))
        actor, other = ends if not self.actor else ends[::-1]
        return self.doubt.behind(_SENTENCES[self.kind](actor, other, self.values))

    @property
    def mark(self) -> str:
        """What stands at the packet in a line: a word or two, or nothing if its notes say it."""
        return _MARKS[self.kind](self.values) if self.kind in _MARKS else ""


# The numbers of each kind, in the tracker's order. `_s`: nanoseconds here, seconds in JSON.
NUMBERS: dict[Kind, tuple[str, ...]] = {
    Kind.REFUSED: ("after_s",),
    Kind.UNANSWERED: ("waited_s",),
    Kind.LATE_RESPONSE: ("after_s",),
    Kind.SLOW_CONNECT: ("after_s",),
    Kind.STALL: ("length_s", "in_flight", "window", "blame", "lifted"),
    Kind.OVERRUN: ("in_flight", "window", "excess"),
    Kind.FWD_CNT_AHEAD: ("fwd_cnt", "tx_cnt", "ahead"),
    Kind.FWD_CNT_BACK: ("before", "fwd_cnt"),
    Kind.BUF_SHRUNK: ("before", "buf_alloc", "in_flight"),
    Kind.PACKET_CEILING: ("unread", "ceiling", "buf_alloc"),
    Kind.RESET: ("reset", "in_flight", "after_s"),
    Kind.HALF_CLOSE_IGNORED: ("bytes", "after_s"),
    Kind.SHUTDOWN_UNANSWERED: ("waited_s",),
    Kind.DATA_AFTER_SHUTDOWN: ("bytes", "after_s"),
    Kind.UNREAD_CLOSE: ("unread",),
    Kind.MESSAGE_UNFINISHED: ("bytes",),
    Kind.MESSAGE_TOO_LARGE: ("bytes", "window"),
    Kind.UPDATE_STORM: ("updates", "data_packets", "bytes"),
    Kind.TUPLE_REUSE: ("previous", "after_s", "closed"),
    Kind.MISMATCH: (),
    Kind.GAP: ("missing",),
    Kind.KERNEL_DEFECT: ("defect",),
    Kind.CREDIT_REQUEST_UNANSWERED: ("waited_s",),
}

Sentence = Callable[[str, str, dict[str, int]], str]


def seconds(ns: int) -> str:
    """Word a length of time, to a millisecond, or to a microsecond below ten milliseconds."""
    return f"{ns / 1e9:.3f} s" if ns >= 10_000_000 else f"{ns / 1e6:.3f} ms"


def _bytes(number: int) -> str:
    return plural(number, "byte")


def _stall(sender: str, receiver: str, v: dict[str, int]) -> str:
    why = {
        Blame.NOT_READING: f"{receiver} did not read, or did not say so",
        Blame.NO_UPDATE: f"{receiver} had read, but did not say so",
        Blame.REQUEST_UNANSWERED: f"{receiver} did not answer a CREDIT_REQUEST",
    }[Blame(v["blame"])]
    full = f"{v['in_flight']} bytes under way, {v['window']} allowed"
    if v["lifted"]:
        return f"{sender} could not send for {seconds(v['length_s'])}: {why} ({full})"
    return f"{sender} could not send for the last {seconds(v['length_s'])}: {why} ({full})"


def _reset(actor: str, other: str, v: dict[str, int]) -> str:
    under_way = _bytes(v["in_flight"])
    return {
        Reset.ABORT: f"{actor} reset the connection without closing it",
        Reset.MID_BURST: f"{actor} reset the connection with {under_way} to it under way",
        Reset.OVERFLOW: f"{actor} reset the connection because {other} had sent more than it takes"
        f" ({under_way} under way)",
        Reset.NO_SOCKET: f"{actor} reset the connection: it has no such socket (any more)",
        Reset.STALE: f"{actor} reset this connection with an RST meant for the one before it",
    }[Reset(v["reset"])]


def _shrunk(actor: str, _: str, v: dict[str, int]) -> str:
    return (
        f"{actor} made its buffer smaller, from {v['before']} to {_bytes(v['buf_alloc'])}, while"
        f" {v['in_flight']} were under way to it"
    )


def _ceiling(actor: str, _: str, v: dict[str, int]) -> str:
    return (
        f"{actor} has {plural(v['unread'], 'packet')} to read: some kernels since 6.12.94 take only"
        f" {v['ceiling']} with a buffer of {v['buf_alloc']}, and then reset"
    )


def _storm(actor: str, _: str, v: dict[str, int]) -> str:
    return (
        f"{actor} sent {v['updates']} CREDIT_UPDATEs for {plural(v['data_packets'], 'packet')} of"
        f" data ({_bytes(v['bytes'])})"
    )


def _reuse(actor: str, other: str, v: dict[str, int]) -> str:
    if v["closed"]:
        after = seconds(v["after_s"])
        return f"{actor} used its port again {after} after connection {v['previous']} was closed"
    return f"{actor} began anew with {other} although nobody had closed connection {v['previous']}"


def _defect(_: str, __: str, v: dict[str, int]) -> str:
    if v["defect"] == Defect.B:
        return "the payload of large packets may be the kernel's memory, not what was sent"
    name = Defect(v["defect"]).name
    return f"the kernel put too many bytes into frames (defect {name}); the right ones were taken"


_SENTENCES: dict[Kind, Sentence] = {
    Kind.REFUSED: lambda a, b, v: (
        f"{b} refused {a} after {seconds(v['after_s'])}: nobody listens there, for this socket"
        " type, or the backlog is full"
    ),
    Kind.UNANSWERED: lambda a, b, v: (
        f"{b} has not answered {a} for {seconds(v['waited_s'])}: Linux gives up after 2 s"
    ),
    Kind.LATE_RESPONSE: lambda a, b, v: (
        f"{a} answered {b} only after {seconds(v['after_s'])}: Linux gives up after 2 s"
    ),
    Kind.SLOW_CONNECT: lambda a, b, v: f"{a} took {seconds(v['after_s'])} to answer {b}",
    Kind.STALL: _stall,
    Kind.OVERRUN: lambda a, b, v: (
        f"{a} sent {_bytes(v['excess'])} more than {b} has room for ({v['in_flight']} under way,"
        f" {v['window']} allowed)"
    ),
    Kind.FWD_CNT_AHEAD: lambda a, b, v: (
        f"{a} says it has read {_bytes(v['fwd_cnt'])}, {v['ahead']} more than {b} has sent"
    ),
    Kind.FWD_CNT_BACK: lambda a, _, v: (
        f"{a} had read {_bytes(v['before'])} and now says {v['fwd_cnt']}: its count went back"
    ),
    Kind.BUF_SHRUNK: _shrunk,
    Kind.PACKET_CEILING: _ceiling,
    Kind.RESET: _reset,
    Kind.HALF_CLOSE_IGNORED: lambda a, b, v: (
        f"{a} sent {_bytes(v['bytes'])} {seconds(v['after_s'])} after {b} had said that it"
        " receives no more"
    ),
    Kind.SHUTDOWN_UNANSWERED: lambda a, b, v: (
        f"{b} has not answered {a}'s SHUTDOWN for {seconds(v['waited_s'])}: Linux resets after 8 s"
    ),
    Kind.DATA_AFTER_SHUTDOWN: lambda a, _, v: (
        f"{a} sent {_bytes(v['bytes'])} {seconds(v['after_s'])} after it had said that it sends no"
        " more"
    ),
    Kind.UNREAD_CLOSE: lambda a, b, v: (
        f"{a} closed without reading the last {_bytes(v['unread'])} of {b}, which was told nothing"
    ),
    Kind.MESSAGE_UNFINISHED: lambda a, _, v: (
        f"{a} did not end its last message, of {_bytes(v['bytes'])} so far"
    ),
    Kind.MESSAGE_TOO_LARGE: lambda a, b, v: (
        f"{a} sent a message of more than {v['window']} bytes, all the room that {b} has"
    ),
    Kind.UPDATE_STORM: _storm,
    Kind.TUPLE_REUSE: _reuse,
    Kind.MISMATCH: lambda a, _, __: (
        f"a packet of {a} contradicts itself in its addresses or op: no Linux kernel sends that"
    ),
    Kind.GAP: lambda a, b, v: (
        f"{_bytes(v['missing'])} from {a} to {b} are missing from the capture, although {b} got"
        " them"
    ),
    Kind.KERNEL_DEFECT: _defect,
    Kind.CREDIT_REQUEST_UNANSWERED: lambda a, b, v: (
        f"{b} has not answered {a}'s CREDIT_REQUEST for {seconds(v['waited_s'])}"
    ),
}

_MARKS: dict[Kind, Callable[[dict[str, int]], str]] = {
    Kind.REFUSED: lambda _: "refused",
    Kind.UNANSWERED: lambda _: "unanswered",
    Kind.LATE_RESPONSE: lambda v: f"late {v['after_s'] / 1e9:.3f}s",
    Kind.SLOW_CONNECT: lambda v: f"slow {v['after_s'] / 1e9:.3f}s",
    Kind.STALL: lambda v: f"stalled {v['length_s'] / 1e9:.3f}s",
    Kind.OVERRUN: lambda v: f"overrun {v['excess']}",
    Kind.FWD_CNT_AHEAD: lambda v: f"fwd_cnt ahead {v['ahead']}",
    Kind.FWD_CNT_BACK: lambda _: "fwd_cnt back",
    Kind.BUF_SHRUNK: lambda v: f"buffer shrunk to {v['buf_alloc']}",
    Kind.PACKET_CEILING: lambda v: f"{v['unread']} packets unread",
    Kind.RESET: lambda v: f"reset: {Reset(v['reset']).name.lower().replace('_', ' ')}",
    Kind.HALF_CLOSE_IGNORED: lambda _: "half close ignored",
    Kind.SHUTDOWN_UNANSWERED: lambda _: "shutdown unanswered",
    Kind.DATA_AFTER_SHUTDOWN: lambda _: "data after shutdown",
    Kind.UNREAD_CLOSE: lambda v: f"{v['unread']} unread",
    Kind.MESSAGE_UNFINISHED: lambda _: "message unfinished",
    Kind.MESSAGE_TOO_LARGE: lambda _: "message too large",
    Kind.UPDATE_STORM: lambda _: "update storm",
    Kind.TUPLE_REUSE: lambda _: "reuse",
    Kind.GAP: lambda v: f"gap {v['missing']}",
    Kind.CREDIT_REQUEST_UNANSWERED: lambda _: "credit request unanswered",
}
