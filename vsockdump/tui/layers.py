"""One packet as a tree: its layers field by field, and all that is known of it besides."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vsockdump.browsing.opened import Opened
from vsockdump.columns import iso
from vsockdump.dissectors import Layer, cooked, virtio, vsockmon
from vsockdump.dissectors.notes import describe
from vsockdump.events import Event, Name, Severity
from vsockdump.flows import Kept
from vsockdump.formats import linktypes
from vsockdump.messages import plural
from vsockdump.packet import Packet

Span = tuple[int, int]
"""Where something stands in the frame: its offset and size in bytes."""

NOWHERE: Span = (0, 0)

_PLACES: dict[type, dict[str, Span]] = {
    cooked.SllHeader: cooked.SLL_PLACES,
    cooked.Sll2Header: cooked.SLL2_PLACES,
    vsockmon.VsockmonHeader: vsockmon.PLACES,
    virtio.VirtioHeader: virtio.PLACES,
}
_INKS = {Severity.NOTE: "note", Severity.WARN: "warn", Severity.PROBLEM: "problem"}


class Node(NamedTuple):
    """One line of the tree: a branch has a name only, of which its leaves begin with theirs.

    `words` say what a number means, and `span` is where it stands in the frame.
    """

    branch: str
    name: str
    value: str
    words: str = ""
    span: Span = NOWHERE
    ink: str = ""

    @property
    def is_branch(self) -> bool:
        """Whether it can be folded."""
        return not self.name

    @property
    def text(self) -> str:
        """The whole line."""
        return " ".join(part for part in (self.name or self.branch, self.value, self.words) if part)


class Known(NamedTuple):
    """What is known of a packet besides its bytes."""

    packet: Packet
    payload_at: int
    connection: Sequence[tuple[str, str]]  # name and value
    events: Sequence[Event]


def known(opened: Opened, number: int, name: Name) -> Known:
    """Return all that is known of a packet; raises IndexError and ReadError."""
    batch, row = opened.batch(number)
    facts = tuple(_connection(opened, opened.index.at(number), name))
    at = batch.column("payload")[row]
    return Known(opened.packet(number), at, facts, opened.findings.at(number))


def _connection(opened: Opened, kept: Kept, name: Name) -> Iterator[tuple[str, str]]:
    if not kept.flow:
        return
    yield "number", str(kept.flow)
    flow = opened.flow(kept.flow)
    if flow is None:
        yield "verdict", "forgotten to make room"
        return
    ends = ((flow.src_cid, flow.src_port), (flow.dst_cid, flow.dst_port))
    for side, end, process in zip(("opened by", "to"), ends, opened.processes(flow), strict=True):
        yield side, f"{name(*end)}{f' {process}' if process else ''}"
    yield "sent by", ("src", "dst")[kept.side]
    if kept.free is not None:
        yield "free", str(kept.free)
    yield "verdict", f"{flow.verdict.name}: {flow.reason}"


def nodes(found: Known, name: Name) -> Iterator[Node]:
    """Yield the lines of the tree."""
    yield from _events(found, name)
    yield from _frame(found.packet)
    offset = 0
    for layer in found.packet.layers:
        yield from _layer(layer, offset)
        offset += layer.size
    if size := len(found.packet.payload):
        yield Node("payload", "", plural(size, "byte"), span=(found.payload_at, size))
    if found.connection:
        yield Node("connection", "", "")
        yield from (Node("connection", *pair) for pair in found.connection)


def _events(found: Known, name: Name) -> Iterator[Node]:
    """What is odd comes first: it is what somebody looks for."""
    if not (found.events or found.packet.notes or found.packet.reason):
        return
    yield Node("findings", "", "")
    for event in found.events:
        kind = event.kind.name.lower()
        yield Node("findings", kind, event.text(name), ink=_INKS[event.severity])
    for note in describe(found.packet.notes):
        yield Node("findings", "note", note, ink="warn")
    if found.packet.reason:
        yield Node("findings", "stopped", found.packet.reason, ink="warn")


def _frame(packet: Packet) -> Iterator[Node]:
    size = len(packet.frame)
    yield Node("frame", "", f"{plural(packet.wire_len, 'byte')}, {size} captured", "", (0, size))
    yield Node("frame", "number", str(packet.number))
    yield Node("frame", "time", iso(packet.time_ns))
    yield Node("frame", "link type", linktypes.describe(packet.linktype))
    yield from (Node("frame", "comment", comment) for comment in packet.comments)


def _layer(layer: Layer, offset: int) -> Iterator[Node]:
    yield Node(layer.name, "", plural(layer.size, "byte"), span=(offset, layer.size))
    places = _PLACES[type(layer)]
    for name, value in layer._asdict().items():
        at, size = places[name]
        text = value.hex(":") if isinstance(value, bytes) else str(value)
        yield Node(layer.name, name, text, _words(layer, name), (offset + at, size))


def _words(layer: Layer, name: str) -> str:
    if name == "flags" and isinstance(layer, virtio.VirtioHeader):
        return "|".join(layer.flag_names) if layer.flags else ""
    return str(getattr(layer, f"{name}_name", ""))
