"""Free credit over time as a plot of text: thinned as it comes in, drawn when asked for."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from vsockdump.dissectors.virtio import Op
from vsockdump.events import Event, Kind, Name
from vsockdump.messages import printable
from vsockdump.paint import SHADE, Line
from vsockdump.steps import Packet

HEIGHT = 8
"""Lines of a plot, its axis excepted."""

BUCKETS = 2048
"""Stretches of time that are told apart: more than the dots that a line of a terminal has."""


class Bucket(NamedTuple):
    """What was free within one stretch of time; None where nobody knows."""

    low: int | None = None
    high: int | None = None
    stalled: bool = False


class Samples:
    """How much was free at what time, in a bounded number of buckets, however long it takes.

    Times are nanoseconds, and never go back: one that does is taken for the latest before it.
    """

    def __init__(self, most: int = BUCKETS) -> None:
        """Keep `most` buckets."""
        self._most = most
        self._buckets: list[Bucket] = []
        self._step = 1  # ns of a bucket
        self._start = 0
        self._now = 0
        self._held: int | None = None

    @property
    def span(self) -> int:
        """Nanoseconds from the first sample to the latest."""
        return self._now - self._start

    @property
    def top(self) -> int:
        """The most that was ever free, in bytes; 0 before any of it is known."""
        return max((one.high for one in self._buckets if one.high is not None), default=0)

    @property
    def stalled(self) -> bool:
        """Whether anything is shaded."""
        return any(one.stalled for one in self._buckets)

    def add(self, time: int, free: int | None) -> None:
        """From `time` to the next sample `free` bytes may be sent."""
        self._reach(time)
        self._held = free
        self._buckets[-1] = _merge(self._buckets[-1], Bucket(free, free))

    def shade(self, begin: int, end: int) -> None:
        """Nothing could be sent from `begin` to `end`."""
        self._reach(end)
        first, last = (max(time - self._start, 0) // self._step for time in (begin, end))
        for at in range(first, last + 1):
            self._buckets[at] = self._buckets[at]._replace(stalled=True)

    def columns(self, count: int) -> list[Bucket]:
        """Return the same in `count` buckets of equal length, or none without a sample."""
        return [self._between(at, count) for at in range(count)] if self._buckets else []

    def _between(self, at: int, count: int) -> Bucket:
        times = self.span + 1
        begin = times * at // count // self._step
        end = -(-times * (at + 1) // (count * self._step))
        return _all(self._buckets[begin : max(end, begin + 1)])

    def _reach(self, time: int) -> None:
        """Have buckets up to `time`, in which what was free last still is."""
        if not self._buckets:
            self._start = self._now = time
        self._now = max(self._now, time)
        while self.span // self._step >= self._most:
            self._thin()
        missing = self.span // self._step + 1 - len(self._buckets)
        self._buckets += [Bucket(self._held, self._held)] * missing

    def _thin(self) -> None:
        """Make one bucket of two."""
        self._step *= 2
        pairs = zip_longest(self._buckets[::2], self._buckets[1::2], fillvalue=Bucket())
        self._buckets = [_merge(*pair) for pair in pairs]


def _merge(one: Bucket, other: Bucket) -> Bucket:
    known = [v for v in (one.low, one.high, other.low, other.high) if v is not None]
    stalled = one.stalled or other.stalled
    return Bucket(min(known), max(known), stalled) if known else Bucket(stalled=stalled)


def _all(buckets: Sequence[Bucket]) -> Bucket:
    found = Bucket()
    for one in buckets:
        found = _merge(found, one)
    return found


class Plots:
    """Both directions of one connection."""

    def __init__(self, name: Name) -> None:
        """Prepare; `name` words the ends."""
        self._name = name
        self._samples = (Samples(), Samples())
        self._ends: list[str] = []
        self._sent = [False, False]

    def take(self, found: Packet | Event) -> None:
        """Take what happened next."""
        if isinstance(found, Packet):
            for samples, credit in zip(self._samples, (found.fwd, found.rev), strict=True):
                samples.add(found.time, credit.free)
            ends = (found.src, found.dst)[:: -1 if found.side else 1]
            self._ends = self._ends or [printable(self._name(*end)) for end in ends]
            self._sent[found.side] |= found.op == Op.RW
        elif found.kind is Kind.STALL:
            begin = found.time - found.values["length_s"]
            self._samples[found.actor].shade(begin, found.time)

    def lines(self, width: int, height: int = HEIGHT) -> Iterator[Line]:
        """Yield a plot for each direction that carried data."""
        for side, samples in enumerate(self._samples):
            if self._sent[side]:
                src, dst = self._ends[:: -1 if side else 1]
                shade = f" ({SHADE} stalled)" if samples.stalled else ""
                yield Line("")
                yield Line(f"free for {src} to send to {dst}{shade}", "head")
                yield from (Line(text, "plot") for text in plot(samples, width, height))


# --- drawing ----------------------------------------------------------------------------------

DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""Of a braille character the bits of its dots, from the bottom up, left and right."""


def plot(samples: Samples, width: int, height: int) -> list[str]:
    """Return lines no wider than `width`: `height` of the plot, the axis, and its times.

    Dots up to what was free at the least, every other one up to the most; stalls are shaded.
    """
    top = samples.top
    labels = {height // 2: size(top * (height - height // 2) // height), 0: size(top)}
    indent = max(map(len, labels.values()))
    across = max(width - indent - 2, 1)
    drawn = _cells(samples.columns(2 * across), top or 1, height)
    rows = [
        f"{labels.get(row, ''):>{indent}} {'┤' if row in labels else '│'}{text}".rstrip()
        for row, text in enumerate(drawn)
    ]
    marks, times = axis(0, samples.span, across)
    return [*rows, f"{'0':>{indent}} └{marks}", f"{'':{indent + 2}}{times}"]


def _cells(columns: Sequence[Bucket], top: int, height: int) -> Iterator[str]:
    for row in range(height):
        above = 4 * (height - 1 - row)  # dots below this row
        pairs = zip(columns[::2], columns[1::2], strict=True)
        yield "".join(_cell(pair, top, 4 * height, above) for pair in pairs)


def _cell(pair: tuple[Bucket, Bucket], top: int, dots: int, above: int) -> str:
    bits = 0
    for side, bucket in enumerate(pair):
        low, high = (-(-(value or 0) * dots // top) for value in (bucket.low, bucket.high))
        for at, bit in enumerate(DOTS[side], above):
            if at < low or (at < high and (at + side) % 2 == 0):
                bits |= bit
    if bits:
        return chr(0x2800 + bits)
    return SHADE if any(bucket.stalled for bucket in pair) else " "


def axis(begin: int, end: int, across: int) -> tuple[str, str]:
    """Return the line below a plot with its marks, and that of their times, in nanoseconds."""
    marks, times = ["─"] * across, ""
    span = max(end - begin, 1)
    step = _tick(span, across)
    for time in range(-(-begin // step) * step, end + 1, step):
        at = min((time - begin) * across // span, across - 1)
        label = _time(time, step)
        if at >= len(times) and at + len(label) <= across:
            marks[at] = "┬"
            times = f"{times:{at}}{label} "
    return "".join(marks), times.rstrip()


def _tick(span: int, across: int) -> int:
    """Nanoseconds between two marks: 1, 2 or 5 of something, and room for a label."""
    least, power = -(-span * 12 // across), 1
    while power * 10 <= least:
        power *= 10
    return next(power * by for by in (1, 2, 5, 10) if power * by >= least)


_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


def _time(ns: int, step: int) -> str:
    """Word a time on the axis, in the unit of its steps and no finer than they are."""
    unit, name = next((one for one in _UNITS if step * 10 >= one[0]), _UNITS[-1])
    if unit == 1 or step % unit == 0:
        return f"{ns // unit} {name}"
    return f"{ns // unit}.{ns % unit * 10 // unit} {name}"


def size(count: int) -> str:
    """Word bytes on an axis: a whole number of the largest unit, or one digit more."""
    unit, name = next(
        (one for one in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")) if count >= one[0]),
        (1, "B"),
    )
    return f"{count // unit} {name}" if count % unit == 0 else f"{count / unit:.1f} {name}"
