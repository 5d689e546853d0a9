"""The two kinds of run: a file from front to back, a live link until it is told to end."""

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING

from vsockdump import asking, direction, options, pipeline, privileges
from vsockdump.choices import Choices
from vsockdump.ending import Asked, interruptible, signals
from vsockdump.errors import DeviceError, UsageError
from vsockdump.following import Following
from vsockdump.formats import linktypes
from vsockdump.formats.pcapng import Drops
from vsockdump.interface import SNAPLEN, Interface
from vsockdump.leaks import LeakWatch
from vsockdump.messages import plural, say, tell
from vsockdump.options import Options
from vsockdump.outputs import Outputs
from vsockdump.pipeline import Choice, Sink, Source
from vsockdump.progress import WORTH_A_BAR, Bar
from vsockdump.sources.local import HOST, LOCAL
from vsockdump.sources.savefile import Savefile
from vsockdump.writers.output import ReaderGone
from vsockdump.writers.recorder import Full

if TYPE_CHECKING:
    from vsockdump.processes import Processes
    from vsockdump.sources.live import Live


def read(path: str, wanted: Options, following: Following | None = None) -> None:
    """Read one file as `wanted` says; raises VsockdumpError, ReaderGone or Ended.

    Where connections are followed for a report, that is what is printed.
    """
    with interruptible():
        source = Savefile(path, wanted.follow)
        chosen = _chosen_of_file(path, wanted, source)
    following = _whole(following, chosen)
    with closing(source), signals(source.stop) as asked:
        _spare(source, wanted.write)
        report = _begin(following, source, lambda: _lost(source))
        copied = source.is_pcapng
        with Outputs(wanted, source.interfaces, copied, following, chosen.shown) as outputs:
            if not report:
                tell(f"reading from file {path}, {_first_link(source)}")
            run = _Run(source, outputs, wanted, asked)
            first = [*asking.recalled(following), *chosen.watching]
            try:
                with _bar(source, wanted, report) as bars, outputs.to_the_end():
                    run.go(frozenset({LOCAL, HOST}), chosen.taken, [*first, *bars])
            finally:  # a damaged file has packets, too
                run.print_count()
    if _lost(source) and not report:
        say(f"{plural(_lost(source), 'packet')} had been lost when this file was captured")


def _chosen_of_file(path: str, wanted: Options, source: Savefile) -> Choices:
    """Prepare what expressions choose of a file; terms about connections read it once before."""
    if not options.chooses(wanted):
        return Choices()
    from vsockdump import choosing  # noqa: PLC0415 - most runs choose nothing

    twice = source.raw.regular and path != "-" and not wanted.follow
    return choosing.of_file(path, wanted, source.interfaces, twice=twice)


def _whole(following: Following | None, chosen: Choices) -> Following | None:
    """Do not follow connections of which packets are left out; lines say less then."""
    if following is not None and following.report is not None and chosen.guide is not None:
        following.tracker.number_as(chosen.guide)
    return following if chosen.whole else None


def _spare(source: Savefile, target: str) -> None:
    """Refuse to empty the very file that is read."""
    if not (target and source.raw.regular):
        return
    with suppress(OSError):
        if os.path.samestat(os.fstat(source.raw.fileno()), os.stat(target)):  # noqa: PTH116
            raise UsageError(f"-w {target}: this is the file that is read")


def capture(wanted: Options, following: Following | None = None) -> None:
    """Capture from a link as `wanted` says; raises VsockdumpError, ReaderGone or Ended.

    Where connections are followed for a report, that is what is printed.
    """
    with ExitStack() as stack:
        with interruptible():
            own = direction.own_cids()
            processes = asking.live(stack, wanted, following, own)
            chosen = chosen_live(wanted, processes, following)
            following = _whole(following, chosen)
            source = listen(stack, wanted, chosen)
        asked = stack.enter_context(signals(source.stop))
        _begin(following, source, lambda: source.statistics().dropped)
        with Outputs(wanted, source.interfaces, False, following, chosen.shown) as outputs:
            tell(f"listening on {source.name}, {_link(source.interfaces[0])} bytes")
            run = _Run(source, outputs, wanted, asked, lambda: _live_counts(source))
            first = [*([processes] if processes else []), *chosen.watching]
            try:
                with outputs.to_the_end():
                    run.go(own, chosen.taken, first)
            finally:
                counts = source.statistics()
                outputs.drops = [Drops(0, counts.received, counts.dropped)]
                run.tell_counts()
        if source.ended:
            raise DeviceError(source.ended)
    run.print_count()
    if not counts.received:
        say("no packet came; 'vsockdump doctor' tells what this machine can see")


def chosen_live(
    wanted: Options, processes: "Processes | None", following: Following | None
) -> Choices:
    """Prepare what expressions choose of a capture."""
    if not options.chooses(wanted):
        return Choices()
    from vsockdump import choosing  # noqa: PLC0415 - most runs choose nothing

    return choosing.live(wanted, processes, following=following is not None)


def listen(
    stack: ExitStack, wanted: Options, chosen: Choices, tell: Callable[[str], None] = say
) -> "Live":
    """Open the link and the capture on it, to be closed with `stack`; `tell` gets what happens."""
    from vsockdump.sources.link import Link  # noqa: PLC0415 - reading a file needs neither
    from vsockdump.sources.live import Live  # noqa: PLC0415

    link = stack.enter_context(Link(wanted.interface, create=wanted.create, say=tell))
    live = Live(
        link.name,
        snaplen=wanted.snaplen or SNAPLEN,
        ring_kib=wanted.buffer,
        immediate=wanted.immediate,
        program=chosen.program,
        filter_text=chosen.text,
        say=tell,
    )
    return stack.enter_context(live)


def following(wanted: Options) -> Following | None:
    """Have connections followed where the lines of packets say something of them."""
    lines = options.prints(wanted) and wanted.format == "text"
    if wanted.no_flow or not lines:
        return None
    from vsockdump.engine.track import Tracker  # noqa: PLC0415 - what only saves starts without

    return Following(Tracker(most=wanted.max_flows, steps=True, keep=False))


class _Run:
    """One run from the opening of its files to its last packet, and what signals ask of it."""

    def __init__(
        self,
        source: Source,
        outputs: Outputs,
        wanted: Options,
        asked: Asked,
        lost: Callable[[], list[str]] = list,
    ) -> None:
        self.count = 0
        self._source = source
        self._outputs = outputs
        self._wanted = wanted
        self._asked = asked
        self._lost = lost

    def go(self, own: frozenset[int], taken: Choice | None, first: Sequence[Sink] = ()) -> None:
        """Give up privileges and feed the sinks until the source ends or is told to.

        `own` are the CIDs that -Q goes by, `taken` is what an expression chooses; `first` are sinks
        that see everything, as those do that follow connections for what lines say.
        """
        to = privileges.target(self._wanted.user or None)
        self._outputs.hand_over(to)
        privileges.drop(to)
        self._outputs.check_rotation()
        leaks = LeakWatch(self._source.interfaces)
        gc.freeze()  # what was loaded is no garbage; what a long capture leaves is
        gc.enable()
        try:
            watching = [*first, *self._outputs.first]
            self._loop(self._choice(own, taken), watching, [leaks, *self._outputs.sinks])
        except Full as full:
            tell(str(full))
        except ReaderGone as gone:
            if gone.path == self._wanted.write:  # of text `head` has seen enough
                say(str(gone))
            raise
        finally:
            leaks.warn()

    def print_count(self) -> None:
        """Print the one result of --count."""
        shown = self._outputs.shown
        if self._wanted.count:
            print(plural(shown.count if shown else self.count, "packet"))

    def tell_counts(self) -> None:
        """Say how many packets were captured, and what else is known, as tcpdump does."""
        for line in [f"{plural(self.count, 'packet')} captured", *self._lost()]:
            tell(line)

    def _loop(self, choice: Choice | None, watching: list[Sink], sinks: list[Sink]) -> None:
        pipeline.run(
            self._source,
            sinks if choice else [*watching, *sinks],
            most=self._wanted.limit,
            choice=choice and pipeline.watched(watching, choice),
            between=self._between,
        )

    def _choice(self, own: frozenset[int], taken: Choice | None) -> Choice | None:
        """Return what -Q and an expression choose together."""
        way = self._wanted.direction
        if way == "inout":
            return taken
        on_this_way = direction.choose(way, own)
        if taken is None:
            return on_this_way
        return lambda batch: bytes(map(min, taken(batch), on_this_way(batch)))

    def _between(self, count: int) -> None:
        self.count = count
        if self._asked.counts:
            self._asked.counts = False
            self.tell_counts()
        if self._asked.flush:
            self._asked.flush = False
            self._outputs.flush()


def _live_counts(source: "Live") -> list[str]:
    counts = source.statistics()
    return [
        f"{plural(counts.received, 'packet')} received by filter",
        f"{plural(counts.dropped, 'packet')} dropped by kernel",
    ]


def _begin(following: Following | None, source: Source, lost: Callable[[], int]) -> bool:
    """Have connections followed, where that is wanted; return whether a report comes of it."""
    if following is None:
        return False
    following.begin(source.interfaces, lost)
    return following.report is not None


def _lost(source: Savefile) -> int:
    return sum(drops.dropped for drops in source.drops.values())


@contextmanager
def _bar(source: Savefile, wanted: Options, at_end: bool) -> Iterator[list[Sink]]:
    """A progress bar where somebody sees it and it is in nobody's way."""
    nothing = at_end or wanted.count or (wanted.write and not wanted.print)
    prints_here = sys.stdout.isatty() and not nothing
    if not sys.stderr.isatty() or prints_here or wanted.follow or source.size < WORTH_A_BAR:
        yield []
        return
    with closing(Bar(source)) as bar:
        yield [bar]


def _first_link(source: Savefile) -> str:
    return _link(source.interfaces[0] if source.interfaces else Interface(-1))


def _link(interface: Interface) -> str:
    kind = linktypes.describe(interface.linktype) if interface.linktype >= 0 else "unknown"
    return f"link-type {kind}, snapshot length {interface.snaplen or SNAPLEN}"
