from collections.abc import Iterator
from typing import NamedTuple

from vsockdump.events import Event
from vsockdump.flows import Flow

from .batch import Batch

MEASURES: dict[str, int]

class Credit(NamedTuple):
    """One direction's credit, right after a packet."""

    tx_cnt: int
    fwd_cnt: int
    in_flight: int
    window: int | None
    free: int | None

class Step(NamedTuple):
    """What one packet did to its connection."""

    flow: int
    side: int
    fwd: Credit
    rev: Credit

class Counts(NamedTuple):
    """Packets fed, and what of them; flows seen, and how many were forgotten."""

    packets: int
    followed: int
    unread: int
    truncated: int
    duplicates: int
    flows: int
    evicted: int
    midstream: int
    missing: int
    first: int | None
    last: int | None

class Tracker:
    def __init__(
        self,
        *,
        most: int = 1_000_000,
        steps: bool = False,
        keep: bool = True,
        events: bool = True,
    ) -> None: ...
    def interface(self, index: int, *, repeats: bool = False, leaks: bool = False) -> None: ...
    def lost(self, packets: int) -> None: ...
    def feed(self, batch: Batch) -> None: ...
    def finish(self) -> None: ...
    def events(self) -> list[Event]: ...
    def flows(self) -> Iterator[Flow]: ...
    def top(self, most: int, by: str) -> list[Flow]: ...
    def flow(self, number: int) -> Flow | None: ...
    def ended(self) -> list[Flow]: ...
    def step(self, row: int) -> Step | None: ...
    def marks(self, row: int) -> list[Event]: ...
    @property
    def counts(self) -> Counts: ...
    def connect_times(self) -> list[tuple[int, int]]: ...
    def credit_times(self) -> list[tuple[int, int]]: ...
