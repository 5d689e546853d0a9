"""What happens to connections, one after the other: packets with their credit, and events."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from vsockdump.dissectors import virtio
from vsockdump.dissectors.virtio import Op
from vsockdump.engine.batch import Batch
from vsockdump.engine.track import Tracker
from vsockdump.events import Event, Kind
from vsockdump.flows import Credit, Step

Wants = Callable[[int], bool]
"""Says of a connection, by its number, whether its packets and events are asked for."""

ENDED = (Kind.STALL, Kind.GAP)
"""What was before the packet that shows it."""


class End(NamedTuple):
    """One end of a connection."""

    cid: int
    port: int


class Packet(NamedTuple):
    """One packet of a connection: its own numbers, and both directions' credit after it."""

    number: int  # in the capture, from 1
    time: int  # ns since 1970
    flow: int
    side: int  # 0: who opened the connection sent it
    src: End
    dst: End
    op: int
    type: int
    len: int
    flags: int
    buf_alloc: int
    fwd_cnt: int
    fwd: Credit
    rev: Credit

    @property
    def own(self) -> Credit:
        """The credit its sender sends by."""
        return self.rev if self.side else self.fwd

    @property
    def other(self) -> Credit:
        """The credit it gives to the end it is sent to."""
        return self.fwd if self.side else self.rev

    @property
    def free(self) -> int | None:
        """Bytes that may still be sent: by its sender if it has data, else by who gets it."""
        return (self.own if self.op == Op.RW else self.other).free


def flag_names(packet: Packet) -> list[str]:
    """Return the names of the flags of a packet."""
    return virtio.flag_names(packet.op, packet.type, packet.flags)


def since(ns: int) -> str:
    """Word how long something is after something else: seconds, as fine as 10 characters allow."""
    second, rest = divmod(abs(ns), 1_000_000_000)
    whole = f"{'-' if ns < 0 else ''}{second}"
    return f"{whole}.{rest // 1000:06d}"[: max(10, len(whole))].removesuffix(".")


_COLUMNS = (
    *("src_cid", "src_port", "dst_cid", "dst_port"),
    *("virtio_op", "virtio_type", "virtio_len", "virtio_flags", "buf_alloc", "fwd_cnt"),
)


def steps(
    batch: Batch, tracker: Tracker, wants: Wants, events: Iterable[Event] | None = None
) -> Iterator[Packet | Event]:
    """Yield what happened in a batch to the connections wanted, as it happened.

    The tracker keeps steps, and was fed this batch last. What it found since is asked for here,
    unless it is given as `events`.
    """
    at_packet: dict[int, list[Event]] = {}
    timed: list[Event] = []
    numbers = [batch.number(row) for row in range(batch.count)]
    times = dict(zip(numbers, batch.column("time"), strict=True))
    for event in tracker.events() if events is None else events:
        if wants(event.flow):
            number = max(event.packets, default=0)
            here = times.get(number) == event.time
            (at_packet.setdefault(number, []) if here else timed).append(event)
    return _merged(_packets(batch, tracker, wants, numbers, at_packet), timed)


def _packets(
    batch: Batch,
    tracker: Tracker,
    wants: Wants,
    numbers: Sequence[int],
    events: dict[int, list[Event]],
) -> Iterator[tuple[int, list[Packet | Event]]]:
    """Yield each packet with the events of its number around it, and its time."""
    times = batch.column("time")
    columns = [batch.column(name) for name in _COLUMNS]
    for row, number in enumerate(numbers):
        step = tracker.step(batch.place(row))
        at_packet = events.get(number, ())
        around: list[Packet | Event] = [e for e in at_packet if e.kind in ENDED]
        if step is not None and wants(step.flow):
            around.append(_packet(number, times[row], step, [c[row] for c in columns]))
        around += [e for e in at_packet if e.kind not in ENDED]
        if around:
            yield times[row], around


def _packet(number: int, time: int, step: Step, values: list[int]) -> Packet:
    src, dst = End(*values[:2]), End(*values[2:4])
    op, kind, size, flags, buf_alloc, fwd_cnt = values[4:]
    return Packet(
        number,
        time,
        step.flow,
        step.side,
        src,
        dst,
        op,
        kind,
        size,
        flags,
        buf_alloc,
        fwd_cnt,
        step.fwd,
        step.rev,
    )


def _merged(
    packets: Iterator[tuple[int, list[Packet | Event]]], timed: Sequence[Event]
) -> Iterator[Packet | Event]:
    """Yield the events that only time brought about before what came later."""
    waiting = sorted(timed, key=lambda event: event.time)
    for time, around in packets:
        while waiting and waiting[0].time <= time:
            yield waiting.pop(0)
        yield from around
    yield from waiting


def no_connection(flow: int) -> str:
    """Say that there is none of that number, or (0) none at all."""
    if flow:
        return f"there is no connection {flow}; 'vsockdump flows' lists them"
    return "no packet belongs to a connection"
