"""A list of any number of rows, of which only those on the screen are ever drawn."""

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

Line = Iterable[Segment]
"""One drawn line; a Strip is one, too. Nothing in it is markup."""

_KEPT = 512
"""Rows that stay drawn: a few screens of them."""

_STEP = 8
"""Cells that h and l move by."""


class Rows(ScrollView, can_focus=True):
    """Shows `count()` rows, each drawn by `draw(row, width)` below the lines of `head(width)`.

    Lines may be wider than the widget: h and l show the rest. `key(row)` is what `marked` knows a
    row by (its number, if nothing is given). Nothing is asked of rows that are not in sight. What
    is drawn stays drawn until `refresh_rows()`.
    """

    ALLOW_SELECT = False  # the mouse chooses rows, not text
    DEFAULT_CSS = """
    Rows {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & > .rows--head { text-style: bold; color: $text-accent; }
        & > .rows--cursor {
            background: $block-cursor-blurred-background;
            color: $block-cursor-blurred-foreground;
        }
        &:focus > .rows--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: $block-cursor-text-style;
        }
        &:nocolor > .rows--cursor { text-style: reverse; }
        & > .rows--marked { text-style: bold; }
        & > .rows--dim { text-style: dim; }
        & > .rows--accent { color: $text-accent; }
        & > .rows--good { color: $text-success; }
        & > .rows--note { color: $text-secondary; }
        & > .rows--warn { color: $text-warning; }
        & > .rows--problem { color: $text-error; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("rows--head", "rows--cursor", "rows--marked", "rows--dim", "rows--accent"),
        *("rows--good", "rows--note", "rows--warn", "rows--problem"),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "down", show=False),
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "a page down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "a page up", show=False),
        Binding("home", "first", "the first", show=False),
        Binding("end,G", "last", "the last", show=False),
        Binding("g", "first_after_two", "g g: the first", show=False),
        Binding("right,l", "shift(1)", "to the right", show=False),
        Binding("left,h", "shift(-1)", "to the left", show=False),
        Binding("enter", "choose", "open", show=False),
        Binding("space", "mark", "mark", show=False),
        Binding("F", "follow", "follow the tail", show=False),
    ]

    over_row: ClassVar[bool] = True
    """Whether the cursor is drawn over its row."""

    cursor: reactive[int] = reactive(0, repaint=False, init=False)
    """The row that keys are about, 0 also where there is none."""
    follow: reactive[bool] = reactive(False, repaint=False, init=False)
    """Whether the cursor stays at the last row as more are added."""
    left: reactive[int] = reactive(0)
    """Cells that are out of sight on the left."""

    class RowMessage(Message):
        """Something about one row of a list."""

        def __init__(self, rows: "Rows", row: int) -> None:
            """Say which."""
            super().__init__()
            self.rows = rows
            self.row = row

        @property
        def control(self) -> "Rows":
            """The list."""
            return self.rows

    class RowHighlighted(RowMessage):
        """The cursor came to another row, or rows have come where there was none."""

    class RowSelected(RowMessage):
        """Enter was pressed on a row, or the cursor's row was clicked."""

    def __init__(  # noqa: PLR0913 - a widget has three besides
        self,
        draw: Callable[[int, int], Line],
        count: Callable[[], int],
        head: Callable[[int], Sequence[Line]] = lambda width: (),
        key: Callable[[int], int] = lambda row: row,
        *,
        id: str | None = None,  # noqa: A002 - textual's name
        classes: str | None = None,
    ) -> None:
        """Take what says how many rows there are, and what draws them."""
        super().__init__(id=id, classes=classes)
        self.marked: set[int] = set()
        self.count = 0
        """Rows at the last `refresh_rows()`."""
        self._draw, self._ask, self._head, self._key = draw, count, head, key
        self._drawn: LRUCache[tuple[int, int], Strip] = LRUCache(_KEPT)
        self._heads: list[Strip] = []
        self._widest = 0
        self._g = False

    # --- what others say ------------------------------------------------------------------------

    def ink(self, kind: str) -> Style:
        """Return the style of a kind of text: a component class "rows--KIND" of the theme."""
        return self.get_component_rich_style(f"rows--{kind}", partial=True)

    def refresh_rows(self, added: bool = False) -> None:
        """Draw anew what changed; with `added`, rows were only added since the last time."""
        before, self.count = self.count, self._ask()
        if not added:
            self.redraw()
        if added or self.count < before:  # rows that are gone leave their lines behind
            self.refresh()
        self._set_size(Size(self._width, self.count + len(self._heads)))
        was, self.cursor = self.cursor, self.count - 1 if self.follow else self.cursor
        if self.count and not before and self.cursor == was:
            self.post_message(self.RowHighlighted(self, was))

    def _set_size(self, size: Size) -> None:
        """Fit the scrollbar: how many rows there are is no reason to lay out the screen anew."""
        if size != self.virtual_size:
            self.set_reactive(Rows.virtual_size, size)
            self._scroll_update(size)

    def redraw(self) -> None:
        """Draw all lines anew, of which those that are not as before come to the screen."""
        seen = self.is_on_screen
        before = self._in_sight(self._drawn.get) if seen else []
        self._drawn.clear()
        self._widest = 0
        if self._width or not self._heads:  # out of sight it has none
            self._heads = [Strip(line) for line in self._head(self._width)]
        if not seen:
            self.refresh()
            return
        lines = zip_longest(before, self._in_sight(self._known))
        for y, (old, new) in enumerate(lines, self.scroll_offset.y):
            if old is None or old != new:
                self.refresh_line(y)

    def _in_sight(self, row: Callable[[tuple[int, int]], Strip | None]) -> list[Strip | None]:
        """Return the lines on the screen, those of the head and then what `row` has of each."""
        top, width = self.scroll_offset.y, self._width
        rows = range(top, min(top + self._height, self.count))
        return [*self._heads, *(row((each, width)) for each in rows)]

    def _known(self, key: tuple[int, int]) -> Strip:
        return self._row(*key)

    def show_row(self, row: int) -> None:
        """Put the cursor on a row, in the middle if it was not in sight."""
        self.follow = False
        if not 0 <= row - self.scroll_offset.y < self._height:
            self.scroll_to(y=max(row - self._height // 2, 0), animate=False)
        self.cursor = row

    # --- drawing --------------------------------------------------------------------------------

    @property
    def _plain(self) -> Style:
        """The style of the widget; its own `rich_style` is made anew for each line."""
        return self.visual_style.rich_style

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _height(self) -> int:
        """Rows that fit below the head, one at the least."""
        return max(self.scrollable_content_region.height - len(self._heads), 1)

    def render_line(self, y: int) -> Strip:
        """Return a line of the screen."""
        width, row = self._width, self.scroll_offset.y + y - len(self._heads)
        if y < len(self._heads):
            return self._shown(self._heads[y], width).apply_style(self._ground("head"))
        if row >= self.count:
            return Strip.blank(width, self._plain)
        strip = self._shown(self._row(row, width), width)
        if row == self.cursor and self.over_row:
            over = self.get_component_rich_style("rows--cursor")
            return Strip(Segment.apply_style(strip, self._plain, over), width)
        marked = self._key(row) in self.marked if self.marked else False
        return strip.apply_style(self._ground("marked") if marked else self._plain)

    def _ground(self, kind: str) -> Style:
        return self._plain + self.ink(kind)

    def _shown(self, strip: Strip, width: int) -> Strip:
        return strip.crop_extend(self.left, self.left + width, None)

    def _row(self, row: int, width: int) -> Strip:
        if (strip := self._drawn.get((row, width))) is None:
            strip = self._drawn[row, width] = Strip(self._draw(row, width))
            self._widest = max(self._widest, strip.cell_length)
        return strip

    def notify_style_update(self) -> None:
        """Forget what is drawn in the colours of another theme."""
        super().notify_style_update()
        self._drawn.clear()

    def on_resize(self) -> None:
        """Draw for another width."""
        self.rearrange()

    def rearrange(self) -> None:
        """Draw for the width there is now, the cursor still in sight."""
        self.refresh_rows()
        self._into_sight(self.cursor)

    # --- the cursor -----------------------------------------------------------------------------

    def validate_cursor(self, row: int) -> int:
        """Stay within the rows."""
        return max(min(row, self.count - 1), 0)

    def watch_cursor(self, old: int, new: int) -> None:
        """Show where the cursor is, and say so."""
        for row in (old, new):
            self.refresh_line(row + len(self._heads))
        self._into_sight(new)
        self.post_message(self.RowHighlighted(self, new))

    def watch_follow(self) -> None:
        """Go to the end at once."""
        self.refresh_rows(added=True)

    def _into_sight(self, row: int) -> None:
        """Scroll no more than needed."""
        top, height = self.scroll_offset.y, self._height
        if not top <= row < top + height:
            self.scroll_to(y=row if row < top else row - height + 1, animate=False)

    def _go(self, row: int) -> None:
        """Move as a key asks for: whoever leaves the end no longer follows it."""
        self.cursor, self._g = row, False
        self.follow = self.follow and self.cursor >= self.count - 1

    # --- keys and mouse -------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """Move the cursor by so many rows."""
        self._go(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by so many screens."""
        self._go(self.cursor + by * self._height)

    def action_first(self) -> None:
        """Move to the first row."""
        self._go(0)

    def action_last(self) -> None:
        """Move to the last row."""
        self._go(self.count - 1)

    def action_first_after_two(self) -> None:
        """Move to the first row when g was pressed twice."""
        again, self._g = self._g, True
        if again:
            self._go(0)

    def action_shift(self, by: int) -> None:
        """Show what is further to the side."""
        self.left = max(min(self.left + by * _STEP, self._widest - self._width), 0)

    def action_choose(self) -> None:
        """Say that the cursor's row was chosen."""
        if self.count:
            self.post_message(self.RowSelected(self, self.cursor))

    def action_mark(self) -> None:
        """Mark the cursor's row, or no longer, and go on to the next."""
        if self.count:
            self.marked ^= {self._key(self.cursor)}
            self._drawn.clear()  # who draws may show it
            self.refresh_line(self.cursor + len(self._heads))
            self.action_move(1)

    def action_follow(self) -> None:
        """Follow the tail, or no longer."""
        self.follow = not self.follow

    def on_click(self, event: events.Click) -> None:
        """Find out which row it was."""
        offset = event.get_content_offset(self)
        if offset is not None and offset.y >= len(self._heads):
            row = self.scroll_offset.y + offset.y - len(self._heads)
            if row < self.count:
                self.clicked(row, offset.x + self.left)

    def clicked(self, row: int, column: int) -> None:
        """Go to the row, or choose the one gone to; `column` is the cell of its line."""
        if row == self.cursor:
            self.action_choose()
        else:
            self._go(row)

    def on_mouse_scroll_up(self) -> None:
        """Who looks back no longer follows the tail."""
        self.follow = False

    def on_mouse_scroll_left(self) -> None:
        """Show what is further to the left."""
        self.action_shift(-1)

    def on_mouse_scroll_right(self) -> None:
        """Show what is further to the right."""
        self.action_shift(1)
