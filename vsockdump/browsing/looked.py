"""What a filter's terms ask about connections, answered from what the reading has found out."""

from itertools import compress

from vsockdump.engine.batch import Batch
from vsockdump.events import Kind
from vsockdump.filters import masks
from vsockdump.filters.followed import Test
from vsockdump.filters.masks import Choose, Mask
from vsockdump.flows import Flow
from vsockdump.sources.owners import Process

from .opened import Opened


class Looked:
    """Knows connections as they are known by now, all of the capture or what was read of it."""

    def __init__(self, opened: Opened) -> None:
        """Ask `opened`."""
        self.numbers: list[int] = []
        self._opened = opened
        self._batch: Batch | None = None

    def feed(self, batch: Batch) -> None:
        """Answer about these packets."""
        self._batch = batch

    def look(self) -> None:
        """See which rows there are."""
        if self._batch is not None:
            first = self._batch.number(0)
            self.numbers = self._opened.index.flows(first, self._batch.count)

    def judged(self, test: Test) -> Choose:
        """Return what chooses the packets of the connections of which a test is true."""
        true: set[int] = set()
        known = {0}

        def choose(batch: Batch, wanted: Mask) -> Mask:
            if not self._opened.ended:  # they may be others by now
                true.clear()
                known.intersection_update({0})
            asked = set(compress(self.numbers, wanted)) - known
            true.update(flow.number for flow in self._opened.flows(asked) if test(flow))
            known.update(asked)
            return masks.both(wanted, bytes(map(true.__contains__, self.numbers)))

        return choose

    def free(self, row: int) -> int | None:
        """Return what its sender may still send; of a CREDIT_UPDATE, the other end."""
        return self._opened.index.at(self._number(row)).free

    def events(self, row: int) -> list[int]:
        """Return the kinds of what went wrong at this packet."""
        return [int(event.kind) for event in self._opened.findings.at(self._number(row))]

    def is_stalled(self, row: int) -> bool:
        """Whether a side has no credit left after this packet, or a stall ends with it."""
        return self._opened.index.at(self._number(row)).full or Kind.STALL in self.events(row)

    def processes(self, flow: Flow) -> list[Process]:
        """Return the processes at both ends, as far as they are known."""
        return self._opened.owners(flow)

    def _number(self, row: int) -> int:
        return self._batch.number(row) if self._batch is not None else 0
