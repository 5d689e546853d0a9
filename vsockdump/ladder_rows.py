"""The rows of a sequence diagram for scripts: what each says, by name."""

from collections.abc import Callable, Sequence

from vsockdump.dissectors import virtio
from vsockdump.events import Name
from vsockdump.rungs import Arrow, Incident, Quiet, Row
from vsockdump.steps import End
from vsockdump.values import Field, Value

_KINDS = {Arrow: "packet", Quiet: "quiet", Incident: "event"}


def fields(ends: Sequence[End], name: Name) -> list[Field[Row]]:
    """Return the fields of rows between the columns `ends`.

    A row is a `packet` (or `count` of them), an `event`, or `quiet`: nothing for `length_s`.
    """
    return [
        Field("row", "str", "", lambda row: _KINDS[type(row)]),
        _arrow("number", "int", "", lambda row: row.number),
        _arrow("last", "int", "", lambda row: row.last),
        _arrow("time_ns", "int", "ns since 1970", lambda row: row.time, lambda row: row.event.time),
        Field("length_s", "seconds", "s", _length),
        _arrow("flow", "int", "", lambda row: row.flow, lambda row: row.event.flow),
        *(_of_end(ends, side, part) for side in ("src", "dst") for part in End._fields),
        _arrow("op", "str", "", lambda row: virtio.op_name(row.op)),
        _arrow("count", "int", "packets", lambda row: row.packets),
        _arrow("len", "int", "bytes", lambda row: row.len),
        _arrow("flags", "str", "", lambda row: row.flag_names),
        _arrow("buf_alloc", "int", "bytes", lambda row: row.buf_alloc),
        _arrow("fwd_cnt", "int", "bytes", lambda row: row.fwd_cnt),
        _arrow("free", "int", "bytes", lambda row: row.free),
        _incident("kind", lambda row: row.event.kind.name.lower()),
        _incident("severity", lambda row: row.event.severity.name.lower()),
        _incident("confidence", lambda row: row.event.confidence.name.lower()),
        _incident("text", lambda row: row.text(name)),
    ]


def _arrow(
    name: str,
    kind: str,
    unit: str,
    value: Callable[[Arrow], Value],
    incident: Callable[[Incident], Value] = lambda row: None,
) -> Field[Row]:
    """A field of packets, and perhaps of events."""

    def either(row: Row) -> Value:
        if isinstance(row, Arrow):
            return value(row)
        return incident(row) if isinstance(row, Incident) else None

    return Field(name, kind, unit, either)


def _incident(name: str, value: Callable[[Incident], Value]) -> Field[Row]:
    return _arrow(name, "str", "", lambda row: None, value)


def _of_end(ends: Sequence[End], side: str, part: str) -> Field[Row]:
    """An address: of whom a packet is from and to, and of who opened what an event is about."""

    def value(row: Arrow | Incident) -> Value:
        found: int = getattr(ends[getattr(row, side)], part)
        return found

    return _arrow(f"{side}_{part}", "int", "", value, value)


def _length(row: Row) -> Value:
    if isinstance(row, Arrow):
        return row.end - row.time
    return row.length if isinstance(row, Quiet) else None
