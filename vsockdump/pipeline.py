"""The only loop: batches from a source, through a choice, into sinks."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from vsockdump.engine.batch import Batch
from vsockdump.interface import Interface

Choice = Callable[[Batch], bytes]
"""Returns a byte a packet, 0 for those to leave out."""


class Source(Protocol):
    """A live link or a file."""

    @property
    def interfaces(self) -> list[Interface]:
        """What packets may have come from; a packet's `interface` is an index into it."""

    def batches(self) -> Iterator[Batch | None]:
        """Yield packets, each batch valid until the next; None when there are none for a while."""

    def stop(self) -> None:
        """End batches(); a signal handler may call it."""


class Sink(Protocol):
    """Whatever takes packets: a terminal, a file, a progress bar."""

    def feed(self, batch: Batch) -> None:
        """Take the packets of a batch, which is valid until this returns."""


def run(
    source: Source,
    sinks: Sequence[Sink],
    *,
    most: int = 0,
    choice: Choice | None = None,
    between: Callable[[int], None] = lambda count: None,
) -> int:
    """Feed every sink with what the source has, at most `most` packets (0: all); return how many.

    Packets are numbered from 1 as they come, those too that `choice` leaves out. `between` hears
    how many were taken after every batch, and while there is none.
    """
    count = came = 0
    for batch in source.batches():
        if batch is not None:
            batch.first = came + 1
            came += batch.count
            _take(batch, count, most, choice)
            count += batch.count
        between(count)
        if batch is not None:
            for sink in sinks:
                sink.feed(batch)
        if most and count >= most:
            source.stop()
            break
    return count


def watched(sinks: Sequence[Sink], choice: Choice) -> Choice:
    """Return a choice that has sinks see everything before anything is left out."""

    def choose(batch: Batch) -> bytes:
        for sink in sinks:
            sink.feed(batch)
        return choice(batch)

    return choose


def _take(batch: Batch, count: int, most: int, choice: Choice | None) -> None:
    """Leave in a batch what is wanted of it, after `count` packets were taken before."""
    if choice is not None and batch.count:
        batch.select(choice(batch))
    if most:
        batch.head(most - count)
