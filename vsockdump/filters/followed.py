"""What terms know of connections: a tracker of their own, and what a first pass found out."""

from collections.abc import Callable, Iterable
from itertools import chain

from vsockdump.dissectors.virtio import Op
from vsockdump.engine.batch import Batch
from vsockdump.engine.track import Tracker
from vsockdump.events import Kind
from vsockdump.flows import Flow
from vsockdump.pipeline import Sink
from vsockdump.remembered import Ends, Known
from vsockdump.sources.owners import Process

MAX_FLOWS = 1_000_000

Test = Callable[[Flow], bool]


class Followed:
    """Follows the connections of a capture for the terms of a filter.

    What is asked of a connection is what is known of it by now, or how it ended where there was a
    first pass over the same packets. A row is one of the batch that was fed last.
    """

    def __init__(
        self, most: int = MAX_FLOWS, known: Known | None = None, before: Iterable[Sink] = ()
    ) -> None:
        """Follow at the most so many; `before` are sinks that learn what processes are `known`."""
        self._most = most
        self._known = Known() if known is None else known
        self._before = list(before)
        self._judged: list[_Judged] = []
        self._learned = False
        self.begin()

    def begin(self) -> None:
        """Forget all packets, but not what was learned."""
        self._tracker = Tracker(most=self._most, steps=True, keep=False)
        self._batch: Batch | None = None
        self._over: list[Flow] = []

    def learn(self, batches: Iterable[Batch]) -> None:
        """Find out how connections end, of all packets that will be fed."""
        self._learned = True
        for batch in batches:
            self.feed(batch)
            self._judge(self._over)
        self._tracker.finish()
        self._judge(chain(self._tracker.ended(), self._tracker.flows()))
        self.begin()

    def feed(self, batch: Batch) -> None:
        """Follow the packets of a batch."""
        for sink in self._before:
            sink.feed(batch)
        self._tracker.events()
        self._tracker.feed(batch)
        self._over = self._tracker.ended()
        self._batch = batch
        for judged in () if self._learned else self._judged:
            judged.true, judged.false = set(), set()

    def _judge(self, flows: Iterable[Flow]) -> None:
        for flow in flows:
            for judged in self._judged:
                if judged.test(flow):
                    judged.true.add(flow.number)

    # --- what terms ask -----------------------------------------------------------------------

    def judged(self, test: Test) -> Callable[[int], bool]:
        """Return what tells of a row whether a test of its connection is true."""
        judged = _Judged(test)
        self._judged.append(judged)

        def is_true(row: int) -> bool:
            number = self.number(row)
            if not (self._learned or number in judged.true or number in judged.false):
                flow = self._tracker.flow_at(self._place(row))
                (judged.true if flow and test(flow) else judged.false).add(number)
            return number in judged.true

        return is_true

    def number(self, row: int) -> int:
        """Return the number of the packet's connection, 0 where it has none."""
        return self._tracker.number_at(self._place(row))

    def free(self, row: int) -> int | None:
        """Return what the sender may still send after this packet; of a CREDIT_UPDATE, the other.

        None where that is not known.
        """
        step = self._tracker.step(self._place(row))
        if step is None or self._batch is None:
            return None
        update = self._batch.column("virtio_op")[row] == Op.CREDIT_UPDATE
        return (step.fwd, step.rev)[step.side ^ update].free

    def events(self, row: int) -> list[int]:
        """Return the kinds of what went wrong at this packet."""
        return [int(event.kind) for event in self._tracker.marks(self._place(row))]

    def is_stalled(self, row: int) -> bool:
        """Whether a side has no credit left after this packet, or a stall ends with it."""
        step = self._tracker.step(self._place(row))
        if step is None:
            return False
        return 0 in (step.fwd.free, step.rev.free) or Kind.STALL in self.events(row)

    def processes(self, flow: Flow) -> list[Process]:
        """Return the processes at both ends, as far as they are known."""
        return [p for p in self._known.process(Ends.of(flow), flow.start) if p is not None]

    def _place(self, row: int) -> int:
        return self._batch.place(row) if self._batch is not None else row


class _Judged:
    """A test of connections, and the numbers of those of which it is true, or known to be false."""

    def __init__(self, test: Test) -> None:
        self.test = test
        self.true: set[int] = set()
        self.false: set[int] = set()
