"""What was found in a capture: events by packet, by connection, and in groups."""

from collections import deque
from collections.abc import Iterable

from vsockdump.engine.index import Index
from vsockdump.events import Event, Severity
from vsockdump.quality import Quality
from vsockdump.remarks import Group, Groups

MOST = 100_000
"""Events whose sentences are kept, the latest; of the others it is known how many there were."""


class Findings:
    """Takes events as the tracker finds them, and marks the packets they were found at."""

    def __init__(self, index: Index) -> None:
        """Mark packets in `index`."""
        self.total = self.problems = 0
        self._index = index
        self._groups = Groups()
        self._kept: deque[Event] = deque()
        self._at: dict[int, list[Event]] = {}
        self._of: dict[int, list[Event]] = {}

    def add(self, events: Iterable[Event]) -> None:
        """Take events."""
        for event in events:
            self._index.mark(_number(event), event.severity + 1)
            self._groups.add(event)
            self._keep(event)
            self.total += 1
            self.problems += event.severity is Severity.PROBLEM

    def _keep(self, event: Event) -> None:
        self._kept.append(event)
        self._at.setdefault(_number(event), []).append(event)
        self._of.setdefault(event.flow, []).append(event)
        if len(self._kept) > MOST:
            oldest = self._kept.popleft()
            _drop_first(self._at, _number(oldest))
            _drop_first(self._of, oldest.flow)

    @property
    def forgotten(self) -> int:
        """How many are known only by their number."""
        return self.total - len(self._kept)

    def at(self, number: int) -> list[Event]:
        """Return what was found at a packet."""
        return list(self._at.get(number, ()))

    def of(self, flow: int) -> list[Event]:
        """Return what was found of a connection, in that order."""
        return list(self._of.get(flow, ()))

    def groups(self, quality: Quality) -> list[Group]:
        """Return them in groups, the worst first, as the capture's quality leaves them."""
        return self._groups.judged(quality)


def _number(event: Event) -> int:
    """Return the packet it was found at, 0 for none."""
    return max(event.packets, default=0)


def _drop_first(kept: dict[int, list[Event]], key: int) -> None:
    kept[key] = kept[key][1:]
    if not kept[key]:
        del kept[key]
