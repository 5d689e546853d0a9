"""What was found in a capture: events by packet, by connection, and in groups."""

from collections.abc import Iterable

from vsockdump.engine.index import Index
from vsockdump.events import Event
from vsockdump.quality import Quality
from vsockdump.remarks import Group, Groups

MOST = 100_000
"""Events whose sentences are kept; of the others it is known how many, and at which packets."""


class Findings:
    """Takes events as the tracker finds them, and marks the packets they were found at."""

    def __init__(self, index: Index) -> None:
        """Mark packets in `index`."""
        self.total = 0
        self._index = index
        self._groups = Groups()
        self._at: dict[int, list[Event]] = {}
        self._of: dict[int, list[Event]] = {}

    def add(self, events: Iterable[Event]) -> None:
        """Take events."""
        for event in events:
            number = max(event.packets, default=0)
            self._index.mark(number, event.severity + 1)
            self._groups.add(event)
            if self.total < MOST:
                self._at.setdefault(number, []).append(event)
                self._of.setdefault(event.flow, []).append(event)
            self.total += 1

    def at(self, number: int) -> list[Event]:
        """Return what was found at a packet."""
        return list(self._at.get(number, ()))

    def of(self, flow: int) -> list[Event]:
        """Return what was found of a connection, in that order."""
        return list(self._of.get(flow, ()))

    def groups(self, quality: Quality) -> list[Group]:
        """Return them in groups, the worst first, as the capture's quality leaves them."""
        return self._groups.judged(quality)
