"""What is known of one row of a ladder, in a few long lines or in many short ones."""

from collections.abc import Iterator

from vsockdump.dissectors import virtio
from vsockdump.dissectors.virtio import Op
from vsockdump.events import Event, Name, seconds
from vsockdump.flows import Credit
from vsockdump.flowtext import clock
from vsockdump.messages import plural, printable
from vsockdump.paint import SHADE
from vsockdump.rungs import Arrow, Incident, Row
from vsockdump.steps import Packet, flag_names

from .trace import Moment

_WAYS = "→←"
_CREDIT = ("tx_cnt", "fwd_cnt", "in flight", "window", "free")


def packet_line(moment: Moment) -> str:
    """Say which packet it is, and what it does."""
    size = f" {moment.len}" if moment.op == Op.RW else ""
    return f"#{moment.number} {_WAYS[moment.side]} {virtio.op_name(moment.op)}{size}"


def credit_line(side: int, credit: Credit) -> str:
    """Word one direction's credit; a question mark is what nobody knows."""
    cells = zip(_CREDIT, map(_known, credit), strict=True)
    shade = f" {SHADE}" if credit.free == 0 else ""
    return f"{_WAYS[side]} " + "  ".join(f"{name} {cell}" for name, cell in cells) + shade


def _known(value: int | None) -> str:
    return "?" if value is None else str(value)


def details(row: Row | None, last: Packet | None, word: Name, wide: bool) -> Iterator[str]:
    """Yield lines on a row, whose last packet is `last` if it is an arrow; `wide`: short ones."""
    if isinstance(row, Arrow) and last is not None:
        yield from (_short if wide else _long)(row, last, word)
    elif isinstance(row, Incident):
        event = row.event
        yield f"{event.severity.name.lower()}: {row.text(word)}"
        yield f"connection {event.flow}, {clock(event.time)}{_packets(event)}"
    elif row is not None and not isinstance(row, Arrow):
        yield f"{seconds(row.length)} without a packet"


def _packets(event: Event) -> str:
    if not event.packets:
        return ""
    shown = " and ".join(map(str, event.packets))
    return f", {plural(len(event.packets), 'packet')[2:]} {shown}"


def _long(row: Arrow, last: Packet, word: Name) -> Iterator[str]:
    fields = (f"{name} {value}" for name, value in _fields(last))
    yield f"#{row.number} {virtio.op_name(row.op)}  {_ends(last, word)}  {clock(row.time)}"
    yield from _run(row)
    yield "  ".join([f"connection {row.flow}", *fields])
    yield credit_line(0, last.fwd)
    yield credit_line(1, last.rev)


def _short(row: Arrow, last: Packet, word: Name) -> Iterator[str]:
    yield f"#{row.number} {virtio.op_name(row.op)}"
    yield from _run(row)
    yield _ends(last, word)
    yield f"{clock(row.time)}, connection {row.flow}"
    yield ""
    yield from (f"{name:10}{value:>11}" for name, value in _fields(last))
    yield ""
    yield f"{'':10}{_WAYS[0]:>11}{_WAYS[1]:>12}"
    for name, *both in zip(_CREDIT, last.fwd, last.rev, strict=True):
        fwd, rev = map(_known, both)
        yield f"{name:10}{fwd:>11} {rev:>11}"


def _run(row: Arrow) -> Iterator[str]:
    if row.packets > 1:
        took = seconds(row.end - row.time)
        yield f"to #{row.last}: {row.packets} packets, {plural(row.len, 'byte')}, {took}"


def _ends(packet: Packet, word: Name) -> str:
    return " → ".join(printable(word(*end)) for end in (packet.src, packet.dst))


def _fields(packet: Packet) -> Iterator[tuple[str, object]]:
    """Yield the header's fields; of several packets those of the last."""
    yield "type", virtio.type_name(packet.type)
    yield "len", packet.len
    yield "flags", "|".join(flag_names(packet)) or packet.flags
    yield "buf_alloc", packet.buf_alloc
    yield "fwd_cnt", packet.fwd_cnt
