"""The view of what is wrong: in groups, the worst first, a sentence each."""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from vsockdump.browsing.opened import Reading
from vsockdump.events import Event

from .nothing import nothing
from .remarklines import Key, Told, lines
from .rows import Line, Rows
from .slowly import Slowly
from .view import GoTo, OpenFlow, Said, View

_NARROWEST = 40  # characters that a sentence is wrapped to


class Problems(View):
    """Says what is wrong, and goes to where it can be seen."""

    title: ClassVar[str] = "Problems"
    help: ClassVar[Sequence[tuple[str, str]]] = (
        ("enter", "on a sentence: go to its packet; on a heading: fold the group"),
        ("space", "fold the group"),
        ("o", "the connection as a ladder"),
        ("e f", "its credit, what it carried"),
        ("c", "copy the sentence"),
    )
    DEFAULT_CSS = """
    Problems > Static { display: none; height: 1fr; padding: 1 2; }
    Problems.-empty > Static { display: block; }
    Problems.-empty > Rows { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open('ladder')", "the ladder of its connection", show=False),
        Binding("e", "open('credit')", "its credit", show=False),
        Binding("f", "open('follow')", "what it carried", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        """Say nothing yet."""
        super().__init__(id=id)
        self.told: list[Told] = []
        self.closed: set[Key] = set()
        self._finding = Slowly(self, self._show)

    def compose(self) -> ComposeResult:
        """Make the list, and what stands in its place."""
        yield Static(markup=False)
        yield _List(self._draw, lambda: len(self.told))

    def on_resize(self) -> None:
        """Wrap the sentences anew."""
        self.call_after_refresh(self._look, now=True)

    @property
    def rows(self) -> Rows:
        """The list."""
        return self.query_one(Rows)

    # --- what is new ----------------------------------------------------------------------------

    def refresh_view(self) -> None:
        """Say soon what has been found since."""
        empty = not self.opened.count
        if empty:
            self.query_one(Static).update(nothing(self.opened, False, "packet"))
        self.set_class(empty, "-empty")
        self._look()

    def _look(self, *, now: bool = False) -> None:
        if self.size.width:  # it has none before it is seen
            width = max(self.size.width - 2, _NARROWEST)
            self._finding.ask(partial(self._find, width, frozenset(self.closed)), now=now)

    def _find(self, width: int, closed: frozenset[Key]) -> list[Told]:
        quality = self.opened.quality
        with self.opened.lock:  # whoever reads adds to them
            groups = self.opened.findings.groups(quality)
        found = lines(groups, quality, self.looking.word, width, closed)
        if self.opened.state is not Reading.DONE and found[-1].event is None:
            found[-1] = found[-1]._replace(text=f"{found[-1].text} so far")
        return found

    def _show(self, told: list[Told]) -> None:
        """Show these lines, the cursor where it was, and that where it was on the screen."""
        rows = self.rows
        before, begun = rows.cursor, bool(self.told)
        row = _same(self.told, before, told)
        self.told = told
        rows.refresh_rows()
        if row != before and begun:
            top = rows.scroll_offset.y
            rows.scroll_to(y=max(top + row - before, 0), animate=False)
        rows.cursor = row

    def _draw(self, row: int, width: int) -> Line:
        told = self.told[row]
        ink = "dim" if told.ink == "quiet" else told.ink
        return [Segment(told.text, self.rows.ink(ink) if ink else None)]

    # --- keys -----------------------------------------------------------------------------------

    @property
    def current(self) -> Told | None:
        """The line that the cursor is on."""
        return self.told[self.rows.cursor] if self.told else None

    @property
    def event(self) -> Event | None:
        """What is said there."""
        return self.current.event if self.current else None

    @on(Rows.RowSelected)
    def _chosen(self, event: Rows.RowSelected) -> None:
        event.stop()
        found = self.event
        if found is None:
            self.action_fold()
        elif found.packets:
            self.post_message(GoTo(max(found.packets)))
        else:
            self.post_message(Said("no packet shows it", error=True))

    def action_fold(self) -> None:
        """Hide or show the sentences of the group that the cursor is in."""
        if self.current and self.current.key is not None:
            self.closed ^= {self.current.key}
            self._look(now=True)

    def action_open(self, view: str) -> None:
        """Show the connection in another view."""
        if self.event is not None:
            self.post_message(OpenFlow(self.event.flow, view))
        else:
            self.post_message(Said("no connection: put the cursor on a sentence", error=True))

    def action_copy(self) -> None:
        """Copy the sentence that the cursor is on, or the heading."""
        if self.current is not None:
            subject = self.current.subject
            parts = [told.text.strip() for told in self.told if told.subject == subject and subject]
            self.app.copy_to_clipboard(" ".join(parts or [self.current.text]))
            self.post_message(Said("copied what is said here"))


def _same(before: Sequence[Told], row: int, after: Sequence[Told]) -> int:
    """Return the row that is about the same thing as one before, or of the same group.

    Where there was none before it is that of the first sentence.
    """
    if not before:
        return next((place for place, told in enumerate(after) if told.event), 0)
    was = before[row]
    same = [place for place, told in enumerate(after) if told.subject == was.subject]
    if same and was.subject:
        return same[min(was.part, len(same) - 1)]
    group = (place for place, told in enumerate(after) if was.key and told.key == was.key)
    return next(group, row)


class _List(Rows):
    """Has space fold: there is nothing to mark."""

    def action_mark(self) -> None:
        """Fold the group."""
        view = self.parent
        assert isinstance(view, Problems)
        view.action_fold()
