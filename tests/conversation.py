"""Conversations written down a packet at a time, and what the tracker makes of them.

    talk = Talk().request().response()
    talk.at(0.5).rw("src", 100).update("dst", fwd=100)

A packet comes TICK after the one before it unless `at` says when. Both ends keep the credit that
they announced last: every packet of theirs carries it.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, Self

from vsockdump.engine.batch import Batch
from vsockdump.engine.scan import Scanner
from vsockdump.engine.track import Tracker
from vsockdump.events import Doubt, Event, Kind, Severity
from vsockdump.flows import Counts, Flow

from .captures import START, Taken, enhanced
from .frames import (
    CREDIT_REQUEST,
    CREDIT_UPDATE,
    REQUEST,
    RESPONSE,
    RST,
    RW,
    SHUTDOWN,
    STREAM,
    VSOCK,
    Ends,
    frame,
)

MICRO, MILLI, SECOND = 1_000, 1_000_000, 1_000_000_000
TICK = 100 * MICRO
HEADERS = 76  # bytes before the payload

Who = Literal["src", "dst"]


class Packet(NamedTuple):
    """One captured packet; `time` in nanoseconds since START."""

    time: int
    frame: bytes
    wire: int
    interface: int = 0


class Tape:
    """What is captured, and when the next packet comes."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.now = 0


class Side:
    """One end of a connection, and what it says of itself in every packet."""

    def __init__(self, cid: int, port: int, buf: int) -> None:
        self.cid, self.port, self.buf, self.fwd = cid, port, buf, 0


class Talk:
    """A conversation between `src`, which opens it, and `dst`; every method adds one packet."""

    def __init__(
        self,
        src: tuple[int, int] = (3, 1024),
        dst: tuple[int, int] = (2, 1234),
        *,
        kind: int = STREAM,
        buf: int = 262144,
        interface: int = 0,
        on: "Talk | None" = None,
    ) -> None:
        """Begin a capture, or another conversation on that of another one."""
        self.tape: Tape = on.tape if on else Tape()
        self.kind, self.interface = kind, interface
        self.ends: dict[Who, Side] = {"src": Side(*src, buf), "dst": Side(*dst, buf)}

    @property
    def packets(self) -> list[Packet]:
        return self.tape.packets

    def at(self, seconds: float) -> Self:
        """Say when the next packet comes, counted from the beginning."""
        self.tape.now = round(seconds * SECOND)
        return self

    def request(self, who: Who = "src", **more: int) -> Self:
        """Open; the counts of both ends begin anew."""
        for side in self.ends.values():
            side.fwd = 0
        return self.packet(who, REQUEST, **more)

    def response(self, **more: int) -> Self:
        return self.packet("dst", RESPONSE, **more)

    def open(self) -> Self:
        return self.request().response()

    def rw(self, who: Who, size: int, **more: int) -> Self:
        return self.packet(who, RW, size, **more)

    def update(self, who: Who, **more: int) -> Self:
        return self.packet(who, CREDIT_UPDATE, **more)

    def ask(self, who: Who, **more: int) -> Self:
        return self.packet(who, CREDIT_REQUEST, **more)

    def shutdown(self, who: Who, flags: int, **more: int) -> Self:
        return self.packet(who, SHUTDOWN, flags=flags, **more)

    def rst(self, who: Who, **more: int) -> Self:
        return self.packet(who, RST, **more)

    def no_socket(self, who: Who) -> Self:
        """Add the RST of a kernel that knows nothing of the connection: without credit."""
        return self._add(who, frame(RST, ends=self._toward(who), kind=self.kind, buf_alloc=0), 0)

    def close(self) -> Self:
        """Close as Linux does: one end announces both, the other resets, and once more."""
        return self.shutdown("src", 3).rst("dst").rst("dst")

    def packet(
        self,
        who: Who,
        op: int,
        size: int = 0,
        *,
        fwd: int | None = None,
        buf: int | None = None,
        flags: int = 0,
        held: int | None = None,
    ) -> Self:
        """Add any packet; `size` is its payload's, of which the frame has `held` bytes."""
        side = self.ends[who]
        side.fwd = side.fwd if fwd is None else fwd
        side.buf = side.buf if buf is None else buf
        made = frame(
            op,
            bytes(size if held is None else held),
            ends=self._toward(who),
            length=size,
            kind=self.kind,
            flags=flags,
            buf_alloc=side.buf,
            fwd_cnt=side.fwd & 0xFFFF_FFFF,
        )
        return self._add(who, made, size)

    def raw(self, data: bytes, wire: int | None = None) -> Self:
        """Add whatever bytes."""
        wire = len(data) if wire is None else wire
        self.packets.append(Packet(self.tape.now, data, wire, self.interface))
        self.tape.now += TICK
        return self

    def twice(self) -> Self:
        """Let the last packet be captured once more, 1 us later."""
        last = self.packets[-1]
        self.packets.append(last._replace(time=last.time + MICRO))
        return self

    def _add(self, who: Who, data: bytes, size: int) -> Self:
        return self.raw(data, max(len(data), HEADERS + size))

    def _toward(self, who: Who) -> Ends:
        a, b = self.ends[who], self.ends["dst" if who == "src" else "src"]
        return Ends(a.cid, b.cid, a.port, b.port)


def cut(packets: Iterable[Packet], snaplen: int) -> list[Packet]:
    """Capture no more than the first bytes of every packet."""
    return [packet._replace(frame=packet.frame[:snaplen]) for packet in packets]


def lead(packets: Iterable[Packet], *leads: bytes) -> list[Packet]:
    """Capture each packet once behind each of some cooked headers."""
    return [
        packet._replace(frame=head + packet.frame, wire=len(head) + packet.wire)
        for packet in packets
        for head in leads
    ]


def batches(
    packets: Sequence[Packet], linktypes: Sequence[int] = (VSOCK,), cuts: Iterable[int] = ()
) -> Iterator[Batch]:
    """Scan packets as blocks of a pcapng file, in pieces that end where `cuts` says."""
    using = Scanner()
    for linktype in linktypes:
        using.add_interface(linktype)
    first = 1
    for begin, end in pairwise([0, *sorted(cuts), len(packets)]):
        for batch in _scan(using, packets[begin:end]):
            batch.first = first
            first += batch.count
            yield batch


def _scan(using: Scanner, packets: Iterable[Packet]) -> Iterator[Batch]:
    taken = ((Taken(START + p.time, p.frame, p.wire), p.interface) for p in packets)
    data = b"".join(enhanced(one, number=interface) for one, interface in taken)
    at = 0
    while at < len(data):
        batch = using.pcapng(data, at, len(data), swapped=sys.byteorder != "little")
        at = batch.end
        yield batch


class Tracked(NamedTuple):
    """All that a tracker says of a capture in the end."""

    events: list[Event]
    flows: list[Flow]
    counts: Counts


def track(
    talk: Talk | Sequence[Packet],
    *,
    linktypes: Sequence[int] = (VSOCK,),
    cuts: Iterable[int] = (),
    most: int = 1_000_000,
    prepare: Callable[[Tracker], None] = lambda tracker: None,
) -> Tracked:
    """Feed a tracker with a whole capture."""
    tracker = Tracker(most=most)
    prepare(tracker)
    for batch in batches(talk.packets if isinstance(talk, Talk) else talk, linktypes, cuts):
        tracker.feed(batch)
    tracker.finish()
    return Tracked(tracker.events(), list(tracker.flows()), tracker.counts)


class Found(NamedTuple):
    """What of an event tells it from others of its connection."""

    kind: Kind
    severity: Severity
    who: str
    packets: tuple[int, ...]
    numbers: dict[str, int]
    doubt: Doubt = Doubt.NONE

    def but(self, doubt: Doubt) -> Self:
        return self._replace(doubt=doubt)

    def of(self, **numbers: int) -> Self:
        return self._replace(numbers={**self.numbers, **numbers})


def expect(
    kind: Kind, severity: Severity, who: Who, packets: tuple[int, ...], **numbers: int
) -> Found:
    """Return the event expected; times among its numbers in nanoseconds."""
    return Found(kind, severity, who, packets, numbers)


def found(events: Iterable[Event]) -> list[Found]:
    """Return the events to be held against those expected."""
    return [
        Found(e.kind, e.severity, ("src", "dst")[e.actor], e.packets, e.values, e.doubt)
        for e in events
    ]
