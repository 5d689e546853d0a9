"""`vsockdump flows`: a line for every connection, or for every CID, port or pair of them."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Generic, TypeVar

from vsockdump import analysis, arranging, flowgroups
from vsockdump.arguments import Group, positive
from vsockdump.arranging import Arranged, ByNumber, Unordered
from vsockdump.engine.batch import Batch
from vsockdump.engine.track import MEASURES, Tracker
from vsockdump.flowcolumns import COLUMNS, TOTALS, Record
from vsockdump.flowgroups import GROUPINGS, Groups
from vsockdump.flows import Flow
from vsockdump.flowtext import HEADS, Cells
from vsockdump.following import Following
from vsockdump.listing import Listing, listing
from vsockdump.quality import Quality, judged
from vsockdump.states import State


class Wanted(analysis.Wanted):
    """What was asked of `flows`."""

    sort = ""
    top = 0
    by = ""


def main(argv: Sequence[str]) -> int:
    """Print the connections of a capture; return 0."""
    wanted = analysis.parse(_joined(argv), "flows", Wanted(), _options)
    # A connection that is over is printed and forgotten, and what went wrong only counted.
    tracker = Tracker(most=wanted.max_flows, keep=False, events=False)
    following = Following(tracker, asks=not wanted.by)
    following.report = _Totals(wanted, tracker) if wanted.by else _Flows(wanted, following)
    analysis.follow(wanted, following)
    return 0


def _options(group: Group) -> None:
    group.value(
        "--sort",
        "sort",
        "COLUMN",
        "sort by this, one of JSON's names, or packets, bytes, min_free, stalled_s: both ways"
        " together; what counts or takes time is sorted downwards, and -COLUMN and +COLUMN say"
        " downwards and upwards",
    )
    group.number(
        "--top", "top", "N", "only the first N, by bytes where --sort is not given", positive
    )
    group.choice("--by", "by", tuple(GROUPINGS), "", "add up by CID, by port connected to, or pair")


def _joined(argv: Sequence[str]) -> list[str]:
    """Let what --sort is given begin with a minus, which argparse would take for an option."""
    words = list(argv)
    for place, word in enumerate(words[:-1]):
        if word == "--sort" and words[place + 1].startswith("-"):
            words[place : place + 2] = [f"--sort={words[place + 1]}"]
            break
    return words


T = TypeVar("T")


class _Printed(Generic[T]):
    """Rows in an order, and what prints them."""

    def __init__(self, arranged: Arranged[T], listing: Listing[T]) -> None:
        self._arranged = arranged
        self._listing = listing

    def take(self, rows: Iterable[T]) -> None:
        """Take rows, and print those whose turn has come."""
        self._listing.write(self._arranged.take(rows))

    def end(self, rows: Iterable[T]) -> None:
        """Take the last rows, and print all that are left."""
        self._listing.write(self._arranged.rest(rows))
        self._listing.end()


class _Flows:
    """The report of single connections."""

    def __init__(self, wanted: Wanted, following: Following) -> None:
        self._wanted = wanted
        self._following = following
        self._tracker = following.tracker
        cells = Cells(analysis.endpoints(wanted))
        self._printed = _Printed(_order(wanted), listing(wanted, COLUMNS, HEADS, cells))

    def feed(self, batch: Batch) -> None:
        """Print those that are over, where nothing has to be waited for."""
        if over := self._tracker.ended():
            self._printed.take(self._records(over))
            sys.stdout.flush()

    def end(self, quality: Quality) -> None:
        """Print all others."""
        self._following.ask(f for f in self._tracker.flows() if f.state is not State.CLOSED)
        self._printed.take(self._records(self._tracker.ended()))
        self._printed.end(self._records(self._last()))
        analysis.warn(quality)

    def _last(self) -> Iterable[Flow]:
        """Return the connections that are left, or of a million only those that will be printed."""
        measure = _measure(self._wanted.sort or "bytes")
        if self._wanted.top and measure:
            return self._tracker.top(self._wanted.top, measure)
        return self._tracker.flows()

    def _records(self, flows: Iterable[Flow]) -> Iterator[Record]:
        known = self._following.known
        if not known:
            return (Record(judged(flow)) for flow in flows)
        return (Record(judged(flow), *known.of(flow)) for flow in flows)


def _measure(asked: str) -> str:
    """Return the tracker's name for what is sorted by downwards, empty where it has none."""
    name = asked.removeprefix("-").removesuffix("_s")
    return name if name in MEASURES else ""


def _order(wanted: Wanted) -> Arranged[Record]:
    """Return the order asked for; that of their numbers, or of their ends where somebody waits."""
    if wanted.sort or wanted.top:
        return arranging.by((*COLUMNS, *TOTALS), wanted.sort or "bytes", wanted.top)
    if wanted.interface or wanted.follow:
        return Unordered()
    return ByNumber(lambda record: record.flow.number)


class _Totals:
    """The report of connections added up."""

    def __init__(self, wanted: Wanted, tracker: Tracker) -> None:
        grouping = GROUPINGS[wanted.by]
        self._tracker = tracker
        self._groups = Groups(grouping)
        fields, heads = flowgroups.fields(grouping), flowgroups.heads(wanted.by)
        cells = flowgroups.cells(grouping, analysis.endpoints(wanted))
        order = arranging.by((*fields, *flowgroups.TOTALS), wanted.sort or "bytes", wanted.top)
        self._printed = _Printed(order, listing(wanted, fields, heads, cells))

    def feed(self, batch: Batch) -> None:
        """Add up those that are over."""
        for flow in self._tracker.ended():
            self._groups.add(flow)

    def end(self, quality: Quality) -> None:
        """Add up the others, and print."""
        for flow in chain(self._tracker.ended(), self._tracker.flows()):
            self._groups.add(flow)
        self._printed.end(self._groups)
        analysis.warn(quality)
