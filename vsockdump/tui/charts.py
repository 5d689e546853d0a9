"""A connection's credit over time as plots below each other, with a cursor, zoom and pan."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from vsockdump.events import Name
from vsockdump.messages import printable

from .plot import KINDS, Plot, Span, picture
from .trace import Trace
from .traceplots import heights, plots

_ACROSS = 10  # columns that are drawn at the least


class Charts(Widget, can_focus=True):
    """Draws a Trace; the cursor is a packet of it."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Charts {
        height: 1fr;
        & > .charts--axis { color: $text-muted; }
        & > .charts--title { text-style: bold; }
        & > .charts--area { color: $text-primary; }
        & > .charts--full { color: $text-error; }
        & > .charts--line { color: $text-warning; }
        & > .charts--stall { color: $text-error; }
        & > .charts--cursor { background: $primary-muted; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"charts--{kind}" for kind in (*KINDS, "cursor")}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down,right", "move(1)", "the next packet", show=False),
        Binding("k,up,left", "move(-1)", "the packet before", show=False),
        Binding("pagedown,ctrl+f", "leap(1)", "further", show=False),
        Binding("pageup,ctrl+b", "leap(-1)", "back", show=False),
        Binding("home,g", "move(-1000000000)", "the first packet", show=False),
        Binding("end,G", "move(1000000000)", "the last packet", show=False),
        Binding("plus,equals_sign", "scale(0.5)", "zoom in", show=False),
        Binding("minus", "scale(2)", "zoom out", show=False),
        Binding("0", "whole", "all of it", show=False),
        Binding("h,shift+left", "pan(-1)", "earlier", show=False),
        Binding("l,shift+right", "pan(1)", "later", show=False),
        Binding("v,tab", "turn", "the other direction", show=False),
        Binding("enter", "choose", "to the packet", show=False),
    ]

    class Moved(Message):
        """The cursor is at another packet, or more was read."""

    class Chosen(Message):
        """The packet at the cursor was chosen."""

        def __init__(self, number: int) -> None:
            """Say which, by its number in the capture."""
            super().__init__()
            self.number = number

    def __init__(self, name: Name) -> None:
        """Draw nothing yet; `name` words the ends."""
        super().__init__()
        self.trace = Trace()
        self.cursor = 0
        self.zoom: Span | None = None
        """What is shown, ns since the first packet; None: all, also as it grows."""
        self.side: int | None = None
        """The direction that was asked for; None: both, or the one that carried more."""
        self._word = name
        self._lines: list[Strip] = []
        self._plotted: set[int] = set()
        self._columns = (0, _ACROSS)  # where the time begins in a line, and how wide it is

    def show(self, trace: Trace) -> None:
        """Draw another connection, from its beginning."""
        self.trace, self.cursor, self.zoom, self.side = trace, 0, None, None
        self.renew()

    def grown(self, trace: Trace) -> None:
        """Draw the same connection with more packets; who was at the last one stays there."""
        last = 0 < self.cursor == self.trace.count - 1
        self.trace = trace
        self.renew()
        if last:
            self.go(trace.count - 1)

    def renew(self) -> None:
        """Draw anew."""
        self._lines = []
        self.refresh()
        self.post_message(self.Moved())

    # --- what is shown ----------------------------------------------------------------------------

    @property
    def whole(self) -> Span:
        """All there is, ns since the first packet."""
        return Span(0, self.trace.span)

    @property
    def span(self) -> Span:
        """What is shown of it."""
        return self.zoom or self.whole

    @property
    def sides(self) -> tuple[int, ...]:
        """The directions that are shown."""
        if self.side is not None:
            return (self.side,)
        sent = [way.total for way in self.trace.ways]
        if all(sent) and heights(self.size.height, 2)[2:]:
            return (0, 1)
        return (1,) if sent[1] > sent[0] else (0,)

    def title(self, side: int) -> str:
        """Say of a direction who sends to whom."""
        ends = [printable(self._word(*end)) for end in self.trace.ends or ()]
        return " → ".join(ends[:: -1 if side else 1])

    # --- drawing ----------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Draw for another size."""
        self.renew()

    def notify_style_update(self) -> None:
        """Forget what is drawn in the colours of another theme."""
        super().notify_style_update()
        self._lines = []

    def render_line(self, y: int) -> Strip:
        """Return a line of the screen."""
        if not self._lines and self.trace.count:
            self._draw()
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[y].crop_extend(0, width, self.rich_style)
        if y == len(self._lines) - 2:
            return self._crossed(line, "▲")  # in black and white that is the cursor
        return self._crossed(line) if y in self._plotted else line

    def _draw(self) -> None:
        sides, height = self.sides, self.size.height
        each = heights(height, len(sides))
        across = self._columns[1]
        for _ in range(3):  # labels take as much as they need, which is seen when they are drawn
            made = picture(self._plots(sides, each, across), each * len(sides), self.span, across)
            across = max(self.size.width - made.left, _ACROSS)
            if made.across == across:
                break
        self._columns, self._plotted = (made.left, made.across), made.plotted
        self._lines = [Strip(self._ink(text, kind) for text, kind in one) for one in made.lines]

    def _plots(self, sides: Sequence[int], each: Sequence[int], across: int) -> list[Plot]:
        start = self.trace.start
        span = Span(self.span.begin + start, self.span.end + start)
        found: list[Plot] = []
        for side in sides:
            found += plots(self.trace, side, self.title(side), span, across)[: len(each)]
        return found

    def _ink(self, text: str, kind: str) -> Segment:
        return Segment(text, self._style(kind) if kind else self.rich_style)

    def _style(self, kind: str) -> Style:
        return self.rich_style + self.get_component_rich_style(f"charts--{kind}", partial=True)

    def _crossed(self, line: Strip, mark: str = "") -> Strip:
        """Draw the cursor over a line: `mark`, or what is there."""
        at = self.column
        if at is None:
            return line
        left, cell, right = line.divide([at, at + 1, line.cell_length])
        (segment,) = cell
        text = mark or (segment.text if segment.text.strip() else "│")
        over = self.get_component_rich_style("charts--cursor", partial=True)
        crossed = Segment(text, (segment.style or self.rich_style) + over)
        return Strip.join([left, Strip([crossed]), right])

    @property
    def column(self) -> int | None:
        """The column of the screen in which the cursor is, None where it is not in sight."""
        left, across = self._columns
        at = self.span.column(self._time, across)
        seen = self.trace.count and 0 <= at < min(across, self.size.width - left)
        return left + at if seen else None

    @property
    def _time(self) -> int:
        """When the packet at the cursor was, ns since the first."""
        return self.trace[self.cursor].time - self.trace.start if self.trace.count else 0

    # --- keys and mouse ---------------------------------------------------------------------------

    def go(self, at: int) -> None:
        """Put the cursor on packet `at` of the trace, in sight."""
        self.cursor = max(min(at, self.trace.count - 1), 0)
        if self.zoom and not self.zoom.begin <= self._time <= self.zoom.end:
            middle = (self.zoom.begin + self.zoom.end) // 2
            self._show(self.zoom.moved(self._time - middle, self.whole))
        self.refresh()
        self.post_message(self.Moved())

    def _show(self, span: Span) -> None:
        self.zoom = span if span != self.whole else None
        self.renew()

    def action_move(self, by: int) -> None:
        """Move by so many packets."""
        self.go(self.cursor + by)

    def action_leap(self, by: int) -> None:
        """Move by a tenth of what is shown, and by a packet at the least."""
        time = self._time + self.trace.start + by * self.span.length // 10
        self.go(self.trace.nearest(time) if self.trace.count else 0)

    def action_scale(self, by: float) -> None:
        """Show less or more time, around the cursor, or around the middle without it."""
        span = self.span
        at = (span.begin + span.end) // 2 if self.column is None else self._time
        self._show(span.zoomed(at, by, self.whole))

    def action_whole(self) -> None:
        """Show everything."""
        self._show(self.whole)

    def action_pan(self, by: int) -> None:
        """Show what is before or after, by a quarter of what is shown."""
        self._show(self.span.moved(by * self.span.length // 4, self.whole))

    def action_turn(self) -> None:
        """Show one direction, the other, and all there is room for again."""
        shown, order = self.sides, {None: 0, 0: 1, 1: None}
        for _ in order:
            self.side = order[self.side]
            if self.sides != shown:
                break
        self.renew()

    def action_choose(self) -> None:
        """Say that the packet at the cursor is wanted."""
        if self.trace.count:
            self.post_message(self.Chosen(self.trace[self.cursor].number))

    def _pointed(self, event: events.MouseEvent) -> int:
        """Return the time that the mouse points at, ns since the first packet."""
        left, across = self._columns
        return self.span.time(max(min(event.x - left, across - 1), 0), across)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the packet that is nearest."""
        if self.trace.count:
            self.go(self.trace.nearest(self._pointed(event) + self.trace.start))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in, around the mouse."""
        event.stop()
        self._show(self.span.zoomed(self._pointed(event), 0.5, self.whole))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out, around the mouse."""
        event.stop()
        self._show(self.span.zoomed(self._pointed(event), 2, self.whole))
