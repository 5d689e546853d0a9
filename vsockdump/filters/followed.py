"""What terms know of connections: a tracker of their own, and what a first pass found out."""

from collections.abc import Iterable

from vsockdump.dissectors.virtio import Op
from vsockdump.engine.batch import Batch
from vsockdump.engine.track import Tracker
from vsockdump.events import Kind
from vsockdump.flows import Flow
from vsockdump.pipeline import Sink
from vsockdump.remembered import Ends, Known
from vsockdump.sources.owners import Process

MAX_FLOWS = 1_000_000


class Followed:
    """Follows the connections of a capture for the terms of a filter.

    What is asked of a connection is what is known of it by now, or at the end of a first pass over
    the same packets, where there was one. A row is one of the batch that was fed last.
    """

    def __init__(
        self, most: int = MAX_FLOWS, known: Known | None = None, before: Iterable[Sink] = ()
    ) -> None:
        """Follow at the most so many; `before` are sinks that learn what processes are `known`."""
        self._most = most
        self._known = Known() if known is None else known  # an empty one is false
        self._before = list(before)
        self._final: Tracker | None = None
        self._flows: dict[int, Flow | None] = {}
        self._batch: Batch | None = None
        self._tracker = Tracker(most=most, steps=True, keep=False)

    def learn(self) -> None:
        """Begin anew with all that was fed as known."""
        self._tracker.finish()
        self._final = self._tracker
        self._flows = {}
        self._tracker = Tracker(most=self._most, steps=True, keep=False)

    def feed(self, batch: Batch) -> None:
        """Follow the packets of a batch."""
        for sink in self._before:
            sink.feed(batch)
        self._tracker.events()
        self._tracker.ended()
        self._tracker.feed(batch)
        self._batch = batch
        if self._final is None or len(self._flows) > self._most:
            self._flows = {}  # as of the last batch

    def number(self, row: int) -> int | None:
        """Return the number of the packet's connection, None where it has none."""
        step = self._tracker.step(row)
        return step.flow if step else None

    def flow(self, row: int) -> Flow | None:
        """Return the packet's connection."""
        number = self.number(row)
        if number is None:
            return None
        if number not in self._flows:
            self._flows[number] = (self._final or self._tracker).flow(number)
        return self._flows[number]

    def free(self, row: int) -> int | None:
        """Return what the sender may still send after this packet; of a CREDIT_UPDATE, the other.

        None where that is not known.
        """
        step = self._tracker.step(row)
        if step is None or self._batch is None:
            return None
        update = self._batch.column("virtio_op")[row] == Op.CREDIT_UPDATE
        return (step.fwd, step.rev)[step.side ^ update].free

    def events(self, row: int) -> list[int]:
        """Return the kinds of what went wrong at this packet."""
        return [int(event.kind) for event in self._tracker.marks(row)]

    def is_stalled(self, row: int) -> bool:
        """Whether a side has no credit left after this packet, or a stall ends with it."""
        step = self._tracker.step(row)
        if step is None:
            return False
        return 0 in (step.fwd.free, step.rev.free) or Kind.STALL in self.events(row)

    def processes(self, row: int) -> list[Process]:
        """Return the processes at both ends, as far as they are known."""
        flow = self.flow(row)
        if flow is None:
            return []
        return [p for p in self._known.process(Ends.of(flow), flow.start) if p is not None]
