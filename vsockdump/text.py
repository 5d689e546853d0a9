"""Packets as text: the engine's line, and below it what -vv, -x, -X and -A ask for."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from vsockdump.dissectors import Layer
from vsockdump.dissectors.virtio import VirtioHeader
from vsockdump.engine.batch import Batch
from vsockdump.engine.lines import Lines
from vsockdump.messages import printable
from vsockdump.names import NUMERIC, Names

from . import tcpdump
from .dumps import ascii_dump, hex_ascii_dump, hex_dump
from .packet import Packet, packet
from .stamps import stamps
from .style import Style

if TYPE_CHECKING:
    from vsockdump.engine.track import Tracker

Dump = Callable[[bytes], str]


class Text:
    """Renders Batches as text, whole lines of UTF-8."""

    def __init__(
        self, style: Style, names: Names | None = None, tracker: "Tracker | None" = None
    ) -> None:
        """Prepare for packets in the order of the capture: some times are relative.

        Addresses are in the words of `names`, the well-known ones if there are none; with -n in
        numbers. A `tracker` that notes steps, and is fed each batch before it is rendered, adds
        free credit and events.
        """
        times = stamps(style.times, style.nano)
        cids, ports = (NUMERIC if style.numeric else names or Names()).encoded
        self._style = style
        self._lines = Lines(
            times.stamp,
            digits=times.digits,
            since=times.since,
            cids=cids,
            ports=ports,
            quick=style.quick,
            verbose=style.verbose,
            link=style.link,
            lengths=style.lengths,
            numbers=style.numbers,
            tracker=tracker,
        )
        self._dump = _dump(style)
        self._with_link = (style.hex_ascii or style.hex or style.ascii) > 1

    def render(self, batch: Batch) -> bytes:
        """Return the text of every packet of the batch."""
        if self._style.verbose < 2 and not self._style.tcpdump and self._dump is None:
            return self._lines.render(batch)
        return "".join(self._packet(batch, row) for row in range(batch.count)).encode()

    def _packet(self, batch: Batch, row: int) -> str:
        found = packet(batch, row)
        if self._style.tcpdump:
            head = self._lines.head(batch, row).decode()
            text = head + tcpdump.line(found, self._style.verbose)
        else:
            text = self._lines.render(batch, row, row + 1).decode().removesuffix("\n")
        if self._style.verbose > 1 and not self._style.tcpdump:
            text += "".join(f"\n    {line}" for line in tree(found, self._style.verbose > 2))
        return text + self._below(found) + "\n"

    def _below(self, found: Packet) -> str:
        if self._style.tcpdump and not (found.layers or self._with_link):
            return ""  # all that there is are bytes of the header that it leaves out
        data = found.frame if self._with_link else found.frame[_link_size(found) :]
        return self._dump(data) if self._dump and data else ""


def _dump(style: Style) -> Dump | None:
    """What the first of -X, -x and -A that was given asks for: tcpdump's order."""
    if style.hex_ascii:
        return hex_ascii_dump
    if style.hex:
        return hex_dump
    return ascii_dump if style.ascii else None


def _link_size(found: Packet) -> int:
    """Bytes that tcpdump counts as link-level header: all up to the transport's."""
    return sum(layer.size for layer in found.layers if not isinstance(layer, VirtioHeader))


def tree(found: Packet, payload: bool) -> Iterator[str]:
    """Yield the layers of a packet, a line each, and with `payload` its bytes below."""
    branches = [*map(_layer, found.layers), *_rest(found)]
    for branch in branches[:-1]:
        yield f"├─ {branch}"
    if branches:
        yield f"└─ {branches[-1]}"
    if payload and found.payload:
        yield from (f"   {line}" for line in hex_ascii_dump(found.payload).split("\n\t")[1:])


def _layer(layer: Layer) -> str:
    fields = (_field(layer, name, value) for name, value in layer._asdict().items())
    return f"{layer.name}: {', '.join(fields)}"


def _field(layer: Layer, name: str, value: int | bytes) -> str:
    if isinstance(value, bytes):
        return f"{name} {value.hex(':')}"
    if isinstance(layer, VirtioHeader) and name == "flags" and value:
        return f"flags {value:#x} {'|'.join(layer.flag_names)}"
    worded = getattr(layer, _WORDED.get(name, ""), "")
    return f"{name} {value} {worded}".rstrip()


_WORDED = {"transport": "transport_name", "op": "op_name", "type": "type_name"}


def _rest(found: Packet) -> Iterator[str]:
    if found.payload:
        yield f"payload: {len(found.payload)} bytes"
    if found.reason:
        yield f"stopped: {found.reason}"
    for comment in found.comments:
        yield f"comment: {printable(comment)}"
