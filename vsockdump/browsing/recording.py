"""A live capture that a thread saves, so that whoever looks at it cannot be in its way."""

import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from vsockdump import asking, direction, pipeline, privileges, runs
from vsockdump.ending import interruptible
from vsockdump.errors import VsockdumpError
from vsockdump.formats.pcapng import Drops
from vsockdump.options import Options
from vsockdump.outputs import Outputs
from vsockdump.pipeline import Choice, Sink
from vsockdump.sources.live import Live
from vsockdump.sources.ring import Statistics
from vsockdump.writers.capture import PCAPNG_SUFFIXES

from .opened import Most, Opened
from .sparse import Sparse

PACKETS = 20_000_000
"""Of the latest packets so many can be looked at: half a gigabyte. The file has all of them."""

MEMORY = 1 << 28
"""Bytes of the latest packets that are kept where there is no file."""

_COUNTED_S = 0.5


class Recording:
    """A capture under way: `opened` is what was captured so far."""

    def __init__(  # noqa: PLR0913, PLR0917 - what _prepared() makes, and nobody else
        self,
        opened: Opened,
        source: Live,
        outputs: Outputs,
        watching: Sequence[Sink],
        taken: Choice | None,
        limit: int,
        told: list[str],
        saved: str,
    ) -> None:
        """Prepare to save what `source` gives, of which `watching` see everything first."""
        self.opened = opened
        self.source = source
        self.counts = Statistics(0, 0, 0)
        """Packets that were received, and dropped, a moment ago."""
        self.error = ""
        """Why it ended, if nobody asked it to."""
        self.told = told
        """What has happened to the link."""
        self.saved = saved
        """The file it is in, empty where that is memory."""
        self._outputs = outputs
        self._sinks = outputs.sinks if taken else [*watching, *outputs.sinks]
        self._choice = pipeline.watched(watching, taken) if taken else None
        self._limit = limit
        self._next = 0.0
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()
        self.opened.start()

    def flush(self) -> None:
        """Bring what was saved to the disk."""
        self._outputs.flush()

    def stop(self) -> None:
        """End the capture, and wait until all of it is in the file."""
        self.source.stop()
        if self._thread.ident:
            self._thread.join()
        self._outputs.drops = [Drops(0, self.counts.received, self.counts.dropped)]

    @property
    def running(self) -> bool:
        """Whether more packets may come."""
        return self._thread.is_alive()

    def _run(self) -> None:
        error = "the capture ended by a fault of vsockdump"
        try:
            pipeline.run(
                self.source,
                self._sinks,
                most=self._limit,
                choice=self._choice,
                between=self._count,
            )
            error = self.source.ended
        except VsockdumpError as found:
            error = str(found)
        finally:
            self.error = error
            self.counts = self.source.statistics()
            self.opened.no_more()

    def _count(self, count: int) -> None:
        if (now := time.monotonic()) >= self._next:
            self._next = now + _COUNTED_S
            self.counts = self.source.statistics()


@contextmanager
def recording(wanted: Options, *, spool: bool = True) -> Iterator[Recording]:
    """Capture as `wanted` says, into -w or a file of our own, or with `spool` false into memory.

    Privileges are given up in here, before any thread is there. The capture has ended when `with`
    has. Raises what runs.capture() does.
    """
    with ExitStack() as stack:
        with interruptible():
            made = _prepared(stack, wanted, spool)
        made.start()
        try:
            yield made
        finally:
            made.stop()


def _prepared(stack: ExitStack, wanted: Options, spool: bool) -> Recording:
    """Open everything, to be closed with `stack`, and give up privileges."""
    memory = None if spool or wanted.write else stack.enter_context(Sparse())
    wanted.write = wanted.write or (memory.path if memory else spool_path())
    processes = asking.live(stack, wanted, None, direction.own_cids())
    chosen = runs.chosen_live(wanted, processes, None)
    told: list[str] = []
    source = runs.listen(stack, wanted, chosen, told.append)
    outputs = stack.enter_context(Outputs(wanted, source.interfaces, False))
    most = Most(PACKETS, MEMORY if memory else 1 << 62, memory.let_go if memory else _nobody)
    opened = Opened(wanted.write, follow=True, most=most, max_flows=wanted.max_flows)
    stack.callback(opened.close)
    opened.path = source.name if memory else wanted.write
    to = privileges.target(wanted.user or None)
    outputs.hand_over(to)
    privileges.drop(to)
    first = [*([processes] if processes else []), *chosen.watching]
    saved = "" if memory else wanted.write
    return Recording(opened, source, outputs, first, chosen.taken, wanted.limit, told, saved)


def spool_path() -> str:
    """Return a name for a capture that nobody can guess: others may write to the folder, too."""
    folder = os.environ.get("TMPDIR") or "/var/tmp"  # on a disk, which /tmp need not be
    when = time.strftime("%Y%m%d-%H%M%S")
    return f"{folder}/vsockdump-{when}-{secrets.token_hex(4)}{PCAPNG_SUFFIXES[0]}"


def _nobody(offset: int) -> None:
    """Keep the file whole."""
