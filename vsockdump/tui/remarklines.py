"""What is wrong with a capture as the lines of a list, each of which knows what it is about."""

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from vsockdump.events import Event, Name
from vsockdump.paint import Line
from vsockdump.quality import Quality
from vsockdump.remarks import Group, report, wrapped

Key = tuple[int, int]
"""A group: its severity and kind."""

Subject = tuple[int, ...]
"""A group, or an event of it, whatever the capture's quality makes of it meanwhile."""


class Told(NamedTuple):
    """A line, and what it is about: a group, an event of it, or (neither) the whole capture."""

    text: str
    ink: str = ""
    key: Key | None = None
    event: Event | None = None
    part: int = 0  # of the lines on the same thing

    @property
    def subject(self) -> Subject:
        """What it is known by when there are other lines before it."""
        if self.event is None:
            return self.key or ()
        return (self.event.flow, self.event.kind, self.event.time, self.event.actor)


def lines(
    groups: Sequence[Group], quality: Quality, name: Name, width: int, closed: Collection[Key] = ()
) -> list[Told]:
    """Return what `vsockdump problems` says, in `width` characters; of `closed` groups the head."""
    said = report(groups, quality, name)
    found = list(_told(next(said), width))
    for group in groups:
        found += _group(group, said, width, closed)
    for line in said:
        found += _told(line, width)
    return found


def _group(
    group: Group, said: Iterator[Line], width: int, closed: Collection[Key]
) -> Iterator[Told]:
    """Yield a group's lines, which are the next that the report says."""
    key = (int(group.severity), int(group.kind))
    yield from _told(next(said), width)
    head = next(said)
    yield Told(f"{'▸' if key in closed else '▾'} {head.text}", head.kind, key)
    for event in group.events:
        line = next(said)
        if key not in closed:
            yield from _told(line, width, key, event)
    if left := group.total - len(group.events):
        next(said)
        if key not in closed:
            yield Told(f"  ... and {left} more: `vsockdump problems --json` has all", "dim", key)


def _told(
    line: Line, width: int, key: Key | None = None, event: Event | None = None
) -> Iterator[Told]:
    for part, text in enumerate(_parts(line, width)):
        yield Told(text, line.kind, key, event, part)


@lru_cache(maxsize=1 << 15)
def _parts(line: Line, width: int) -> tuple[str, ...]:
    """Return a line in several: most are the same as half a second ago."""
    return tuple(part.text for part in wrapped(line, width))
