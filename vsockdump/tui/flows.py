"""The view of connections: a line each, with what it carries and how near it is to a stall."""

from array import array
from collections.abc import Sequence
from functools import partial
from time import monotonic_ns
from typing import ClassVar

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from vsockdump.browsing.opened import Reading
from vsockdump.flowcolumns import Record
from vsockdump.flows import Flow
from vsockdump.flowtext import Cells

from . import flowline
from .flowcells import Shown
from .flowline import Widths
from .flowlist import Among, Listed, Order, listed
from .nothing import nothing
from .rows import Line, Rows
from .slowly import Slowly
from .view import OpenFlow, Said, View

Rates = tuple[Sequence[int], Sequence[int]]

_EVERY = 0.5  # seconds between two looks at stalls that go on
_SPAN = 60_000_000_000  # ns of a capture that goes on over which rates are drawn
_BUCKETS = 240  # a multiple of how wide sparklines are
_LAST = (1 << 63) - 1  # ns since 1970: there is no later time
_GUTTER = 2  # cells in front of a line: whether it is selected, and whether problems were found


class Flows(View):
    """Lists connections; only those in sight are ever asked for."""

    title = "Flows"
    help = (
        ("enter", "the ladder of the connection, or of those that are selected"),
        ("space", "select: ●"),
        ("e f o", "its credit, what it carried, its packets"),
        ("s S", "sort by something else, the other way round"),
        ("c", "copy the line"),
        ("!", "problems were found: n goes from one to the next, 6 explains them"),
        ("SF S1 OTH", "closed as it should be; open; its beginning was not captured"),
        ("S0 REJ", "not answered, or too late; refused"),
        ("RSTO RSTR", "reset by who opened it, by the other end"),
        ("STALLED", "could not send for a second or more"),
        ("OVERRUN GAP", "more was sent than there was room for; bytes were not captured"),
        ("→ ←, free", "the side with less credit left: of its window so much is free"),
        ("→min ←min", "it is closed: the least that was ever free"),
    )
    DEFAULT_CSS = """
    Flows > Static { display: none; height: 1fr; padding: 1 2; }
    Flows.-empty > Static { display: block; }
    Flows.-empty > Rows { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "open('credit')", "credit"),
        Binding("f", "open('follow')", "follow"),
        Binding("o", "open('packets')", "packets"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        """Show nothing yet."""
        super().__init__(id=id)
        self.rows: Rows = _List(
            self._draw, lambda: len(self.listed.numbers), self._head, self._number
        )
        """The list."""
        self.listed = Listed()
        self.order = Order()
        self._widths = Widths()
        self._lines: dict[int, Shown | None] = {}
        self._rates: dict[int, Rates] = {}
        self._among = Among(self.opened)
        self._listing = Slowly(self, self._show)
        self._rating = Slowly(self, self._rate)
        self._count, self._came = -1, 0  # packets, and when the last of them was seen

    def compose(self) -> ComposeResult:
        """Make the list, and what stands in its place."""
        yield Static(markup=False)
        yield self.rows

    def on_mount(self) -> None:
        """Look again from time to time: stalls grow although nothing comes."""
        self.set_interval(_EVERY, self._tick)
        self.call_after_refresh(self.refresh_view)

    def on_resize(self) -> None:
        """Ask for what has come in sight."""
        self.call_after_refresh(self.refresh_view)

    @property
    def selected(self) -> list[int]:
        """The connections that were selected, or the one that the cursor is on."""
        if self.rows.marked:
            return sorted(self.rows.marked)
        return [self._number(self.rows.cursor)] if self.listed.numbers else []

    # --- what is new ----------------------------------------------------------------------------

    def refresh_view(self) -> None:
        """Show what the lines in sight say now, and soon which lines there are."""
        self._take()
        self._look()

    def show_flows(self) -> None:
        """Go to the connection that was selected elsewhere."""
        numbers = self.looking.selected_flows
        if numbers and numbers[0] in self.listed.numbers:
            self.rows.show_row(self.listed.numbers.index(numbers[0]))

    def _tick(self) -> None:
        live = self.opened.state is Reading.FOLLOWING and not self.looking.paused
        if self.is_on_screen and live:
            self._take()
            self._ask_rates()

    def _look(self, *, now: bool = False) -> None:
        """Have a thread find out which connections there are, in their order."""
        self._listing.ask(partial(self._list, self.order, self.looking.matching), now=now)

    def _list(self, order: Order, matching: "array[int] | None") -> Listed:
        return listed(self.opened, order, self._among.of(matching))

    def _ask_rates(self) -> None:
        """Have a thread find out what those in sight carried over time."""
        self._rating.ask(partial(self._rates_of, self._in_sight(), self._waited()))

    def _rates_of(self, numbers: Sequence[int], waited: int) -> dict[int, Rates]:
        counts = self.opened.counts
        begin, end = counts.first or 0, min((counts.last or 0) + waited, _LAST)
        if self.opened.state is Reading.FOLLOWING:
            begin = max(end - _SPAN, begin)
        rates = self.opened.index.rates(numbers, begin, end, _BUCKETS)
        return dict(zip(numbers, rates, strict=True))

    def _rate(self, rates: dict[int, Rates]) -> None:
        self._rates = rates
        self._take()

    def _waited(self) -> int:
        """Return how long nothing has come, in nanoseconds, where more is still waited for."""
        if self._count != self.opened.count:
            self._count, self._came = self.opened.count, monotonic_ns()
        return monotonic_ns() - self._came if self.opened.state is Reading.FOLLOWING else 0

    def _show(self, found: Listed) -> None:
        """Show these connections, the cursor where it was as long as that can be seen."""
        rows, before = self.rows, self.listed
        number = self._number(rows.cursor) if before.numbers else 0
        self.listed = found
        if bool(found.numbers) is self.has_class("-empty"):
            self.set_class(not found.numbers, "-empty")
            self.call_after_refresh(self.refresh_view)  # once it is known how many fit
        if not found.numbers:
            self.query_one(Static).update(nothing(self.opened, found.chosen, "connection"))
        if found != before:
            rows.refresh_rows()
        if before.order != found.order:
            rows.cursor = 0
        elif number and number in found.numbers:
            row, top = found.numbers.index(number), rows.scroll_offset.y
            rows.cursor = row if top <= row < top + rows.size.height else rows.cursor
        self._take()
        self._ask_rates()

    def _take(self) -> None:
        """Ask for the connections in sight, and draw those anew of which more is known."""
        before, self._lines = self._lines, {}
        self._ask(self._in_sight())
        if self._lines != before:
            self.rows.refresh_rows()

    def _ask(self, numbers: Sequence[int]) -> None:
        """Ask for connections, all at once: whoever reads may make us wait."""
        waited = self._waited()
        found = {flow.number: self._line(flow, waited) for flow in self.opened.flows(numbers)}
        self._lines.update((number, found.get(number)) for number in numbers)
        self._widths.see(found.values())

    def _in_sight(self) -> list[int]:
        top, height = self.rows.scroll_offset.y, self.rows.size.height
        return list(self.listed.numbers[top : top + max(height, 1)])[:256]

    def _line(self, flow: Flow, waited: int) -> Shown:
        record = Record(flow, *self.opened.processes(flow))
        rates = self._rates.get(flow.number, ((), ()))
        return Shown(record, Cells(self.looking.word)(record), rates, waited)

    # --- drawing --------------------------------------------------------------------------------

    def _number(self, row: int) -> int:
        return self.listed.numbers[row]

    def _head(self, width: int) -> list[Line]:
        marked = len(self.rows.marked)
        selected = f", {marked} selected" if marked else ""
        title = Segment(f" {self.listed}{selected}", self.rows.ink("dim"))
        return [[title], [Segment("  " + flowline.head(self._widths.within(width - _GUTTER)))]]

    def _draw(self, row: int, width: int) -> Line:
        number = self._number(row)
        mark = "●" if number in self.rows.marked else " "
        shown = self._shown(number)
        if shown is None:
            return [Segment(f"{mark} {number} was forgotten to make room (--max-flows)")]
        sign = ("!" if shown.record.flow.problems else " "), "problem"
        cells = [sign, *flowline.line(shown, self._widths.within(width - _GUTTER))]
        inks = {ink: self.rows.ink(ink) if ink else None for ink in {ink for _, ink in cells}}
        return [Segment(mark), *(Segment(text, inks[ink]) for text, ink in cells)]

    def _shown(self, number: int) -> Shown | None:
        """Return what is known of a connection, None for one that was forgotten."""
        if number not in self._lines:  # it has come in sight since
            self._ask([each for each in self._in_sight() if each not in self._lines])
            self._ask_rates()
        if number not in self._lines:
            self._ask([number])
        return self._lines[number]

    # --- keys -----------------------------------------------------------------------------------

    def action_sort(self, reverse: bool) -> None:
        """Sort by the next thing there is, or the other way round."""
        self.order = self.order.turned() if reverse else self.order.next()
        self._look(now=True)

    def action_open(self, view: str) -> None:
        """Show what is selected in another view."""
        if self.selected:
            self.post_message(OpenFlow(self.selected, view))

    @on(Rows.RowSelected)
    def _chosen(self, event: Rows.RowSelected) -> None:
        event.stop()
        self.action_open("ladder")

    def action_copy(self) -> None:
        """Copy the line of the connection the cursor is on."""
        shown = self._lines.get(self._number(self.rows.cursor)) if self.listed.numbers else None
        if shown is not None:
            self.app.copy_to_clipboard("  ".join(shown.words))
            self.post_message(Said(f"copied the line of connection {shown.words[0]}"))


class _List(Rows):
    """Says above itself how many are marked."""

    def action_mark(self) -> None:
        """Mark the cursor's row, or no longer."""
        super().action_mark()
        self.redraw()
