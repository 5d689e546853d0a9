"""The view of connections as a sequence diagram."""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from vsockdump.browsing.replays import replay
from vsockdump.messages import plural
from vsockdump.rungs import Arrow, Incident, Row

from .details import details
from .flowview import FlowView, Work
from .ladderlist import LadderList
from .ladderpart import Asked, Part, in_order
from .oprows import SIGNS
from .rows import Rows
from .view import GoTo, Said

_WIDE = 120
"""Cells of a screen that has room for the details beside the diagram."""

_HIGH = 14
"""Lines of one that has room for them below it."""


class Ladder(FlowView):
    """Draws all connections that are selected."""

    title = "Ladder"
    help: ClassVar[Sequence[tuple[str, str]]] = (
        ("x", "every packet, or several of a kind in a row as one"),
        ("] [", "what follows, what was before"),
        ("\\", "with or without the details"),
        ("c", "copy the row"),
        ("enter", "to the packet"),
    )
    DEFAULT_CSS = """
    Ladder {
        & > .said { height: 1; color: $text-muted; text-wrap: nowrap; }
        & > Container {
            height: 1fr; layout: vertical;
            & > .detail { height: 6; max-height: 50%; border-top: solid $surface-lighten-2; }
        }
        &.-wide > Container {
            layout: horizontal;
            & > .detail {
                height: 1fr; max-height: 100%; width: 42; padding: 0 1;
                border-top: none; border-left: solid $surface-lighten-2;
            }
        }
        &.-alone .detail { display: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "join", "join runs", show=False),
        Binding("right_square_bracket", "part(1)", "the next part", show=False),
        Binding("left_square_bracket", "part(-1)", "the part before", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        """Show no connection."""
        super().__init__(id=id)
        self.whole = False
        """Whether every packet has a row of its own."""
        self.part = Part(Asked(()))
        self._making = self.part  # by a thread
        self._begins = [0]  # of this part and those before
        self._aim = 0  # the packet that the cursor is to be on; -1: the first
        self._roomy = True  # there is room for the details

    def compose(self) -> ComposeResult:
        """Have the diagram, what the cursor is on, and a text for when there is nothing."""
        yield Static(classes="state", markup=False)
        yield Static(classes="said", markup=False)
        with Container():
            yield LadderList(self.looking.word, self._sign)
            yield Static(classes="detail", markup=False)

    @property
    def list(self) -> LadderList:
        """The diagram."""
        return self.query_one(LadderList)

    @property
    def state(self) -> str:
        """What is said in place of a diagram; empty where there is one."""
        if not self.numbers:
            return "No connection is selected: in Flows (1) space selects, enter shows them here"
        if self.error:
            return self.error
        if self.part.rungs.rows:
            return ""
        shown = ", ".join(map(str, self.numbers[:9]))
        return self._progress() if self.busy else f"no packet of connection {shown} is kept"

    # --- reading ----------------------------------------------------------------------------------

    def prepare(self, afresh: bool) -> Work:
        """Read a part."""
        if afresh:
            self._begins, self._aim = [0], -1
            self.part = Part(Asked(()))
        opened, numbers = self.opened, self.numbers
        part = Part(Asked(opened.flows(numbers), self.whole, self._begins[-1]))
        self._making = part

        def read(going: Callable[[], bool]) -> None:
            part.read(in_order([replay(opened, number) for number in numbers]), going)

        return read

    def arrived(self, afresh: bool) -> None:
        """Draw what was read."""
        if not self.error and self.numbers:
            self.part = self._making
        self._show((self._row(self._aim) or 0) if self._aim else self.list.row)
        self._aim = 0

    def aim(self, number: int) -> None:
        """Put the cursor on the row of a packet, if there is one."""
        row = self._row(number)
        if row is not None:
            self.list.go(row)

    def proceed(self) -> None:
        """Say how far it is."""
        if self.part.rungs.rows:
            self._tell()
        else:
            self._show(0)

    def _show(self, row: int) -> None:
        self.cover(self.state, self.list, self.query_one(Container), self.query_one(".said"))
        self.list.show(self.part, row)
        self._tell()

    def _row(self, number: int) -> int | None:
        """Return the row of a packet."""
        for at, row in enumerate(self.part.rungs.rows):
            if isinstance(row, Arrow) and row.number <= number <= row.last:
                return at
        return None

    def _tell(self) -> None:
        """Say what is drawn, and how far it is read."""
        how = "every packet" if self.whole else "runs joined"
        said = [self.part.title, how, *([self._progress()] if self.busy else [])]
        self.query_one(".said", Static).update(Content(", ".join(said)), layout=False)

    def _progress(self) -> str:
        done = self._making.before + self._making.rungs.packets
        return f"reading: {done} of {plural(self._making.asked.packets, 'packet')}"

    def grown(self) -> bool:
        """Whether there is more than was read, and room for it."""
        return super().grown() and self.part.next is None

    # --- what the cursor is on --------------------------------------------------------------------

    def _sign(self, arrow: Arrow) -> str:
        index = self.opened.index
        kept = [number for number in (arrow.number, arrow.last) if number >= index.first]
        return SIGNS[max((index.at(number).severity for number in kept), default=0)]

    def on_resize(self, event: Resize) -> None:
        """Put the details where there is room, if there is."""
        wide = event.size.width >= _WIDE
        self.set_class(wide, "-wide")
        was, self._roomy = self._roomy, wide or event.size.height >= _HIGH
        if self._roomy != was:
            self.set_class(was, "-alone")
        self._moved()

    @on(Rows.RowHighlighted)
    def _moved(self) -> None:
        self.query_one(".detail", Static).update(Content("\n".join(self.detail())), layout=False)

    def detail(self) -> Iterator[str]:
        """Yield what is known of the row that the cursor is on."""
        last = self.part.lasts.get(self.list.row)
        return details(self.list.current, last, self.looking.word, self.has_class("-wide"))

    @on(Rows.RowSelected)
    def _chosen(self) -> None:
        number = self._number(self.list.row)
        if number:
            self.post_message(GoTo(number))

    def _number(self, at: int) -> int:
        """Return the packet of a row, or of what comes next; 0 if there is none."""
        return next(filter(None, map(_of_row, self.part.rungs.rows[at:])), 0)

    # --- keys -------------------------------------------------------------------------------------

    def action_join(self) -> None:
        """Join runs, or no longer."""
        self.whole = not self.whole
        self._aim = self._number(self.list.row)
        self.read(afresh=False)

    def action_part(self, by: int) -> None:
        """Go on, or back."""
        if by > 0 and self.part.next is not None:
            self._begins.append(self.part.next)
        elif by < 0 and len(self._begins) > 1:
            self._begins.pop()
        else:
            self.post_message(Said("nothing follows" if by > 0 else "this is the beginning"))
            return
        self._aim = -1
        self.read(afresh=False)

    def action_zoom(self) -> None:
        """Show the diagram alone, or with details."""
        self.toggle_class("-alone")

    def action_copy(self) -> None:
        """Copy the row."""
        self.app.copy_to_clipboard(self.list.text())
        self.post_message(Said("copied the row"))


def _of_row(row: Row) -> int:
    if isinstance(row, Arrow):
        return row.number
    return min(row.event.packets, default=0) if isinstance(row, Incident) else 0
