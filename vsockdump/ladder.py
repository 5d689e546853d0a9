"""`vsockdump ladder`: a sequence diagram, as text or as SVG."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from vsockdump import analysis, ladder_svg, ladder_text, privileges
from vsockdump.arguments import Group, positive
from vsockdump.columns import iso
from vsockdump.engine.batch import Batch
from vsockdump.engine.track import Tracker
from vsockdump.errors import UsageError
from vsockdump.events import Name
from vsockdump.ladder_rows import fields
from vsockdump.listing import Csv, Jsonl
from vsockdump.messages import plural, say
from vsockdump.paint import Line, Painter, width
from vsockdump.quality import Quality
from vsockdump.rungs import Rungs
from vsockdump.steps import Packet, no_connection, steps
from vsockdump.writers.output import Output

ROWS = 1000
"""Rows that are drawn if nothing else is said: more than anybody reads."""

_ENDS_LISTED = 1000  # columns, where they cost no room

Draw = Callable[[Rungs, str], None]
"""Draws the rows, and what it is to say of what is left out."""


class Wanted(analysis.Wanted):
    """What was asked of `ladder`."""

    flow = 0
    svg = ""
    all = False
    rows = ROWS


def _options(group: Group) -> None:
    group.number("--flow", "flow", "N", "only connection N, as 'flows' numbers them", positive)
    group.value("--svg", "svg", "FILE", "draw into FILE instead, as SVG; - is stdout")
    group.flag("--all", "all", "draw every packet; else several of a kind in a row are one")
    group.number("--rows", "rows", "N", f"draw so many rows, default {ROWS}", positive)


def main(argv: Sequence[str]) -> int:
    """Draw connections and return 0."""
    wanted = analysis.parse(argv, "ladder", Wanted(), _options)
    if wanted.svg and (wanted.json or wanted.csv):
        raise UsageError("--svg draws: --json and --csv do not go with it")
    tracker = Tracker(most=wanted.max_flows, steps=True)
    with _form(wanted) as (draw, ends):
        rungs = Rungs(ends=ends, rows=wanted.rows or ROWS, whole=wanted.all)
        analysis.run(wanted, tracker, _Ladder(wanted.flow, tracker, rungs, draw))
    return 0


class _Ladder:
    """A report that gathers the rows, and draws them at the end."""

    def __init__(self, flow: int, tracker: Tracker, rungs: Rungs, draw: Draw) -> None:
        self._flow, self._tracker, self._rungs, self._draw = flow, tracker, rungs, draw

    def feed(self, batch: Batch) -> None:
        if self._rungs.full:
            self._tracker.events()  # which would be kept for us
            return
        for found in steps(batch, self._tracker, self._wants):
            if isinstance(found, Packet):
                self._rungs.add(found)
            else:
                self._rungs.note(found)

    def _wants(self, flow: int) -> bool:
        return self._flow in (0, flow) and self._rungs.wants(flow)

    def end(self, quality: Quality) -> None:
        for event in self._tracker.events():
            self._rungs.note(event)
        missing = left_out(self._rungs, self._tracker, self._flow)
        self._draw(self._rungs, missing)
        if missing:
            say(missing)
        analysis.warn(quality)


def left_out(rungs: Rungs, tracker: Tracker, number: int) -> str:
    """Say what of a capture, or its connection `number`, is not drawn; nothing where all is."""
    flow = tracker.flow(number)
    if not rungs.packets:
        return no_connection(number)
    packets = flow.fwd.packets + flow.rev.packets if flow else tracker.counts.followed
    if packets <= rungs.packets:
        return ""
    more = f"{plural(packets - rungs.packets, 'more packet')} not drawn"
    if rungs.full:
        return f"{more}: no room for another row; --rows N draws more, --flow N one connection"
    flows = plural(tracker.counts.flows - rungs.flows, "connection")
    return f"{more}: {flows} found no room; --flow N draws one"


@contextmanager
def _form(wanted: Wanted) -> Iterator[tuple[Draw, int]]:
    """Give what draws, and how many columns it has room for."""
    name = analysis.endpoints(wanted)
    if wanted.svg:
        with _opened(wanted) as output:
            yield _svg(output, name), ladder_svg.ENDS
    elif wanted.json or wanted.csv:
        yield _listed(wanted, name), _ENDS_LISTED
    else:
        yield _text(name), ladder_text.room(width())


def _text(name: Name) -> Draw:
    painter, across = Painter(), width()

    def draw(rungs: Rungs, missing: str) -> None:
        if rungs.packets:
            diagram = ladder_text.Diagram(rungs.ends, name, across, rungs.start)
            painter.put([Line(title(rungs))])
            painter.put(diagram.lines(rungs.rows))

    return draw


def _svg(output: Output, name: Name) -> Draw:
    def draw(rungs: Rungs, missing: str) -> None:
        text = ladder_svg.draw(rungs.ends, rungs.rows, name, title(rungs), missing)
        output.write(text.encode())

    return draw


def _listed(wanted: Wanted, name: Name) -> Draw:
    def draw(rungs: Rungs, missing: str) -> None:
        made = fields(rungs.ends, name)
        listing = Csv(made) if wanted.csv else Jsonl(made)
        listing.write(rungs.rows)
        listing.end()

    return draw


def title(rungs: Rungs) -> str:
    """Say what a diagram is of."""
    begun = f" from {iso(rungs.start)}" if rungs.packets else ""
    return f"{plural(rungs.packets, 'packet')}{begun}"


@contextmanager
def _opened(wanted: Wanted) -> Iterator[Output]:
    """Open the file while we may, for whom we are going to be; no empty one is left behind."""
    with contextlib.suppress(OSError):
        if os.path.samefile(wanted.read, wanted.svg):  # noqa: PTH121 - no pathlib here
            raise UsageError(f"--svg {wanted.svg}: this is the file that is read")
    output = Output(wanted.svg)
    try:
        if output.created:
            privileges.own(output.fd, privileges.target(wanted.user or None))
        yield output
    finally:
        output.close()
        if output.created and not output.size:
            with contextlib.suppress(OSError):
                os.unlink(wanted.svg)  # noqa: PTH108
