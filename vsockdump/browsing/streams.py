"""What one connection of an opened capture carries, read from anywhere in it, a piece at a time."""

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from vsockdump import kernels
from vsockdump.engine.batch import Batch
from vsockdump.events import Event, Kind
from vsockdump.flows import Kept
from vsockdump.interface import SNAPLEN
from vsockdump.joined import Joiner, Part, Segment
from vsockdump.leaks import LARGEST_SOUND

from .opened import Opened

MOST = 1 << 20
"""Bytes that are read in one piece if nothing else is said."""

PACKETS = 1 << 14
"""Packets that are."""

_COLUMNS = ("time", "virtio_len", "virtio_type", "virtio_flags", "interface")


class Point(NamedTuple):
    """Where to go on: behind a packet, and behind so many bytes of either side."""

    after: int = 0
    offsets: tuple[int, int] = (0, 0)


BEGIN = Point()


class Stream:
    """Reads a connection's parts in order from a point on; what is not there yet may come later."""

    def __init__(self, opened: Opened, flow: int, point: Point = BEGIN) -> None:
        """Read nothing yet; there need not be such a connection."""
        self._opened, self._flow = opened, flow
        self._after = point.after
        self._begun = point != BEGIN
        self._joiner = Joiner(point.offsets)
        self._numbers = array("Q")  # what is to be read, from `_next` on
        self._next = self._until = 0
        self._gaps: list[Event] = []
        self._rows = _Rows(opened)

    @property
    def point(self) -> Point:
        """Where the next piece begins."""
        return Point(self._after, self._joiner.offsets)

    def read(self, most: int = MOST, packets: int = PACKETS) -> list[Part]:
        """Return the next parts, of `most` bytes or one packet; none where there are no more yet.

        Raises ReadError.
        """
        self.more()
        parts = self._begin()
        with suppress(IndexError):  # let go meanwhile: the next call says so
            for number, kept in self._coming(most, packets):
                parts += self._lost(number)
                parts += self._joiner.feed(self._rows.segment(number, kept.side))
        return [*parts, *self._lost(self._known)]

    def skip(self, most: int = MOST, packets: int = PACKETS) -> bool:
        """Go on without reading, as far as `read` would; return whether that is anywhere."""
        self.more()
        before = self.point
        self._begin()
        with suppress(IndexError):
            for number, kept in self._coming(most, packets):
                deque(self._lost(number), 0)
                self._joiner.skip(kept.side, kept.len)
        deque(self._lost(self._known), 0)
        return self.point != before

    def more(self) -> bool:
        """Tell whether data follows."""
        if self._next == len(self._numbers):
            self._look()
        return self._next < len(self._numbers)

    def _coming(self, most: int, packets: int) -> Iterator[tuple[int, Kept]]:
        """Yield what is next, as many bytes as can be in the file; what is asked for is read."""
        size = 0
        snaplen = max((i.snaplen or SNAPLEN for i in self._opened.interfaces), default=SNAPLEN)
        for number in self._numbers[self._next : self._next + packets]:
            kept = self._opened.index.at(number)
            held = min(kept.len, snaplen)
            if size and size + held > most:
                return
            yield number, kept
            self._after = number
            self._next += 1
            size += held

    @property
    def _known(self) -> int:
        """Up to which packet gaps are known to come next: all, where no data does."""
        return self._until if self._next == len(self._numbers) else 0

    def _look(self) -> None:
        """Find what has come since."""
        self._until = self._opened.count  # what comes while we look has its turn later
        found = self._opened.index.of(self._flow, data=True, after=self._after)
        self._numbers = found[: bisect_right(found, self._until)]
        self._next = 0
        before = max(self._after, self._opened.first - 1)
        self._gaps = [gap for gap in gaps(self._opened, self._flow) if _shown(gap) > before]

    def _let_go(self) -> list[Part]:
        """Go on with what is still kept, behind a hole in both sides."""
        number = self._opened.first
        self._next = bisect_left(self._numbers, number)
        self._after = max(self._after, number - 1)
        self._gaps = [gap for gap in self._gaps if _shown(gap) >= number]
        time = self._opened.index.at(number).time
        return [self._joiner.lost(number, time, side, None) for side in (0, 1)]

    def _begin(self) -> list[Part]:
        """Return the holes that stand before what is next."""
        if self._next < len(self._numbers) and self._numbers[self._next] < self._opened.first:
            return self._let_go()
        flow = self._opened.flow(self._flow)
        if self._begun or flow is None:
            return []
        self._begun = True
        first = self._opened.first
        captured = flow.whole or flow.response is not None
        if captured and flow.first_packet >= first:
            return []
        number = max(first, flow.first_packet)
        sides = [side for side, sent in enumerate((flow.fwd, flow.rev)) if sent.bytes]
        return [self._joiner.lost(number, flow.start, side, None) for side in sides]

    def _lost(self, number: int) -> Iterator[Part]:
        """Yield the gaps that a packet up to `number` is the first to show.

        What it says was read was sent before: the hole is somewhere before it.
        """
        while self._gaps and _shown(self._gaps[0]) <= number:
            gap = self._gaps.pop(0)
            self._after = max(self._after, _shown(gap))
            missing = gap.values["missing"]
            yield self._joiner.lost(_shown(gap), gap.time, gap.actor, missing)


def gaps(opened: Opened, flow: int) -> list[Event]:
    """Return the gaps that were found in a connection by now, in the order they stand in."""
    return sorted((e for e in opened.findings.of(flow) if e.kind is Kind.GAP), key=_shown)


def _shown(gap: Event) -> int:
    """Return the packet that shows it first: that which says that the missing bytes were read."""
    return min(gap.packets, default=0)


class _Rows:
    """Reads packets; those of one batch in a row are found at once."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._batch: Batch | None = None
        self._columns: list[memoryview[int]] = []
        self._leaking: dict[int, bool] = {}

    def segment(self, number: int, side: int) -> Segment:
        batch = self._batch
        if batch is None or not batch.first <= number < batch.first + batch.count:
            batch = self._batch = self._opened.batch(number)[0]
            self._columns = [batch.column(name) for name in _COLUMNS]
        row = number - batch.first
        time, size, kind, flags, interface = (column[row] for column in self._columns)
        leaked = size > LARGEST_SOUND and self._leaks(interface)
        return Segment(number, time, side, size, batch.payload(row), kind, flags, leaked)

    def _leaks(self, interface: int) -> bool:
        """Whether the kernel that captured there may put its own memory into large packets."""
        if interface not in self._leaking:
            found = kernels.defects(self._opened.interfaces[interface].os)
            self._leaking[interface] = any(one.key in kernels.LEAKS for one in found)
        return self._leaking[interface]


def stream(opened: Opened, flow: int) -> Iterator[Part]:
    """Yield all that a connection carried, as far as it is there now; raises ReadError."""
    reading = Stream(opened, flow)
    while parts := reading.read():
        yield from parts
