"""A sequence diagram of connections: its columns and rows, whatever they are drawn with."""

from collections.abc import Sequence
from typing import NamedTuple

from vsockdump.dissectors import virtio
from vsockdump.dissectors.virtio import Op
from vsockdump.events import Event, Kind, Name
from vsockdump.messages import printable
from vsockdump.steps import End, Packet

QUIET = 1_000_000_000
"""Nanoseconds without a packet that are worth a row."""

_RUNS = (Op.RW, Op.CREDIT_UPDATE)


class Arrow(NamedTuple):
    """A packet, or several in a row of the same op: `len` is their sum, `free` as of the last."""

    number: int
    last: int  # number of the last packet
    time: int  # ns since 1970
    end: int  # of the last packet
    flow: int
    src: int  # columns: of whom it is from
    dst: int
    op: int
    type: int
    packets: int
    len: int
    flags: int
    buf_alloc: int
    fwd_cnt: int
    free: int | None

    @property
    def flag_names(self) -> str:
        """Its flags' names, or those of the last packet."""
        return "|".join(virtio.flag_names(self.op, self.type, self.flags))

    @property
    def labels(self) -> list[str]:
        """What stands at it, the longest first, for where there is less room."""
        name = virtio.op_name(self.op)
        if self.packets > 1:
            name += f" x {self.packets}"
        if self.op in (Op.REQUEST, Op.RESPONSE):
            kind = virtio.type_name(self.type)
            return [f"{name} {kind}, buf {self.buf_alloc}", f"{name} {kind}", name]
        full = f"{self._numbers(name)} {self.flag_names}".rstrip()
        free = [] if self.free is None or self.op not in _RUNS else [f"{full}, free {self.free}"]
        return list(dict.fromkeys([*free, full, full.removesuffix(" bytes"), name]))

    def _numbers(self, name: str) -> str:
        if self.op == Op.CREDIT_UPDATE:
            return f"{name} fwd {self.fwd_cnt}"
        if self.packets > 1:
            return f"{name}, {self.len} bytes"
        return f"{name} {self.len}" if self.op == Op.RW or self.len else name

    def joined(self, more: "Arrow") -> "Arrow":
        """Return this and the packet that follows as one."""
        return more._replace(
            number=self.number,
            time=self.time,
            packets=self.packets + more.packets,
            len=self.len + more.len,
        )


class Quiet(NamedTuple):
    """A time in which nothing was sent, in nanoseconds."""

    length: int


class Incident(NamedTuple):
    """What happened, to the connection between two columns."""

    event: Event
    src: int
    dst: int

    def text(self, name: Name) -> str:
        """Return its sentence."""
        return printable(self.event.text(name))


Row = Arrow | Quiet | Incident


class Rungs:
    """Gathers the rows.

    A connection is drawn if both its ends are among the first `ends` that are met, and there are
    no more than `rows` rows: what is kept of a capture of any size is bounded.
    """

    def __init__(self, *, ends: int, rows: int, whole: bool = False, quiet: int = QUIET) -> None:
        """Prepare; `whole`: every packet has a row of its own; `quiet` ns of nothing have one."""
        self.ends: list[End] = []
        self.rows: list[Row] = []
        self.packets = 0
        self._most_ends, self._most_rows = ends, rows
        self._whole, self._quiet = whole, quiet
        self._columns: dict[int, tuple[int, int]] = {}  # by connection: of who opened it first
        self._newest = 0  # connections are numbered in the order in which they are met
        self._end: int | None = None  # when the last packet was

    @property
    def start(self) -> int:
        """When the first packet was, in nanoseconds since 1970; 0 where there is none."""
        return next((row.time for row in self.rows if isinstance(row, Arrow)), 0)

    def wants(self, flow: int) -> bool:
        """Whether packets of a connection may find a place: it is drawn, or not met yet."""
        return flow > self._newest or flow in self._columns

    def add(self, packet: Packet) -> bool:
        """Take the next packet, if there is a place for it; False if a row was all it lacked."""
        columns = self._place(packet)
        if columns is None:
            return True
        if not self._draw(_arrow(packet, columns)):
            return False
        self.packets += 1
        self._end = packet.time
        return True

    def note(self, event: Event) -> bool:
        """Take what happened next, if it was to a connection that is drawn; False as `add`."""
        columns = self._columns.get(event.flow)
        if columns is None:
            return True
        if self.full:
            return False
        self.rows.append(Incident(event, *columns))
        return True

    @property
    def flows(self) -> int:
        """How many connections are drawn."""
        return len(self._columns)

    @property
    def full(self) -> bool:
        """Whether nothing more can be drawn."""
        return len(self.rows) >= self._most_rows

    def _draw(self, arrow: Arrow) -> bool:
        before = self.rows[-1] if self.rows else None
        if isinstance(before, Arrow) and self._joins(before, arrow):
            self.rows[-1] = before.joined(arrow)
            return True
        quiet = 0 if self._end is None else arrow.time - self._end
        if quiet >= self._quiet and not _says_why(before) and not self.full:
            self.rows.append(Quiet(quiet))
        if self.full:
            return False
        self.rows.append(arrow)
        return True

    def _joins(self, before: Arrow, arrow: Arrow) -> bool:
        """Whether two packets are drawn as one; a message ends a run."""
        same = (before.flow, before.src, before.op) == (arrow.flow, arrow.src, arrow.op)
        near = arrow.time - before.end < self._quiet
        return same and near and arrow.op in _RUNS and not (before.flags or self._whole)

    def _place(self, packet: Packet) -> tuple[int, int] | None:
        """Return the columns of a packet, None where it has no place."""
        if packet.flow > self._newest:
            self.meet(packet.flow, (packet.src, packet.dst)[:: -1 if packet.side else 1])
        columns = self._columns.get(packet.flow)
        return columns[::-1] if columns and packet.side else columns

    def meet(self, flow: int, ends: Sequence[End]) -> None:
        """Make room for the next connection, between who opened it and who was connected to."""
        self._newest = flow
        new = [end for end in dict.fromkeys(ends) if end not in self.ends]
        if not self.full and len(self.ends) + len(new) <= self._most_ends:
            self.ends += new
            src, dst = map(self.ends.index, ends)
            self._columns[flow] = (src, dst)


def _says_why(row: Row | None) -> bool:
    return isinstance(row, Incident) and row.event.kind is Kind.STALL


def _arrow(packet: Packet, columns: Sequence[int]) -> Arrow:
    return Arrow(
        number=packet.number,
        last=packet.number,
        time=packet.time,
        end=packet.time,
        flow=packet.flow,
        src=columns[0],
        dst=columns[1],
        op=packet.op,
        type=packet.type,
        packets=1,
        len=packet.len,
        flags=packet.flags,
        buf_alloc=packet.buf_alloc,
        fwd_cnt=packet.fwd_cnt,
        free=packet.free,
    )
