"""What a connection is and what its packets add up to: counts, credit, and a verdict in one word.

A Flow is a snapshot that the tracker makes when asked for one. Times are nanoseconds since 1970.
"""

from enum import IntEnum
from typing import NamedTuple

from .events import Confidence, Doubt, seconds
from .messages import plural
from .states import State

SIZES = 19
"""Buckets of packet sizes: 0 bytes, then up to 1, 2, 4 ... 65536; the last holds all above."""


class Side(NamedTuple):
    """What one end of a connection has sent, and the credit it sends by.

    Credit is as of the last packet: `tx_cnt`, `fwd_cnt` (the other end's), `window` (what it may
    have under way) are the protocol's, modulo 2^32 (virtio 1.3, 5.10.6.3).
    """

    packets: int
    bytes: int  # of payload, by hdr.len
    ops: tuple[int, ...]  # packets by op, 0 to 7; all others in the last
    largest: int  # payload of a packet, bytes
    sizes: tuple[int, ...]  # RW packets by size: SIZES buckets
    first_byte: int | None  # when the first RW was sent
    last_byte: int | None  # when the last RW was
    buf_alloc: int | None  # bytes, its own buffer as last announced
    tx_cnt: int
    fwd_cnt: int | None  # of the other end
    in_flight: int
    window: int | None  # None until the other end has said anything
    free: int | None  # bytes it may still send, 0 where more is under way than allowed
    min_free: int | None
    stalls: int
    stalled: int  # ns in all, the present one included
    longest_stall: int  # ns
    stalled_now: bool
    missing: int  # bytes that are missing from the capture
    excess: int  # bytes sent beyond the window at the most
    unread: int  # bytes the other end had not read when it closed
    shutdown: int  # bits of its SHUTDOWNs: 1 rcv, 2 send


class Credit(NamedTuple):
    """One direction's credit right after a packet (virtio 1.3, 5.10.6.3), modulo 2^32, in bytes.

    `window` and `free` are None until the receiver has said anything.
    """

    tx_cnt: int
    fwd_cnt: int
    in_flight: int
    window: int | None
    free: int | None


class Step(NamedTuple):
    """What one packet did: to which connection, sent by which side (0: who opened it)."""

    flow: int
    side: int
    fwd: Credit
    rev: Credit


class Kept(NamedTuple):
    """What is kept of a packet, to find one's way in a capture."""

    time: int  # ns since 1970
    flow: int  # its connection's number, 0 if it belongs to none
    side: int  # 0: who opened the connection sent it
    len: int  # bytes of payload, by the header
    free: int | None  # bytes that its sender may still send; of a CREDIT_UPDATE, the other end
    full: bool  # one of them may send nothing
    severity: int  # of the worst that was found at it: 0 nothing, 1 a note, 2 warn, 3 problem


class End(IntEnum):
    """How a connection ended, as far as it has."""

    NONE = 0
    HANDSHAKE = 1
    REFUSED = 2
    TIMER = 3
    """SHUTDOWN was not answered, and who sent it reset after 8 s."""
    RESET = 4
    TOO_LATE = 5
    """Who opened it had given up when the RESPONSE came, and reset."""


class Verdict(IntEnum):
    """One word on a connection; S0 to OTH are Zeek's conn_state."""

    S0 = 0
    """No answer to the REQUEST, or too late."""
    REJ = 1
    """Refused."""
    SF = 2
    """Opened and closed as it should be."""
    S1 = 3
    """Opened, and not closed yet."""
    RSTO = 4
    """Reset by who opened it."""
    RSTR = 5
    """Reset by the other end."""
    OTH = 6
    """The beginning was not captured."""
    STALLED = 7
    """Could not send for a second or more."""
    GAP = 8
    """Bytes are missing from the capture: nothing else can be said for sure."""
    OVERRUN = 9
    """More was sent than the receiver has room for."""


class Flow(NamedTuple):
    """One connection: a tuple of addresses, and which generation of it.

    `src` opened it; where that was not captured, it is who sent the first packet seen.
    """

    number: int  # from 1, in the order of their first packets
    generation: int  # of this tuple, from 1
    interface: int  # index into the capture's interfaces
    src_cid: int
    src_port: int
    dst_cid: int
    dst_port: int
    type: int  # the header's: 1 stream, 2 seqpacket
    state: State
    whole: bool  # its REQUEST was captured
    start: int
    response: int | None  # when the RESPONSE came
    last: int
    closed: int | None
    end: End
    reset_by: int | None  # 0 src, 1 dst: whose RST closed it
    problems: int  # events of that severity
    duplicates: int  # packets seen twice, and counted once
    doubt: Doubt
    first_packet: int
    last_packet: int
    fwd: Side  # what src sent
    rev: Side

    @property
    def duration(self) -> int:
        """Nanoseconds from the first packet to the last."""
        return self.last - self.start

    @property
    def connect(self) -> int | None:
        """Nanoseconds from REQUEST to RESPONSE."""
        if not self.whole or self.response is None:
            return None
        return max(self.response - self.start, 0)  # the taps may have run in the other order

    @property
    def verdict(self) -> Verdict:
        """The word; what is wrong with the capture goes before what is wrong with a peer."""
        if self.end is End.REFUSED:
            return Verdict.REJ
        if self.end is End.TOO_LATE:
            return Verdict.S0
        if self.missing:
            return Verdict.GAP
        if self.fwd.excess or self.rev.excess:
            return Verdict.OVERRUN
        if self.stalled:
            return Verdict.STALLED
        return self._plain()

    def _plain(self) -> Verdict:
        if self.end is End.RESET:
            return Verdict.RSTR if self.reset_by else Verdict.RSTO
        if not self.whole:
            return Verdict.OTH
        if self.state is State.OPENING:
            return Verdict.S0
        return Verdict.SF if self.state is State.CLOSED else Verdict.S1

    @property
    def missing(self) -> int:
        """Bytes missing from the capture, both ways."""
        return self.fwd.missing + self.rev.missing

    @property
    def stalled(self) -> bool:
        """Whether either side was stalled for so long that it is a problem."""
        return any(s.longest_stall >= STALL_PROBLEM for s in (self.fwd, self.rev))

    @property
    def reason(self) -> str:
        """The sentence to the verdict."""
        return _REASONS[self.verdict](self)

    @property
    def confidence(self) -> Confidence:
        """How far the verdict can be trusted."""
        return self.doubt.confidence


class Counts(NamedTuple):
    """What was fed.

    `followed` packets belong to connections, `unread` ones have no virtio header to go by,
    `truncated` ones lack bytes of their payload, `duplicates` were seen before. `evicted` of the
    `flows` were forgotten to make room, before they could be handed out whole; `midstream` ones
    began before the capture. `missing` bytes are not in it. `first` and `last` are times, None
    without packets.
    """

    packets: int
    followed: int
    unread: int
    truncated: int
    duplicates: int
    flows: int
    evicted: int
    midstream: int
    missing: int
    first: int | None
    last: int | None


STALL_PROBLEM = 1_000_000_000
"""Nanoseconds a stall lasts to be a problem: nobody's timeouts are shorter."""


def _stalled(flow: Flow) -> str:
    who, side = max(("src", flow.fwd), ("dst", flow.rev), key=lambda pair: pair[1].longest_stall)
    longest = f", at the longest for {seconds(side.longest_stall)}" if side.stalls > 1 else ""
    return f"{who} could not send for {seconds(side.stalled)}{longest}; {_ending(flow)}"


def _ending(flow: Flow) -> str:
    """How it ended, in a few words."""
    if flow.end is End.RESET:
        return f"reset by {'dst' if flow.reset_by else 'src'}"
    if flow.end is End.TIMER:
        return "closed by the timer, 8 s after an unanswered SHUTDOWN"
    return "closed" if flow.state is State.CLOSED else "not closed yet"


def _overrun(flow: Flow) -> str:
    who, side = ("src", flow.fwd) if flow.fwd.excess else ("dst", flow.rev)
    return f"{who} sent {plural(side.excess, 'byte')} more than allowed; {_ending(flow)}"


_REASONS = {
    Verdict.S0: lambda f: "answered too late" if f.response else "no answer",
    Verdict.REJ: lambda f: "refused: nobody listens for this type, or the backlog is full",
    Verdict.SF: lambda f: _ending(f) + _unread(f),
    Verdict.S1: lambda f: "closing" if f.state > State.OPEN else "open",
    Verdict.RSTO: lambda f: "reset by src without a close" + _unread(f),
    Verdict.RSTR: lambda f: "reset by dst without a close" + _unread(f),
    Verdict.OTH: lambda f: f"its beginning was not captured; {_ending(f)}" + _unread(f),
    Verdict.STALLED: _stalled,
    Verdict.GAP: lambda f: f"{plural(f.missing, 'byte')} missing from the capture; {_ending(f)}",
    Verdict.OVERRUN: _overrun,
}


def _unread(flow: Flow) -> str:
    unread = flow.fwd.unread + flow.rev.unread
    return f", {plural(unread, 'byte')} never read" if unread else ""
