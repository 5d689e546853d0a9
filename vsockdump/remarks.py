"""Events as they are printed: in lines as they happen, in groups at the end, or in JSON."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vsockdump.eventcolumns import Remark, remark
from vsockdump.events import Event, Kind, Name, Severity
from vsockdump.flowtext import clock
from vsockdump.messages import plural, printable
from vsockdump.paint import Line, Painter, width
from vsockdump.quality import Quality

KEPT = 1000
"""Events of a kind that people get to read; of the others they get the number."""


def as_line(row: Remark) -> Line:
    """Return all of an event in one line."""
    severity = row.event.severity.name.lower()
    what = f"{severity} {row.event.kind.name.lower()}"
    return Line(f"{clock(row.event.time)} {what}, {_place(row)}", severity)


def _place(row: Remark) -> str:
    """Say of which connection an event is, in which packets it can be seen, and what it is."""
    event = row.event
    packets = f", {plural(len(event.packets), 'packet')[2:]} " if event.packets else ""
    shown = " and ".join(map(str, event.packets))
    return f"flow {event.flow}{packets}{shown}: {printable(row.text)}"


class Group(NamedTuple):
    """The events of one kind that matter as much."""

    severity: Severity
    kind: Kind
    total: int
    events: list[Event]  # the first of them, by time


class Groups:
    """Puts events together, however many there are."""

    def __init__(self) -> None:
        """Begin with none."""
        self._events: dict[tuple[int, ...], list[Event]] = {}
        self._counts: dict[tuple[int, ...], int] = {}

    def add(self, event: Event) -> None:
        """Put one where it belongs, as far as the capture's quality can tell them apart."""
        key = (event.kind, event.severity, event.doubt)
        kept = self._events.setdefault(key, [])
        self._counts[key] = self._counts.get(key, 0) + 1
        if len(kept) < KEPT:
            kept.append(event)

    def judged(self, quality: Quality) -> list[Group]:
        """Return the groups, the worst first, as the capture's quality leaves them."""
        found: dict[tuple[int, int], Group] = {}
        for key, events in self._events.items():
            judged = [quality.judged(event) for event in events]
            severity, kind = judged[0].severity, judged[0].kind
            others = found.get((-severity, kind), Group(severity, kind, 0, []))
            total = others.total + self._counts[key]
            found[-severity, kind] = Group(severity, kind, total, others.events + judged)
        return [_cut(found[place]) for place in sorted(found)]


def _cut(group: Group) -> Group:
    events = sorted(group.events, key=lambda event: (event.time, event.flow))
    return group._replace(events=events[:KEPT])


def report(groups: Iterable[Group], quality: Quality, name: Name) -> Iterator[Line]:
    """Yield all there is to say of a capture."""
    yield quality_line(quality)
    worst = Severity.NOTE
    for group in groups:
        worst = max(worst, group.severity)
        yield from _group(group, name)
    if worst < Severity.WARN:
        yield Line("")
        yield Line(_nothing(quality))


def quality_line(quality: Quality) -> Line:
    """Return the line on the capture as a whole."""
    return Line(quality.line(), "" if quality.whole else "warn")


def _nothing(quality: Quality) -> str:
    if not quality.flows:
        return "there is no connection in it"
    return "nothing is wrong" if quality.whole else "nothing is wrong in what was captured"


def _group(group: Group, name: Name) -> Iterator[Line]:
    severity = group.severity.name.lower()
    times = f", {group.total} times" if group.total > 1 else ""
    yield Line("")
    yield Line(f"{severity}: {group.kind.name.lower()}{times}", severity)
    for event in group.events:
        yield Line(f"  {clock(event.time)} {_place(remark(event, name))}")
    if group.total > len(group.events):
        yield Line(f"  ... and {group.total - len(group.events)} more; --json prints all", "quiet")


def room(painter: Painter) -> int | None:
    """Return how many characters a line may have; in a pipe there is no end to it."""
    return width() if painter.coloured else None


def wrapped(line: Line, most: int | None) -> Iterator[Line]:
    """Yield a line as it is, or as several of `most` characters, of which later ones are indented.

    None is no limit.
    """
    if most is None or len(line.text) <= most:
        yield line
        return
    blanks = len(line.text) - len(line.text.lstrip())
    for part in textwrap.wrap(line.text, most, subsequent_indent=" " * (blanks + 2)):
        yield line._replace(text=part)
