"""What scripts read of an event: its names, types and values."""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from vsockdump.events import Blame, Defect, Event, Name, Reset
from vsockdump.values import Field, Member, as_text


class Remark(NamedTuple):
    """One event, and its sentence."""

    event: Event
    text: str


def remark(event: Event, name: Name) -> Remark:
    """Return an event and its sentence."""
    return Remark(event, event.text(name))


COMMON: tuple[Field[Remark], ...] = (
    Field("kind", "str", "", lambda row: row.event.kind.name.lower()),
    Field("severity", "str", "", lambda row: row.event.severity.name.lower()),
    Field("confidence", "str", "", lambda row: row.event.confidence.name.lower()),
    Field("flow", "int", "", lambda row: row.event.flow),
    Field("time", "time", "UTC", lambda row: row.event.time),
    Field("packets", "list", "", lambda row: list(row.event.packets)),
    Field("text", "str", "", lambda row: row.text),
)

_WORDS: dict[str, type[IntEnum]] = {"blame": Blame, "reset": Reset, "defect": Defect}
_TRUTHS = ("lifted", "closed")


def numbers(event: Event) -> Iterator[Member]:
    """Yield an event's own numbers: name, type and value, those that stand for words as words."""
    for name, value in event.values.items():
        if name in _WORDS:
            yield name, "str", _WORDS[name](value).name.lower()
        elif name in _TRUTHS:
            yield name, "bool", bool(value)
        else:
            yield name, "seconds" if name.endswith("_s") else "int", value


def _numbers(row: Remark) -> str:
    return ";".join(f"{name}={as_text(kind, value)}" for name, kind, value in numbers(row.event))


CSV = (*COMMON, Field("numbers", "str", "", _numbers))
"""In CSV an event's own numbers share a column, as name=value;name=value."""
