"""`vsockdump problems`: what is wrong in a capture, in words, the worst first."""

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing

from vsockdump import analysis
from vsockdump.arguments import Group
from vsockdump.engine.batch import Batch
from vsockdump.engine.track import Tracker
from vsockdump.eventcolumns import COMMON, CSV, Remark, numbers, remark
from vsockdump.events import Event, Name, Severity
from vsockdump.following import Following
from vsockdump.listing import Csv, Jsonl, Listing
from vsockdump.options import Options
from vsockdump.paint import Painter
from vsockdump.quality import Quality
from vsockdump.remarks import Groups, as_line, report, room, wrapped
from vsockdump.spool import Spool

FOUND = 3
"""The exit status of --check where there is a problem."""


class Wanted(analysis.Wanted):
    """What was asked of `problems`."""

    check = False


def main(argv: Sequence[str]) -> int:
    """Print what is wrong; return 0, or with --check FOUND where there is a problem."""
    wanted = analysis.parse(argv, "problems", Wanted(), _options)
    form = "jsonl" if wanted.json else "csv" if wanted.csv else "text"
    found = _report(wanted, form, at_once=bool(wanted.interface or wanted.follow))
    try:
        analysis.follow(wanted, found.following)
        sys.stdout.flush()
    except BrokenPipeError:
        if not (wanted.check and found.problems):
            raise
        _print_no_more()
    return FOUND if wanted.check and found.problems else 0


def _print_no_more() -> None:
    """Whoever reads has seen enough, and the exit status is for somebody else."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _options(group: Group) -> None:
    group.flag("--check", "check", f"exit with {FOUND} where there is a problem")


def watch(wanted: Options) -> None:
    """Print what goes wrong in the packets of a plain command line, as it happens."""
    analysis.follow(wanted, _report(wanted, wanted.format, at_once=True).following)


def _report(wanted: Options, form: str, at_once: bool) -> "_Found":
    """Return what prints what is wrong, as it happens or at the end, and counts problems."""
    following = Following(Tracker(most=wanted.max_flows, keep=False))
    name = analysis.endpoints(wanted)
    if form == "text" and not at_once:
        found: _Found = _Grouped(following, name)
    else:
        found = (_AtOnce if at_once else _AtEnd)(following, name, _listing(form))
    following.report = found
    return found


def _listing(form: str) -> Listing[Remark]:
    """Return what prints single events."""
    if form == "jsonl":
        return Jsonl(COMMON, lambda row: numbers(row.event))
    return Csv(CSV) if form == "csv" else _Lines()


class _Lines:
    """Prints a line an event, or several on a terminal."""

    def __init__(self) -> None:
        self._painter = Painter()

    def write(self, rows: Iterable[Remark]) -> None:
        for row in rows:
            self._painter.put(wrapped(as_line(row), room(self._painter)))

    def end(self) -> None:
        pass


class _Found:
    """A report of events; the base counts problems, and forgets connections that are over."""

    def __init__(self, following: Following, name: Name) -> None:
        self.following = following
        self.problems = 0
        self._name = name

    def feed(self, batch: Batch) -> None:
        """Take the events of a batch."""
        self.following.tracker.ended()
        for event in self.following.tracker.events():
            self._take(event)
        sys.stdout.flush()  # somebody may be waiting for it

    def end(self, quality: Quality) -> None:
        """Take those of the end, and print what was held back."""
        for event in self.following.tracker.events():
            self._take(event)
        self._rest(quality)

    def _take(self, event: Event) -> None:
        raise NotImplementedError

    def _rest(self, quality: Quality) -> None:
        raise NotImplementedError


class _AtOnce(_Found):
    """Prints each event as soon as it is found."""

    def __init__(self, following: Following, name: Name, listing: Listing[Remark]) -> None:
        super().__init__(following, name)
        self._listing = listing

    def _take(self, event: Event) -> None:
        self._print(event, self.following.quality)

    def _print(self, event: Event, quality: Quality) -> None:
        judged = quality.judged(event)
        self.problems += judged.severity is Severity.PROBLEM
        self._listing.write([remark(judged, self._name)])

    def _rest(self, quality: Quality) -> None:
        self._listing.end()
        analysis.warn(quality)


class _AtEnd(_AtOnce):
    """Prints events in the order in which they were found, once the capture's quality is known."""

    def __init__(self, following: Following, name: Name, listing: Listing[Remark]) -> None:
        super().__init__(following, name, listing)
        self._spool: Spool[Event] = Spool()

    def _take(self, event: Event) -> None:
        self._spool.append(event)

    def _rest(self, quality: Quality) -> None:
        with closing(self._spool):
            for event in self._spool:
                self._print(event, quality)
        super()._rest(quality)


class _Grouped(_Found):
    """Prints what there is to say, for people to read."""

    def __init__(self, following: Following, name: Name) -> None:
        super().__init__(following, name)
        self._groups = Groups()
        self._painter = Painter()

    def _take(self, event: Event) -> None:
        self._groups.add(event)

    def _rest(self, quality: Quality) -> None:
        groups = self._groups.judged(quality)
        self.problems = sum(g.total for g in groups if g.severity is Severity.PROBLEM)
        for line in report(groups, quality, self._name):
            self._painter.put(wrapped(line, room(self._painter)))
