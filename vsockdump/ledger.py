"""The credit of one connection, packet by packet: lines for people, fields for scripts."""

import textwrap
from collections.abc import Callable, Iterator
from typing import NamedTuple

from vsockdump.columns import iso
from vsockdump.dissectors import virtio
from vsockdump.dissectors.virtio import Op
from vsockdump.events import Event, Kind, Name
from vsockdump.flows import Credit
from vsockdump.messages import printable
from vsockdump.paint import SHADE, Line
from vsockdump.steps import ENDED, Packet, flag_names, since
from vsockdump.values import Field, Value

WIDE = 100
"""Characters of a line that has room for the window, too."""

_WAYS = "→←"
_ALWAYS = (Op.REQUEST, Op.RESPONSE, Op.CREDIT_UPDATE)  # they are there to give credit


class Ledger:
    """Words one connection's packets and events.

    `→` stands for who opened it, and for the credit that one sends by; `←` for the other end.
    """

    def __init__(self, name: Name, width: int) -> None:
        """Prepare lines of `width` characters, events excepted where there is no terminal."""
        self._name = name
        self._width = width
        self._start: int | None = None
        self._before: tuple[Credit, ...] = ()

    def take(self, found: Packet | Event) -> Iterator[Line]:
        """Yield what stands of a packet or event, below the headings if it is the first packet."""
        return self._packet(found) if isinstance(found, Packet) else self._event(found)

    def _packet(self, packet: Packet) -> Iterator[Line]:
        if self._start is None:
            self._start = packet.time
            yield from self._heads(packet)
        what = f"{_WAYS[packet.side]} {_what(packet)}"
        left = f"{since(packet.time - self._start):>10} {packet.number:>5} {what:19}"
        shown = list(self._shown(packet))
        self._before = (packet.fwd, packet.rev)
        for side in shown:
            yield self._line(left, side, self._before[side])
            left = " " * len(left)
        if not shown:
            yield Line(left.rstrip())

    def _event(self, event: Event) -> Iterator[Line]:
        kind = event.severity.name.lower()
        text = printable(event.text(self._name))
        stall = event.kind is Kind.STALL
        for part in textwrap.wrap(text if stall else f"{kind}: {text}", self._width - 17):
            lead = f"{SHADE * 10:>16} " if stall else " " * 17
            yield Line(f"{lead}{part}", "stall" if stall else kind)

    def _heads(self, first: Packet) -> Iterator[Line]:
        ends = [printable(self._name(*end)) for end in (first.src, first.dst)]
        src, dst = ends[:: -1 if first.side else 1]
        kind = virtio.type_name(first.type)
        yield Line(f"connection {first.flow}: {src} → {dst}, {kind}")
        yield Line(f"from {iso(first.time)}")
        cells = self._cells(["tx_cnt", "fwd_cnt", "in flight", "window", "free"])
        yield Line(f"{'time':>10} {'#':>5} {'packet':19}  {cells}", "head")

    def _shown(self, packet: Packet) -> Iterator[int]:
        """Yield the sides whose credit a packet spends or gives."""
        other = 1 - packet.side
        if packet.op == Op.RW:
            yield packet.side
        changed = not self._before or packet.other != self._before[other]
        carries = packet.op != Op.RW or packet.other.tx_cnt
        if (changed and carries) or packet.op in _ALWAYS:
            yield other

    def _line(self, left: str, side: int, credit: Credit) -> Line:
        cells = self._cells(["?" if one is None else str(one) for one in credit])
        full = credit.free == 0
        return Line(f"{left} {_WAYS[side]}{cells}{f' {SHADE}' * full}", "full" if full else "")

    def _cells(self, five: list[str]) -> str:
        chosen = five if self._width >= WIDE else [*five[:3], five[4]]
        return "".join(f" {cell:>9}" for cell in chosen)


def _what(packet: Packet) -> str:
    flags = "|".join(flag_names(packet))
    size = packet.len if packet.op == Op.RW or packet.len else ""
    return " ".join(filter(None, (virtio.op_name(packet.op), str(size), flags)))


# --- for scripts ------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A packet, and what happened at it or right before."""

    packet: Packet
    start: int  # when the first packet was, ns since 1970
    events: list[Event]


class Entries:
    """Puts packets and the events around them together."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._start: int | None = None
        self._packet: Packet | None = None
        self._events: list[Event] = []
        self._early: list[Event] = []

    def take(self, found: Packet | Event) -> Iterator[Entry]:
        """Take a packet or event; what that completes is yielded."""
        if isinstance(found, Packet):
            yield from self.flush()
            self._start = found.time if self._start is None else self._start
            self._packet, self._events, self._early = found, self._early, []
        else:
            late = self._packet is not None and found.kind not in ENDED
            (self._events if late else self._early).append(found)

    def flush(self) -> Iterator[Entry]:
        """Yield the packet that is held back for what may happen at it."""
        if self._packet is not None:
            yield Entry(self._packet, self._start or 0, self._events)
        self._packet = None


def _of_packet(name: str, kind: str, unit: str, value: Callable[[Packet], Value]) -> Field[Entry]:
    return Field(name, kind, unit, lambda entry: value(entry.packet))


def _of_credit(name: str, side: str) -> Field[Entry]:
    def value(entry: Entry) -> Value:
        found: int | None = getattr(getattr(entry.packet, side), name)
        return found

    return Field(f"{name}_{side}", "int", "bytes", value)


FIELDS: tuple[Field[Entry], ...] = (
    _of_packet("number", "int", "", lambda packet: packet.number),
    _of_packet("time_ns", "int", "ns since 1970", lambda packet: packet.time),
    Field("since_s", "seconds", "s", lambda entry: entry.packet.time - entry.start),
    _of_packet("flow", "int", "", lambda packet: packet.flow),
    _of_packet("direction", "str", "", lambda packet: "rev" if packet.side else "fwd"),
    _of_packet("op", "str", "", lambda packet: virtio.op_name(packet.op)),
    _of_packet("len", "int", "bytes", lambda packet: packet.len),
    _of_packet("flags", "str", "", lambda packet: "|".join(flag_names(packet))),
    _of_packet("buf_alloc", "int", "bytes", lambda packet: packet.buf_alloc),
    _of_packet("fwd_cnt", "int", "bytes", lambda packet: packet.fwd_cnt),
    *(_of_credit(name, side) for side in ("fwd", "rev") for name in Credit._fields),
    Field("events", "str", "", lambda entry: "|".join(e.kind.name.lower() for e in entry.events)),
)
"""One row a packet; `_fwd` is the credit of who opened the connection."""
