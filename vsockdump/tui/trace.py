"""The credit of one connection over time, kept small: 67 bytes a packet."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from vsockdump.dissectors.virtio import Op
from vsockdump.events import Event, Kind
from vsockdump.flows import Credit
from vsockdump.steps import End, Packet

_BLOCK = 256


class Extremes:
    """The least and the most of any stretch of numbers, without a look at each."""

    def __init__(self, values: "array[int]") -> None:
        """Take numbers that others are still added to."""
        self._values = values
        self._lows, self._highs = array(values.typecode), array(values.typecode)

    def between(self, begin: int, end: int) -> tuple[int, int]:
        """Return both of values[begin:end], which is not empty."""
        first, last = -(-begin // _BLOCK), end // _BLOCK
        if first >= last:
            part = self._values[begin:end]
            return min(part), max(part)
        self._reach(last)
        edges = self._values[begin : first * _BLOCK] + self._values[last * _BLOCK : end]
        lows, highs = (edges + blocks[first:last] for blocks in (self._lows, self._highs))
        return min(lows), max(highs)

    def _reach(self, blocks: int) -> None:
        for at in range(len(self._lows), blocks):
            part = self._values[at * _BLOCK : (at + 1) * _BLOCK]
            self._lows.append(min(part))
            self._highs.append(max(part))


class Stretch(NamedTuple):
    """What was true of one direction within a stretch of time, in bytes.

    Each pair is the least and the most, None where nobody knows. `sent` and `read` count from the
    beginning of the capture; `read` is the other end's fwd_cnt without its wrap-around.
    """

    in_flight: tuple[int, int] | None = None
    window: tuple[int, int] | None = None
    sent: tuple[int, int] | None = None
    read: tuple[int, int] | None = None
    stalled: bool = False


class Way:
    """One direction of a connection: a value a packet, whoever sent it."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._tx, self._window = array("I"), array("I")
        self._in_flight, self._sent = array("Q"), array("Q")
        self._known: int | None = None  # the first packet after which the window is known
        self._flying, self._windows = Extremes(self._in_flight), Extremes(self._window)
        self.stalls: list[tuple[int, int]] = []  # when nothing could be sent, ns since 1970

    def add(self, credit: Credit, size: int) -> None:
        """Take what is true after the next packet, which carried `size` bytes this way."""
        if self._known is None and credit.window is not None:
            self._known = len(self._tx)
        self._tx.append(credit.tx_cnt)
        self._window.append(credit.window or 0)
        self._in_flight.append(credit.in_flight)
        self._sent.append(size + (self._sent[-1] if self._sent else 0))

    def credit(self, at: int) -> Credit:
        """Return what was true after packet `at`, from 0."""
        tx, way = self._tx[at], self._in_flight[at]
        if self._known is None or at < self._known:
            return Credit(tx, (tx - way) % 2**32, way, None, None)
        window = self._window[at]
        return Credit(tx, (tx - way) % 2**32, way, window, max(window - way, 0))

    def between(self, begin: int, end: int) -> Stretch:
        """Return what packets from `begin` to before `end` left true; there is one at least."""
        flying = self._flying.between(begin, end)
        sent = (self._sent[begin], self._sent[end - 1])
        read = tuple(max(self._sent[at] - self._in_flight[at], 0) for at in (begin, end - 1))
        known = end if self._known is None else max(begin, self._known)
        window = self._windows.between(known, end) if known < end else None
        return Stretch(flying, window, sent, (min(read), max(read)))

    @property
    def total(self) -> int:
        """The bytes that were sent."""
        return self._sent[-1] if self._sent else 0

    def carried(self, begin: int, end: int) -> int:
        """Return the bytes of packets from `begin` to before `end`."""
        if begin >= end:
            return 0
        return self._sent[end - 1] - (self._sent[begin - 1] if begin else 0)

    def stalled(self, begin: int, end: int) -> bool:
        """Whether nothing could be sent at some time from `begin` to before `end`."""
        after = bisect_left(self.stalls, (end, 0))  # they do not overlap
        return after > 0 and self.stalls[after - 1][1] > begin


class Moment(NamedTuple):
    """One packet, and the credit after it."""

    number: int
    time: int
    op: int
    side: int
    len: int
    fwd: Credit
    rev: Credit

    @property
    def ways(self) -> tuple[Credit, Credit]:
        """The credit of both directions."""
        return self.fwd, self.rev


class Trace:
    """What happened to a connection, packet by packet.

    One thread may take while another looks: what `count` counts is there. Times never go back: one
    that does is taken for the latest before it.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self.count = 0
        self.ends: tuple[End, End] | None = None  # who opened it, and the other
        self.ways = (Way(), Way())
        self._numbers, self._times = array("Q"), array("q")
        self._ops, self._sides = array("H"), array("B")
        self._end = 0  # of what was a stall to the last

    def take(self, found: Packet | Event) -> None:
        """Take what happened next."""
        if isinstance(found, Packet):
            self._packet(found)
        elif found.kind is Kind.STALL:
            begin = found.time - found.values["length_s"]
            self.ways[found.actor].stalls.append((begin, found.time))
            self._end = max(self._end, found.time)

    def _packet(self, packet: Packet) -> None:
        if self.ends is None:
            self.ends = (packet.dst, packet.src) if packet.side else (packet.src, packet.dst)
        self._numbers.append(packet.number)
        self._times.append(max(packet.time, self._times[-1]) if self.count else packet.time)
        self._ops.append(packet.op)
        self._sides.append(packet.side)
        for side, (way, credit) in enumerate(zip(self.ways, (packet.fwd, packet.rev), strict=True)):
            own = packet.side == side and packet.op == Op.RW
            way.add(credit, packet.len if own else 0)
        self.count += 1

    def __getitem__(self, at: int) -> Moment:
        """Return packet `at`, from 0."""
        side, (fwd, rev) = self._sides[at], self.ways
        return Moment(
            number=self._numbers[at],
            time=self._times[at],
            op=self._ops[at],
            side=side,
            len=self.ways[side].carried(at, at + 1),
            fwd=fwd.credit(at),
            rev=rev.credit(at),
        )

    @property
    def start(self) -> int:
        """When the first packet was, ns since 1970."""
        return self._times[0] if self.count else 0

    @property
    def span(self) -> int:
        """Nanoseconds from the first packet to the last, and to the end of a stall after it."""
        return max(self._times[self.count - 1], self._end) - self._times[0] if self.count else 0

    def place(self, number: int) -> int:
        """Return where the packet of a number is, or the next one that is there."""
        return bisect_left(self._numbers, number, 0, self.count)

    def since(self, time: int) -> int:
        """Return the first packet that is not before `time`; `count` if there is none."""
        return bisect_left(self._times, time, 0, self.count)

    def nearest(self, time: int) -> int:
        """Return the packet closest to `time`; there is one at least."""
        after = min(self.since(time), self.count - 1)
        before = max(after - 1, 0)
        late, early = abs(self._times[after] - time), abs(time - self._times[before])
        return before if early < late else after

    def stretches(self, side: int, begin: int, end: int, count: int) -> Iterator[Stretch]:
        """Yield what was true from `begin` to `end` of a direction, in stretches of equal length.

        A value holds until the next packet, and after the last one.
        """
        way = self.ways[side]
        for first, last, left, right in self._parts(begin, end, count):
            found = way.between(max(first - 1, 0), last) if last else Stretch()
            yield found._replace(stalled=way.stalled(left, right))

    def carried(self, side: int, begin: int, end: int, count: int) -> list[int]:
        """Return the bytes that were sent in stretches of equal length."""
        way = self.ways[side]
        return [way.carried(first, last) for first, last, _, _ in self._parts(begin, end, count)]

    def _parts(self, begin: int, end: int, count: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield the packets of each stretch, from and to before, and its times."""
        times = [begin + (end - begin) * at // count for at in range(count + 1)]
        times[-1] = end + 1  # the last packet is within
        places = [self.since(time) for time in times]
        for at in range(count):
            yield places[at], places[at + 1], times[at], times[at + 1]
