"""How much came when: packets and payload in steps of time that grow with the capture."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from operator import le
from typing import NamedTuple

from vsockdump.engine.batch import Batch

MOST = 1000
"""Steps; when there are more, each ten of them become one."""

_FIRST = 1000  # nanoseconds of a step at first


class Step(NamedTuple):
    """What came in one step of time."""

    start: int  # ns since 1970
    length: int  # ns
    packets: int
    bytes: int  # of payload


class Series:
    """Adds up packets in steps of the same length, a power of ten nanoseconds."""

    def __init__(self) -> None:
        """Begin with none."""
        self._origin: int | None = None
        self._length = _FIRST
        self._steps: list[tuple[int, int]] = []  # packets, bytes

    def feed(self, batch: Batch) -> None:
        """Add the packets of a batch; what is older than the first one of all counts with it."""
        if not batch.count:
            return
        times, sizes = batch.column("time"), batch.column("virtio_len")
        if self._origin is None:
            self._origin = times[0] - times[0] % _FIRST
        while self._place(max(times)) >= MOST:
            self._coarsen()
        for begin, end in self._parts(times):
            self._add(self._place(times[begin]), end - begin, sum(sizes[begin:end]))

    def steps(self) -> Iterator[Step]:
        """Yield the steps in which packets came, by their time."""
        for place, (packets, size) in enumerate(self._steps):
            if packets:
                start = (self._origin or 0) + place * self._length
                yield Step(start, self._length, packets, size)

    def _place(self, time: int) -> int:
        assert self._origin is not None
        return max(time - self._origin, 0) // self._length

    def _parts(self, times: "memoryview[int]") -> Iterator[tuple[int, int]]:
        """Yield spans of rows that fall into one step: a look at each row would cost too much."""
        if not all(map(le, times, islice(times, 1, None))):
            yield from ((row, row + 1) for row in range(len(times)))
            return
        begin = 0
        while begin < len(times):
            until = (self._origin or 0) + (self._place(times[begin]) + 1) * self._length
            end = bisect_left(times, until, begin)
            yield begin, end
            begin = end

    def _add(self, place: int, packets: int, size: int) -> None:
        missing = place + 1 - len(self._steps)
        self._steps += [(0, 0)] * missing
        had = self._steps[place]
        self._steps[place] = (had[0] + packets, had[1] + size)

    def _coarsen(self) -> None:
        tens = [self._steps[place : place + 10] for place in range(0, len(self._steps), 10)]
        self._steps = [(sum(p for p, _ in ten), sum(b for _, b in ten)) for ten in tens]
        self._length *= 10
