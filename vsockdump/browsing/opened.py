"""A capture file that a thread reads from front to back, and that can be looked at meanwhile."""

import tempfile
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import BinaryIO, NamedTuple

from vsockdump import pipeline
from vsockdump.engine.batch import Batch
from vsockdump.engine.index import Index
from vsockdump.engine.track import Tracker
from vsockdump.errors import ReadError, VsockdumpError
from vsockdump.flows import Counts, Flow
from vsockdump.following import Following
from vsockdump.interface import Interface
from vsockdump.packet import Packet, packet
from vsockdump.quality import Quality, judged
from vsockdump.remembered import Ends, Recalled
from vsockdump.sources.owners import Process
from vsockdump.sources.pieces import Pieces, Reader
from vsockdump.sources.savefile import Savefile

from .findings import Findings

_AT_ONCE, _BYTES_AT_ONCE = 4096, 1 << 24  # what is let go together


class Most(NamedTuple):
    """How much of a capture without an end is kept, and who is told of what is not.

    `let_go` gets the place in the file before which nothing will be read again.
    """

    packets: int
    bytes: int
    let_go: Callable[[int], None]


class Reading(Enum):
    """How far the reading is."""

    BEGUN = "reading"
    FOLLOWING = "waiting for more"
    DONE = "read"
    FAILED = "failed"


class Opened:
    """One capture: an index of its packets, its connections, and any packet again.

    What is not a plain file is copied to a temporary one while it is read. The thread that reads
    takes `lock` while it changes connections; who asks `tracker` for anything has to do the same.
    Packets have their numbers in the capture; raises IndexError for one that is not there, or was
    let go, and ReadError where the file has changed.
    """

    def __init__(
        self,
        path: str,
        *,
        follow: bool = False,
        most: Most | None = None,
        limit: int = 0,
        max_flows: int = 1_000_000,
    ) -> None:
        """Open a file, or - for standard input, of which `limit` packets are read (0: all).

        Of one that goes on what is beyond `most` is let go, the oldest first. At most `max_flows`
        connections are kept. Raises ReadError.
        """
        self.path = path
        self.follow = follow
        self._copy: BinaryIO = tempfile.TemporaryFile(prefix="vsockdump-")  # noqa: SIM115
        try:
            self.source = Savefile(path, follow, self._copy)
        except BaseException:
            self._copy.close()
            raise
        self.lock = threading.Lock()
        self.tracker = Tracker(most=max_flows, steps=True)
        self.index = Index()
        self.findings = Findings(self.index)
        self.state = Reading.BEGUN
        self.error = ""
        self._most = most
        self._gone = 0  # bytes that were let go
        self._limit = limit
        self._following = Following(self.tracker)
        self._following.begin(self.source.interfaces, self._lost)
        self._recalled = Recalled()
        self._pieces = Pieces(self.source)
        self._reader = Reader(self._pieces, self.fd)
        self._thread = threading.Thread(target=self._read, name="reading", daemon=True)

    @property
    def fd(self) -> int:
        """A descriptor from which any of its bytes can be read, in the end all of them."""
        return self._copy.fileno() if self.source.copied else self.source.raw.fileno()

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def no_more(self) -> None:
        """Read to the end that the file has now, which will not grow any more."""
        self.follow = False
        self.source.no_more()

    def stop(self) -> None:
        """Read no further."""
        self.source.stop()

    def close(self) -> None:
        """Read no more, and close the file."""
        self.stop()
        if self._thread.ident:
            self._thread.join()
        self.source.close()
        self._copy.close()

    # --- reading, in its thread ---------------------------------------------------------------

    def _read(self) -> None:
        failed = False
        try:
            pipeline.run(self.source, [self], most=self._limit, between=self._waits)
        except VsockdumpError as error:
            self.error, failed = str(error), not self.index.count
        finally:
            with self.lock:
                self.tracker.finish()
                self.findings.add(self.tracker.events())
            self.state = Reading.FAILED if failed else Reading.DONE

    def _waits(self, count: int) -> None:
        at_end = self.follow and self.source.position >= self.source.size
        self.state = Reading.FOLLOWING if at_end else Reading.BEGUN

    def feed(self, batch: Batch) -> None:
        """Take the next packets."""
        with self.lock:
            self._recalled.feed(batch)
            self._following.feed(batch)
            split = self.index.append(batch, self.tracker)
            self.findings.add(self.tracker.events())
        if batch.count:
            self._pieces.add(batch, split)
            self.count = self.index.count
        if self._most is not None:
            self._let_go(self._most)

    def _let_go(self, most: Most) -> None:
        place = self.source.position - most.bytes
        first = max(self.count - most.packets, self._pieces.behind(place))
        if first - self.first >= _AT_ONCE or place - self._gone >= _BYTES_AT_ONCE:
            self.index.let_go(first)
            self._gone = self._pieces.let_go(first)
            most.let_go(self._gone)

    count = 0
    """Packets that can be looked at."""

    # --- looking, in any thread ---------------------------------------------------------------

    @property
    def first(self) -> int:
        """The number of the first packet that is still kept."""
        return self.index.first

    @property
    def ended(self) -> bool:
        """Whether no more packets will come."""
        return self.state in (Reading.DONE, Reading.FAILED)

    @property
    def progress(self) -> float | None:
        """How much of the file was read, 0 to 1; None where nobody knows."""
        size = self.source.size
        return min(self.source.position / size, 1.0) if size else None

    @property
    def interfaces(self) -> list[Interface]:
        """What its packets were captured on."""
        return self.source.interfaces

    def _lost(self) -> int:
        return sum(drops.dropped for drops in list(self.source.drops.values()))

    @property
    def quality(self) -> Quality:
        """What is known of the capture by now."""
        with self.lock:
            return self._following.quality

    @property
    def counts(self) -> Counts:
        """What was read so far."""
        with self.lock:
            return self.tracker.counts

    def batch(self, number: int) -> tuple[Batch, int]:
        """Return a batch with a packet in it, and its row there; it stays valid."""
        with self._noting():
            return self._reader.batch(number)

    def _fresh(self, reader: Reader, number: int) -> Batch | None:
        """Return a batch with a packet in it; None if it has been let go a moment ago."""
        with self._noting():
            try:
                return reader.fresh(number)
            except IndexError:
                if number >= self.first:
                    raise
        return None

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Note what is wrong with the file: it was right when it was read."""
        try:
            yield
        except ReadError as error:
            self.error = self.error or str(error)
            raise

    def packet(self, number: int) -> Packet:
        """Return a packet."""
        return packet(*self.batch(number))

    def batches(self, after: int = 0) -> Iterator[Batch | None]:
        """Yield all packets behind one, each batch valid until the next is asked for.

        None while there are no more yet, and at once where there are none; it ends when no more
        will come.
        """
        reader = Reader(self._pieces, self.fd)
        while True:
            no_more = self.ended
            after = max(after, self.first - 1)
            if after < self.count:
                batch = self._fresh(reader, after + 1)
                if batch is None:
                    continue
                skipped = after + 1 - batch.first
                if skipped:
                    batch.select(bytes(skipped) + bytes([1]) * (batch.count - skipped))
                batch.head(self.count - after)
                after += batch.count
                yield batch
            elif no_more:
                return
            else:
                yield None

    def only(self, numbers: "array[int]") -> Iterator[Batch]:
        """Yield batches of these packets alone; each is valid until the next is asked for.

        They have to rise; those that are let go are left out. Whoever looks at other packets
        meanwhile is not in its way.
        """
        reader = Reader(self._pieces, self.fd)
        at, last = 0, bisect_right(numbers, self.count)
        while (at := bisect_left(numbers, self.first, at)) < last:
            batch = self._fresh(reader, numbers[at])
            if batch is None:
                continue
            end = bisect_left(numbers, batch.first + batch.count, at)
            mask = bytearray(batch.count)
            for number in numbers[at:end]:
                mask[number - batch.first] = 1
            batch.select(bytes(mask))
            yield batch
            at = end

    def flow_of(self, number: int) -> int:
        """Return the connection of a packet, 0 for one of none, or that is not there."""
        try:
            return self.index.at(number).flow
        except IndexError:
            return 0

    def flow(self, number: int) -> Flow | None:
        """Return a connection as it is now, None for one that is not known or forgotten."""
        return next(iter(self.flows([number])), None)

    def flows(self, numbers: Iterable[int]) -> list[Flow]:
        """Return those of these connections that are known."""
        with self.lock:
            found = [self.tracker.flow(number) for number in numbers]
        return [judged(flow) for flow in found if flow is not None]

    def ranked(self, by: str, most: int) -> "array[int]":
        """Return the numbers of the connections with most of one of engine.track.MEASURES."""
        with self.lock:
            return self.tracker.ranked(most, by)

    def processes(self, flow: Flow) -> tuple[str | None, str | None]:
        """Return who had its two ends, such as python3[812], where the file says it."""
        return self._recalled.known.of(flow)

    def owners(self, flow: Flow) -> list[Process]:
        """Return the processes themselves, those that are known."""
        pair = self._recalled.known.process(Ends.of(flow), flow.start)
        return [process for process in pair if process is not None]
