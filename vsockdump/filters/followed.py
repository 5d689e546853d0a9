"""What terms know of connections: a tracker of their own, and what a first pass found out."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, compress
from typing import Protocol

from vsockdump import kernels
from vsockdump.dissectors.virtio import Op
from vsockdump.engine.batch import Batch
from vsockdump.engine.track import Tracker
from vsockdump.events import Kind
from vsockdump.flows import Flow
from vsockdump.interface import Interface
from vsockdump.pipeline import Sink
from vsockdump.remembered import Ends, Known
from vsockdump.sources.owners import Process

from . import masks
from .masks import Choose, Mask

Test = Callable[[Flow], bool]


class Knowing(Protocol):
    """What terms ask about connections. A row is one of the batch that was fed last."""

    @property
    def numbers(self) -> Sequence[int]:
        """The connections of the rows when they were looked at, 0 for one of none."""

    def look(self) -> None:
        """See which rows there are."""

    def judged(self, test: Test) -> Choose:
        """Return what chooses the packets of the connections of which a test is true."""

    def free(self, row: int) -> int | None:
        """Return what the sender may still send after this packet; of a CREDIT_UPDATE, the other.

        None where that is not known.
        """

    def events(self, row: int) -> list[int]:
        """Return the kinds of what went wrong at this packet."""

    def is_stalled(self, row: int) -> bool:
        """Whether a side has no credit left after this packet, or a stall ends with it."""

    def processes(self, flow: Flow) -> list[Process]:
        """Return the processes at both ends, as far as they are known."""


class Followed:
    """Follows the connections of a capture for the terms of a filter.

    What is asked of a connection is what is known of it by now, or how it ended where there was a
    first pass over the same packets. A row is one of the batch that was fed last, of which some may
    have been left out since: look() again then.
    """

    def __init__(self, most: int, known: Known | None = None, before: Iterable[Sink] = ()) -> None:
        """Follow at the most so many; `before` are sinks that learn what processes are `known`.

        `interfaces` are the capture's, and may grow.
        """
        self.interfaces: Sequence[Interface] = ()
        self._most = most
        self._known = Known() if known is None else known
        self._before = list(before)
        self._judged: list[_Judged] = []
        self._learned = False
        self.begin()

    def begin(self) -> None:
        """Forget all packets, but not what was learned."""
        self._tracker = Tracker(most=self._most, steps=True, keep=False)
        self._told = 0  # interfaces
        self._batch: Batch | None = None
        self._over: list[Flow] = []
        self.numbers: list[int] = []
        """The connections of the rows when they were looked at, 0 for one of none."""

    @property
    def tracker(self) -> Tracker:
        """What follows the connections, and numbers them."""
        return self._tracker

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
        for index in range(self._told, len(self.interfaces)):
            kernels.tell(self._tracker, index, self.interfaces[index].os)
        self._told = len(self.interfaces)
        self._tracker.events()
        self._tracker.feed(batch)
        self._over = self._tracker.ended()
        self._batch = batch
        for judged in () if self._learned else self._judged:
            judged.true, judged.known = set(), set()

    def look(self) -> None:
        """See which rows there are."""
        self.numbers = self._tracker.numbers()

    def _judge(self, flows: Iterable[Flow]) -> None:
        for flow in flows:
            for judged in self._judged:
                if judged.test(flow):
                    judged.true.add(flow.number)

    # --- what terms ask -----------------------------------------------------------------------

    def judged(self, test: Test) -> Choose:
        """Return what chooses the packets of the connections of which a test is true."""
        judged = _Judged(test)
        self._judged.append(judged)

        def choose(batch: Batch, wanted: Mask) -> Mask:
            if not self._learned:
                self._look(judged, set(compress(self.numbers, wanted)) - judged.known)
            return masks.both(wanted, bytes(map(judged.true.__contains__, self.numbers)))

        return choose

    def _look(self, judged: "_Judged", numbers: set[int]) -> None:
        """Test connections of the last batch as they are now."""
        rows = dict(zip(self.numbers, range(len(self.numbers)), strict=True)) if numbers else {}
        for number in numbers:
            flow = self._tracker.flow_at(self._place(rows[number]))
            if flow and judged.test(flow):
                judged.true.add(number)
        judged.known |= numbers

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
    """A test of connections, and the numbers of those that it was asked of, and is true of."""

    def __init__(self, test: Test) -> None:
        self.test = test
        self.true: set[int] = set()
        self.known: set[int] = set()
