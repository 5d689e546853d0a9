"""The wire of the model: its clock, what is on its way, and what a tap at one end has seen."""

import heapq
from collections.abc import Callable
from typing import NamedTuple

from .conversation import Packet


class Credit(NamedTuple):
    """One direction's credit as the socket at the tap has it; None: it knows nothing yet."""

    tx: int
    fwd: int
    window: int | None

    @property
    def in_flight(self) -> int:
        return self.tx - self.fwd

    @property
    def free(self) -> int | None:
        return None if self.window is None else max(self.window - self.in_flight, 0)


class Truth(NamedTuple):
    """What is so right after a captured packet."""

    connection: int
    time: int
    fwd: Credit
    rev: Credit
    ended: bool


class Wire:
    """The clock, what is on its way, and what the tap has seen."""

    def __init__(self, latency: int) -> None:
        self.latency = latency
        self.now = 0
        self.packets: list[Packet] = []
        self.truths: list[Truth] = []
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0

    def later(self, delay: int, what: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._due, (self.now + delay, self._order, what))

    def wait(self, ns: int) -> None:
        """Let time pass, and happen what happens meanwhile."""
        until = self.now + ns
        while self._due and self._due[0][0] <= until:
            self.now, _, what = heapq.heappop(self._due)
            what()
        self.now = until
