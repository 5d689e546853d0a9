"""The view of a connection's credit over time."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from vsockdump.browsing.replays import replay
from vsockdump.flowtext import clock
from vsockdump.messages import plural
from vsockdump.steps import since

from .charts import Charts
from .details import credit_line, packet_line
from .flowview import FlowView, Work
from .trace import Trace
from .view import GoTo, Said

MOST = 2_000_000
"""Packets that are plotted: 67 bytes each."""


class Credit(FlowView):
    """Plots the credit of the first connection that is selected."""

    title = "Credit"
    help: ClassVar[Sequence[tuple[str, str]]] = (
        ("j k, arrows", "from packet to packet"),
        ("PgUp PgDn", "by a tenth of what is shown"),
        ("+ -, wheel", "zoom in and out"),
        ("h l", "earlier and later"),
        ("0", "all of it"),
        ("v", "one direction, the other, both"),
        ("enter", "to the packet"),
    )
    DEFAULT_CSS = """
    Credit > .readout { text-wrap: nowrap; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        """Show no connection."""
        super().__init__(id=id)
        self._trace = self._making = Trace()

    def compose(self) -> ComposeResult:
        """Have plots, what the cursor is on, and a text for when there is nothing to plot."""
        yield Static(classes="state", markup=False)
        yield Charts(self.looking.word)
        yield Static(classes="readout", markup=False)

    @property
    def charts(self) -> Charts:
        """The plots."""
        return self.query_one(Charts)

    @property
    def state(self) -> str:
        """What is said in place of plots; empty where there are some."""
        if not self.numbers:
            return "No connection is selected: in Flows (1) enter shows its ladder, e its credit"
        number = self.numbers[0]
        if self.error:
            return self.error
        if self._trace.count and (self.busy or any(way.total for way in self._trace.ways)):
            return ""
        if self.busy:
            return f"reading connection {number} ..."
        flow = self.opened.flow(number)
        why = f": {flow.reason}" if flow else ""
        return f"connection {number} carried no data{why}"

    # --- reading ----------------------------------------------------------------------------------

    def wanted(self) -> list[int]:
        """Return the one that is plotted."""
        return self.looking.selected_flows[:1]

    def prepare(self, afresh: bool) -> Work:
        """Read into another trace, which is seen at once if there is none yet."""
        trace = self._making = Trace()
        if afresh:
            self._trace = trace
            self.charts.show(trace)
        opened, (number,) = self.opened, self.numbers

        def read(going: Callable[[], bool]) -> None:
            for found in replay(opened, number, most=MOST):
                if not going():
                    return
                trace.take(found)

        return read

    def arrived(self, afresh: bool) -> None:
        """Plot what was read."""
        self._trace = self._making if self.numbers else Trace()
        self.charts.grown(self._trace)

    def aim(self, number: int) -> None:
        """Put the cursor on a packet, or the last that is plotted."""
        self.charts.go(self._trace.place(number))

    def proceed(self) -> None:
        """Plot what has been read of a connection that was not there before."""
        if self.charts.trace is self._trace:
            self.charts.renew()

    # --- what is shown ----------------------------------------------------------------------------

    def on_charts_moved(self) -> None:
        """Say what is true at the cursor, or why there is nothing to plot."""
        lines, readout = self.readout(), self.query_one(".readout", Static)
        readout.styles.height = len(lines)
        readout.update(Content("\n".join(lines)), layout=False)
        self.cover(self.state, self.charts, readout)

    def readout(self) -> list[str]:
        """Return what is known of the packet at the cursor: a line, and one for each direction."""
        charts = self.charts
        trace = charts.trace
        if not trace.count:
            return []
        moment = trace[min(charts.cursor, trace.count - 1)]
        lines = [credit_line(side, moment.ways[side]) for side in charts.sides]
        parts = [since(moment.time - trace.start), packet_line(moment), clock(moment.time)]
        return ["  ".join([*parts, *self._extent()]), *lines]

    def _extent(self) -> list[str]:
        trace, zoom = self.charts.trace, self.charts.zoom
        if self.busy:
            return [f"reading: {trace.count} of {plural(self.packets(), 'packet')}"]
        said = [f"{since(zoom.begin)} to {since(zoom.end)}"] if zoom else []
        others = len(self.looking.selected_flows) - 1
        said += [f"the first of {others + 1} connections"] if others > 0 else []
        left = max(self.packets() - trace.count, 0) if trace.count >= MOST else 0
        return said + ([f"{plural(left, 'more packet')} not plotted"] if left else [])

    def on_charts_chosen(self, message: Charts.Chosen) -> None:
        """Go to the packet."""
        self.post_message(GoTo(message.number))

    def action_copy(self) -> None:
        """Copy what is true at the cursor."""
        self.app.copy_to_clipboard("\n".join(self.readout()))
        self.post_message(Said("copied the credit at the cursor"))
