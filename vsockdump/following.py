"""Packets into a tracker, and what it makes of them into a report."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from vsockdump import kernels
from vsockdump.engine.batch import Batch
from vsockdump.errors import VsockdumpError
from vsockdump.flows import Flow
from vsockdump.interface import Interface
from vsockdump.quality import Quality

if TYPE_CHECKING:
    from vsockdump.engine.track import Tracker
    from vsockdump.remembered import Known


class Report(Protocol):
    """What is printed of the connections of a capture."""

    def feed(self, batch: Batch) -> None:
        """Look at what the tracker, which has just been fed this batch, made of it."""

    def end(self, quality: Quality) -> None:
        """Print what is left to say: the capture is over, and the tracker has finished."""


class Following:
    """A sink that has a tracker follow the connections, and a report look at every step.

    The tracker is told what the capture's kernels get wrong and what was lost. Where the report
    `asks` for processes, what is `known` of these is there from the beginning of the run on, and
    `ask` asks for those of more connections, a few.
    """

    def __init__(
        self, tracker: "Tracker", report: Report | None = None, *, asks: bool = False
    ) -> None:
        """Feed `tracker`; without a report, somebody else asks it."""
        self.tracker = tracker
        self.report = report
        self.asks = asks
        self.known: Known | None = None
        self.ask: Callable[[Iterable[Flow]], None] = lambda flows: None
        self.interfaces: Sequence[Interface] = ()
        self._lost: Callable[[], int] = int
        self._told = 0

    def begin(self, interfaces: Sequence[Interface], lost: Callable[[], int]) -> None:
        """Take packets of `interfaces`, which may grow; `lost` counts those lost so far."""
        self.interfaces = interfaces
        self._lost = lost

    def feed(self, batch: Batch) -> None:
        """Follow the packets of a batch."""
        self._tell()
        if self.report is None:  # what there was of the batch before has been shown
            self.tracker.events()
            self.tracker.ended()
        self.tracker.feed(batch)
        if self.report is not None:
            self.report.feed(batch)

    @contextmanager
    def to_the_end(self) -> Iterator[None]:
        """Have the report end when the run does, also by damage, but not where nobody reads it."""
        try:
            yield
        except VsockdumpError:
            self._end()
            raise
        self._end()

    def _tell(self) -> None:
        """Have the tracker know what is known of the capture by now."""
        for index in range(self._told, len(self.interfaces)):
            kernels.tell(self.tracker, index, self.interfaces[index].os)
            self._told += 1
        self.tracker.lost(self._lost())

    def _end(self) -> None:
        if self.report is None:
            return
        self._tell()
        self.tracker.finish()
        self.report.end(self.quality)

    @property
    def quality(self) -> Quality:
        """What is known of the capture by now."""
        counts = self.tracker.counts
        return Quality(
            packets=counts.packets,
            flows=counts.flows,
            midstream=counts.midstream,
            lost=self._lost(),
            missing=counts.missing,
            unread=counts.unread,
            duplicates=counts.duplicates,
            evicted=counts.evicted,
        )
