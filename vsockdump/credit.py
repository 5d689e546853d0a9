"""`vsockdump credit`: the ledger of one connection, and a plot of what was free."""

import os
import stat
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from typing import Protocol

from vsockdump import analysis, options, pipeline
from vsockdump.arguments import Group, positive
from vsockdump.choices import Choices
from vsockdump.creditplot import Plots
from vsockdump.engine.batch import Batch
from vsockdump.engine.track import Tracker
from vsockdump.errors import ReadError, UsageError
from vsockdump.events import Event, Name, seconds
from vsockdump.flows import Flow
from vsockdump.following import Following
from vsockdump.ledger import FIELDS, Entries, Entry, Ledger
from vsockdump.listing import Csv, Jsonl, Listing
from vsockdump.messages import say
from vsockdump.paint import Painter, width
from vsockdump.quality import Quality
from vsockdump.sources.savefile import Savefile
from vsockdump.steps import Packet, no_connection, steps

WORTH_A_LOOK = 10_000_000
"""Nanoseconds of a stall: shorter ones are how flow control works."""


class Wanted(analysis.Wanted):
    """What was asked of `credit`."""

    flow = 0
    plot = False


def _options(group: Group) -> None:
    group.number(
        "--flow",
        "flow",
        "N",
        "connection N, as 'flows' numbers them; else the one that stalled for longest,"
        " or carried most; of a pipe or link the first",
        positive,
    )
    group.flag("--plot", "plot", "only plot what was free over time")


def main(argv: Sequence[str]) -> int:
    """Print the ledger and return 0."""
    wanted = analysis.parse(argv, "credit", Wanted(), _options)
    if wanted.plot and (wanted.json or wanted.csv):
        raise UsageError("--plot draws: --json and --csv do not go with it")
    tracker = Tracker(most=wanted.max_flows, steps=True)
    analysis.run(wanted, tracker, _Credit(wanted, tracker))
    return 0


# --- which connection ---------------------------------------------------------------------------


class _Choice:
    """Finds the connection worth looking at, in a file that can be read twice."""

    def __init__(self, wanted: Wanted) -> None:
        """Open the file: later it may not be readable any more."""
        twice = not wanted.flow and _is_file(wanted)
        self._source = Savefile(wanted.read) if twice else None
        self._chosen = _chosen(wanted, self._source) if self._source else Choices()
        self._wanted = wanted
        self.made = twice

    def flow(self) -> int:
        """Return its number, 0 where there is no telling."""
        if self._source is None:
            return self._wanted.flow
        tracker = Tracker(most=self._wanted.max_flows, events=False)
        following = Following(tracker)
        following.begin(self._source.interfaces, int)
        if self._chosen.guide is not None:
            tracker.number_as(self._chosen.guide)
        with closing(self._source) as source, suppress(ReadError):  # it will be said in its time
            pipeline.run(source, [following], most=self._wanted.limit, choice=self._chosen.choice)
        return _worst(tracker)


def _chosen(wanted: Wanted, source: Savefile) -> Choices:
    if not options.chooses(wanted):
        return Choices()
    from vsockdump import choosing  # noqa: PLC0415 - most runs choose nothing

    return choosing.of_file(wanted.read, wanted, source.interfaces, twice=True)


def _is_file(wanted: Wanted) -> bool:
    try:
        return stat.S_ISREG(os.stat(wanted.read).st_mode) and not wanted.follow  # noqa: PTH116
    except OSError:
        return False  # whoever reads it will say so


def _worst(tracker: Tracker) -> int:
    """Return the connection that stalled for longest, or else carried most."""
    tracker.finish()
    count = tracker.counts.flows
    if count <= 1:
        return next((flow.number for flow in tracker.flows()), 0)
    (worst,) = tracker.top(1, "longest_stall")
    if _stall(worst) < WORTH_A_LOOK:
        (worst,) = tracker.top(1, "bytes")
    say(f"of {count} connections this is {worst.number}, {_why(worst)}; --flow N shows another")
    return worst.number


def _why(worst: Flow) -> str:
    if _stall(worst) >= WORTH_A_LOOK:
        return f"which stalled for longest ({seconds(_stall(worst))})"
    size = worst.fwd.bytes + worst.rev.bytes
    return f"which carried most ({size} bytes)" if size else "and none carried anything"


def _stall(flow: Flow) -> int:
    return max(flow.fwd.longest_stall, flow.rev.longest_stall)


# --- what is printed ----------------------------------------------------------------------------


class _Form(Protocol):
    """Whatever prints the packets and events of one connection."""

    def take(self, found: Packet | Event) -> None:
        """Take what happened next."""

    def pause(self) -> None:
        """Print what is known so far."""

    def end(self) -> None:
        """Print what is left."""


class _Credit:
    """A report that prints what happens to one connection."""

    def __init__(self, wanted: Wanted, tracker: Tracker) -> None:
        self._tracker = tracker
        self._asked = wanted.flow
        self._form: _Form = _form(wanted)
        self._choice = _Choice(wanted)
        self._flow = 0
        self._taken = 0

    def feed(self, batch: Batch) -> None:
        if not self._flow:
            self._flow = self._choice.flow() or self._first()
        for found in steps(batch, self._tracker, self._wants):
            self._taken += isinstance(found, Packet)
            self._form.take(found)
        self._form.pause()
        sys.stdout.flush()

    def _first(self) -> int:
        """Return the first connection, 0 while there is none."""
        return next((flow.number for flow in self._tracker.flows()), 0)

    def _wants(self, flow: int) -> bool:
        return flow == self._flow

    def end(self, quality: Quality) -> None:
        for event in self._tracker.events():
            if event.flow == self._flow:
                self._form.take(event)
        self._form.end()
        if not self._taken:
            say(no_connection(self._asked))
        elif not self._asked and not self._choice.made and quality.flows > 1:
            say(f"of {quality.flows} connections this is the first; --flow N shows another")
        analysis.warn(quality)


def _form(wanted: Wanted) -> _Form:
    if wanted.csv or wanted.json:
        return _Listed(Csv(FIELDS) if wanted.csv else Jsonl(FIELDS))
    return _Drawn(analysis.endpoints(wanted), wanted.plot)


class _Listed:
    """A row a packet."""

    def __init__(self, listing: Listing[Entry]) -> None:
        self._entries = Entries()
        self._listing = listing

    def take(self, found: Packet | Event) -> None:
        self._listing.write(self._entries.take(found))

    def pause(self) -> None:
        self._listing.write(self._entries.flush())

    def end(self) -> None:
        self.pause()
        self._listing.end()


class _Drawn:
    """Lines, and plots below them on a terminal, or instead where these are `alone`."""

    def __init__(self, name: Name, alone: bool) -> None:
        self._painter = Painter()
        self._ledger = Ledger(name, width())
        self._plots = Plots(name)
        self._lines, self._draws = not alone, alone or self._painter.coloured

    def take(self, found: Packet | Event) -> None:
        if self._lines:
            self._painter.put(self._ledger.take(found))
        if self._draws:
            self._plots.take(found)

    def pause(self) -> None:
        pass

    def end(self) -> None:
        self._painter.put(self._plots.lines(width()))
