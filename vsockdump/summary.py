"""What a capture adds up to: sections of facts and of rows, the same for people and scripts."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple

from vsockdump.dissectors.virtio import op_name
from vsockdump.flowgroups import GROUPINGS, Groups, fields
from vsockdump.flows import SIZES, Counts, Flow, Verdict
from vsockdump.formats import linktypes
from vsockdump.interface import Interface
from vsockdump.quality import Quality
from vsockdump.series import Step
from vsockdump.values import Field

Histogram = Sequence[tuple[int, int]]
"""(At most so many nanoseconds, how often), in rising order."""


OTHER = 8
"""The place of a side's `ops` that counts all other ones."""


class Shape(Enum):
    """What the rows of a section are to people."""

    FACTS = 0
    """There is one row: what is known of one thing."""
    TABLE = 1
    COUNTS = 2
    """Two fields: what, and how many."""
    GROUPS = 3
    STEPS = 4
    """How much came when."""


class Section(NamedTuple):
    """One section: a name, and rows of values."""

    name: str
    shape: Shape
    fields: Sequence[Field[Any]]
    rows: Sequence[Any]


class Facts(NamedTuple):
    """What is known of the capture as a whole."""

    file: str
    type: str
    encapsulation: str
    size: int | None  # bytes of the file
    counts: Counts
    quality: Quality
    frames: int  # bytes on the wire
    captured: int  # of these
    payload: int

    @property
    def duration(self) -> int:
        """Nanoseconds from the first packet to the last."""
        first, last = self.counts.first, self.counts.last
        return last - first if first is not None and last is not None else 0


def _rate(value: Callable[[Facts], int]) -> Callable[[Facts], float | None]:
    """Return so much a second."""
    return lambda facts: value(facts) * 1e9 / facts.duration if facts.duration else None


def _average(facts: Facts) -> float | None:
    return facts.frames / facts.counts.packets if facts.counts.packets else None


FACTS: tuple[Field[Facts], ...] = (
    Field("file", "str", "", lambda facts: facts.file),
    Field("file_type", "str", "", lambda facts: facts.type),
    Field("encapsulation", "str", "", lambda facts: facts.encapsulation),
    Field("file_size", "int", "bytes", lambda facts: facts.size),
    Field("packets", "int", "", lambda facts: facts.counts.packets),
    Field("connections", "int", "", lambda facts: facts.counts.flows),
    Field("first", "time", "UTC", lambda facts: facts.counts.first),
    Field("last", "time", "UTC", lambda facts: facts.counts.last),
    Field("duration", "seconds", "s", lambda facts: facts.duration),
    Field("frame_bytes", "int", "bytes", lambda facts: facts.frames),
    Field("captured_bytes", "int", "bytes", lambda facts: facts.captured),
    Field("payload_bytes", "int", "bytes", lambda facts: facts.payload),
    Field("average_frame", "float", "bytes", _average),
    Field("packet_rate", "float", "packets/s", _rate(lambda facts: facts.counts.packets)),
    Field("payload_rate", "float", "bytes/s", _rate(lambda facts: facts.payload)),
    Field("lost", "int", "packets", lambda facts: facts.quality.lost),
    Field("duplicates", "int", "packets", lambda facts: facts.counts.duplicates),
    Field("unread", "int", "packets", lambda facts: facts.counts.unread),
)

INTERFACES: tuple[Field[tuple[int, Interface]], ...] = (
    Field("interface", "int", "", lambda row: row[0]),
    Field("name", "str", "", lambda row: row[1].name),
    Field("link_type", "str", "", lambda row: linktypes.describe(row[1].linktype)),
    Field("snaplen", "int", "bytes", lambda row: row[1].snaplen or None),
    Field("os", "str", "", lambda row: row[1].os),
    Field("filter", "str", "", lambda row: row[1].filter),
)

Pair = tuple[Any, int]

STEPS: tuple[Field[Step], ...] = (
    Field("start", "time", "UTC", lambda step: step.start),
    Field("length_s", "seconds", "s", lambda step: step.length),
    Field("packets", "int", "", lambda step: step.packets),
    Field("bytes", "int", "bytes", lambda step: step.bytes),
)

PERCENTILES = (50, 90, 99, 100)


class Totals:
    """What connections add up to."""

    def __init__(self) -> None:
        """Begin with none."""
        self.payload = 0
        self.ops: Counter[int] = Counter()
        self.sizes: Counter[int] = Counter()
        self.verdicts: Counter[Verdict] = Counter()
        self.groups = {way: Groups(GROUPINGS[way]) for way in ("cid", "port")}

    def add(self, flow: Flow) -> None:
        """Count a connection in."""
        self.payload += flow.fwd.bytes + flow.rev.bytes
        self.verdicts[flow.verdict] += 1
        for side in (flow.fwd, flow.rev):
            self.ops.update({op: n for op, n in enumerate(side.ops) if n})
            self.sizes.update({size: n for size, n in enumerate(side.sizes) if n})
        for groups in self.groups.values():
            groups.add(flow)

    def sections(self) -> Iterator[Section]:
        """Yield what was counted, a section each."""
        ops = [(_op(op), self.ops[op]) for op in sorted(self.ops)]
        yield pairs("ops", "op", "str", "packets", ops)
        sizes = [(most(size), self.sizes[size]) for size in sorted(self.sizes)]
        yield pairs("sizes", "up_to", "int", "packets", sizes)
        verdicts = [(verdict.name, self.verdicts[verdict]) for verdict in sorted(self.verdicts)]
        yield pairs("verdicts", "verdict", "str", "connections", verdicts)
        for way, groups in self.groups.items():
            rows = sorted(groups, key=lambda group: -group.bytes_out - group.bytes_in)
            yield Section(f"{way}s", Shape.GROUPS, fields(GROUPINGS[way]), rows)


def _op(op: int) -> str:
    return op_name(op) if op < OTHER else "other"


def most(bucket: int) -> int | None:
    """Return how many bytes a packet of a bucket of sizes has at the most, None for no limit."""
    return None if bucket == SIZES - 1 else 1 << bucket >> 1


def pairs(name: str, key: str, kind: str, what: str, rows: Sequence[Pair]) -> Section:
    """Return a section that says how many there are of each."""
    columns: tuple[Field[Pair], ...] = (
        Field(key, kind, "", lambda row: row[0]),
        Field(what, "int", "", lambda row: row[1]),
    )
    return Section(name, Shape.COUNTS, columns, rows)


_COUNT: Field[Histogram] = Field("count", "int", "", lambda rows: sum(n for _, n in rows))


def times(name: str, histogram: Histogram) -> Iterator[Section]:
    """Yield percentiles of lengths of time, and how many there are of each."""
    columns = (_COUNT, *(_percentile(percent) for percent in PERCENTILES))
    yield Section(name, Shape.FACTS, columns, [histogram])
    yield pairs(f"{name}_histogram", "up_to_s", "seconds", "count", histogram)


def _percentile(percent: int) -> Field[Histogram]:
    name = "max_s" if percent == 100 else f"p{percent}_s"
    return Field(name, "seconds", "s", lambda histogram: percentile(histogram, percent))


def percentile(histogram: Histogram, percent: int) -> int | None:
    """Return what so many percent are below, as exactly as the histogram says it."""
    left = sum(count for _, count in histogram) * percent
    for longest, count in histogram:
        left -= count * 100
        if left <= 0:
            return longest
    return None
