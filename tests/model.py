"""Two honest Linux sockets and the wire between them, as far as a tap at one end can see.

What they do is net/vmw_vsock/virtio_transport_common.c's: when a packet may be sent, when a reader
tells of it, what a close looks like. Their counters are their own; the tracker's are held to them.
"""

from collections import deque
from enum import Enum, auto
from typing import NamedTuple

from .conversation import HEADERS, SECOND, Packet
from .frames import (
    CREDIT_UPDATE,
    REQUEST,
    RESPONSE,
    RST,
    RW,
    SEQPACKET,
    SHUTDOWN,
    STREAM,
    Ends,
    frame,
)
from .wire import Credit, Truth, Wire

RCV, SEND, BOTH = 1, 2, 3
EOM = 1
MOST_RW = 65536  # VIRTIO_VSOCK_MAX_PKT_BUF_SIZE
CLOSE = 8 * SECOND  # VSOCK_CLOSE_TIMEOUT


class Sent(NamedTuple):
    """A packet between two sockets."""

    op: int
    size: int
    flags: int
    buf_alloc: int
    fwd_cnt: int


class State(Enum):
    NEW = auto()
    OPEN = auto()
    LINGERING = auto()  # closed by its application, no RST yet
    DONE = auto()  # reset, but not closed by its application
    GONE = auto()


class Connection:
    """Two sockets, of which that with the number `near` is where the tap is."""

    def __init__(
        self,
        wire: Wire,
        port: int,
        *,
        kind: int = STREAM,
        bufs: tuple[int, int] = (262144, 262144),
        near: int = 0,
        most: int = MOST_RW,
        number: int = 1,
    ) -> None:
        self.wire, self.kind, self.most, self.number = wire, kind, most, number
        self.addresses = Ends(3, 2, port, 1234)
        self.sockets = (Socket(self, 0, bufs[0]), Socket(self, 1, bufs[1]))
        self.near, self.far = self.sockets[near], self.sockets[1 - near]
        self.ended = False

    def send(self, sender: "Socket", sent: Sent) -> None:
        """The tap is where a near packet leaves, and where a far one comes."""
        if sender is self.near:
            self.capture(sender, sent)
            self.wire.later(self.wire.latency, lambda: self.far.receive(sent))
        else:
            self.wire.later(self.wire.latency, lambda: self.near.receive(sent))

    def capture(self, sender: "Socket", sent: Sent) -> None:
        a = self.addresses
        ends = a if sender.who == 0 else Ends(a.dst_cid, a.src_cid, a.dst_port, a.src_port)
        data = frame(
            sent.op,
            ends=ends,
            length=sent.size,
            kind=self.kind,
            flags=sent.flags,
            buf_alloc=sent.buf_alloc,
            fwd_cnt=sent.fwd_cnt & 0xFFFF_FFFF,
        )
        self.wire.packets.append(Packet(self.wire.now, data, HEADERS + sent.size))
        self.ended = self.ended or sent.op == RST
        ways = (self.near.sending(), self.near.receiving())
        fwd, rev = ways if self.near.who == 0 else ways[::-1]
        self.wire.truths.append(Truth(self.number, self.wire.now, fwd, rev, self.ended))


class Socket:
    """One socket; its application calls connect, send, read, resize, shutdown and close."""

    def __init__(self, line: Connection, who: int, buf: int) -> None:
        self.line, self.who, self.state = line, who, State.NEW
        self.buf = self.told_buf = buf
        self.heard = self.spoke = False
        self.tx = self.rx = self.fwd = self.told_fwd = 0
        self.peer_fwd = self.peer_buf = 0
        self.shut = self.peer_shut = 0
        self.queue: deque[tuple[int, int]] = deque()  # what was received: sizes and flags
        self.wanted: deque[int] = deque()  # what send() still waits for room for

    # --- what the tap can know of it -----------------------------------------------------------

    def sending(self) -> Credit:
        return Credit(self.tx, self.peer_fwd, self.peer_buf if self.heard else None)

    def receiving(self) -> Credit:
        return Credit(self.rx, self.told_fwd, self.told_buf if self.spoke else None)

    # --- the application -----------------------------------------------------------------------

    def connect(self) -> None:
        self._transmit(REQUEST)

    def send(self, size: int) -> None:
        if self.state is State.OPEN and not self.shut & SEND and not self.peer_shut & RCV:
            self.wanted.append(min(size, self.peer_buf) if self._messages else size)
            self._push()

    def read(self, count: int) -> None:
        """Read so many packets, or messages, if they are there."""
        for _ in range(count):
            if self.state not in (State.OPEN, State.DONE) or not self._readable():
                return
            self._read_one()

    def resize(self, buf: int) -> None:
        """SO_VM_SOCKETS_BUFFER_SIZE: the other end is told at once."""
        if self.state is State.OPEN:
            self.buf = buf
            self._transmit(CREDIT_UPDATE)

    def shutdown(self, how: int) -> None:
        if self.state is State.OPEN and not self.wanted:
            self.shut |= how
            self._transmit(SHUTDOWN, flags=how)

    def close(self) -> None:
        if self.wanted or self.state not in (State.OPEN, State.DONE):
            return
        if self.peer_shut == BOTH:
            self._reset(State.GONE)
            return
        if self.shut != BOTH:
            self.shut = BOTH
            self._transmit(SHUTDOWN, flags=BOTH)
        self.state = State.LINGERING
        self.line.wire.later(CLOSE, self._time_out)

    # --- the kernel ----------------------------------------------------------------------------

    @property
    def _messages(self) -> bool:
        return self.line.kind == SEQPACKET

    def _readable(self) -> bool:
        return any(flags & EOM for _, flags in self.queue) if self._messages else bool(self.queue)

    def _read_one(self) -> None:
        flags = 0
        while not flags & EOM:
            size, flags = self.queue.popleft()
            self.fwd += size
            flags = flags if self._messages else EOM
        low = not self.queue or self.buf - (self.fwd - self.told_fwd) < MOST_RW
        if self._messages or low:
            self._transmit(CREDIT_UPDATE)

    def _push(self) -> None:
        """Send what there is room for."""
        while self.wanted and (free := self.sending().free):
            size = min(self.wanted[0], free, self.line.most)
            self.wanted[0] -= size
            last = not self.wanted[0]
            if last:
                self.wanted.popleft()
            self.tx += size
            self._transmit(RW, size, EOM if last and self._messages else 0)

    def _transmit(self, op: int, size: int = 0, flags: int = 0) -> None:
        self.told_fwd, self.told_buf, self.spoke = self.fwd, self.buf, True
        self.line.send(self, Sent(op, size, flags, self.buf, self.fwd))

    def _reset(self, then: State) -> None:
        self.state = then
        self.wanted.clear()
        self._transmit(RST)

    def _time_out(self) -> None:
        if self.state is State.LINGERING:
            self._reset(State.GONE)

    def receive(self, sent: Sent) -> None:
        known = sent.op == REQUEST or self.state in (State.OPEN, State.LINGERING)
        known = known or (sent.op == RESPONSE and self.state is State.NEW)
        if sent.buf_alloc:  # of a socket, that is
            self.heard = True
            self.peer_fwd, self.peer_buf = sent.fwd_cnt, sent.buf_alloc
        self.rx += sent.size
        if self is self.line.near:
            self.line.capture(self.line.far, sent)
        if known:
            self._take(sent)
        elif sent.op != RST:
            self.line.send(self, Sent(RST, 0, 0, 0, 0))

    def _take(self, sent: Sent) -> None:
        if sent.op in (REQUEST, RESPONSE):
            self.state = State.OPEN
        if sent.op == REQUEST:
            self._transmit(RESPONSE)
        elif sent.op == RW:
            self.queue.append((sent.size, sent.flags))
        elif sent.op == SHUTDOWN:
            self._shut_down(sent.flags)
        elif sent.op == RST:
            self.wanted.clear()
            self.peer_shut = BOTH
            self.state = State.GONE if self.state is State.LINGERING else State.DONE
        self._push()

    def _shut_down(self, flags: int) -> None:
        self.peer_shut |= flags
        if self.peer_shut & RCV:
            self.wanted.clear()
        if self.peer_shut == BOTH and not self.queue:
            self._reset(State.GONE if self.state is State.LINGERING else State.DONE)
