"""The view of what a connection carried."""

import re
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from vsockdump.messages import printable

from . import followread, saving
from .flowview import FlowView, Work
from .followbytes import Mode, needle
from .followlist import FollowList
from .followpart import Start
from .followread import Asked, Shown
from .followtext import Laid
from .rows import Rows
from .view import GoTo, Said

_SIDES = None, 0, 1
_FAR = 1 << 62  # behind every packet


class Follow(FlowView):
    """Shows the bytes of both sides of one connection, or of one of them."""

    title: ClassVar[str] = "Follow"
    help: ClassVar[Sequence[tuple[str, str]]] = (
        ("v", "text, hex or raw"),
        ("d", "both sides, > alone, < alone"),
        ("] [", "the next part of a long stream, the one before"),
        ("} {", "its last part, the first"),
        ("F", "follow the tail"),
        ("f", "find a text from here on, \\xNN for a byte; again: f, enter"),
        ("w", "save the bytes of the sides that are shown"),
        ("c", "copy the line"),
        ("enter", "to the packet"),
    )
    DEFAULT_CSS = """
    Follow {
        & > .state { display: none; height: 1fr; color: $text-muted; }
        &.-empty > .state { display: block; content-align: center middle; }
        &.-empty > Rows { height: 2; }  /* still there: it has the keys */
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "mode", "text, hex or raw", show=False),
        Binding("f", "find", "find", show=False),
        Binding("d", "side", "both sides or one", show=False),
        Binding("right_square_bracket", "part(1)", "the next part", show=False),
        Binding("left_square_bracket", "part(-1)", "the part before", show=False),
        Binding("right_curly_bracket", "end", "the last part", show=False),
        Binding("left_curly_bracket", "begin", "the first part", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        """Show no connection."""
        super().__init__(id=id)
        self.mode = Mode.TEXT
        self.side: int | None = None
        """Whose bytes are shown; None: those of both."""
        self.starts = [Start()]
        """Of the part that is wanted, the last, and those before it."""
        self._came = Shown()
        self._needle = ""
        self._search: tuple[re.Pattern[bytes], int] | None = None  # from which line on
        self._goal = 0  # a packet to be reached
        self._aim: Callable[[], int] = lambda: 0  # the row that the cursor is to be on

    def compose(self) -> ComposeResult:
        """Have the lines, and a text for when there are none."""
        yield FollowList(self.looking.word)
        yield Static(classes="state", markup=False)

    def on_mount(self) -> None:
        """Go to the end when that is to be followed."""
        super().on_mount()
        self.watch(self.lines, "follow", self._tail, init=False)

    @property
    def lines(self) -> FollowList:
        """The lines."""
        return self.query_one(FollowList)

    @property
    def laid(self) -> Laid:
        """What they are of."""
        return self.lines.laid

    @property
    def state(self) -> str:
        """What is said in place of lines; empty where there are some."""
        if not self.numbers:
            return "No connection is selected: f on one in Flows (1) shows what it carried"
        if self.error:
            return self.error
        if len(self.laid):
            return ""
        number = self.numbers[0]
        if self.busy:
            return f"reading connection {number} ..."
        if self.opened.flow(number) is None:
            return f"there is no connection {number}, or it was forgotten to make room"
        who = "" if self.side is None else f" to the {'left' if self.side else 'right'}"
        so_far = "" if self.opened.ended else " so far"
        return f"connection {number} carried nothing{who}{so_far}"

    # --- reading ----------------------------------------------------------------------------------

    def wanted(self) -> list[int]:
        """Return the first connection that is selected."""
        return super().wanted()[:1]

    def prepare(self, afresh: bool) -> Work:
        """Read a part, and lay it out for the width there is."""
        if afresh:
            self.starts = [Start()]
            self._goal = packet = self._of_ours(self.looking.current_packet)
            self._aim = lambda: self.laid.row(packet)
        opened, asked = self.opened, self._asked()
        self._goal, self._search = 0, None
        self.lines.busy = True

        def read(going: Callable[[], bool]) -> None:
            shown = followread.fetch(opened, asked, going)
            if going():
                self._came = shown

        return read

    def _asked(self) -> Asked:
        return Asked(
            self.numbers[0],
            tuple(self.starts),
            self.lines.shown.piece,
            self.mode,
            self.lines.across(self.opened.count),
            self.side,
            _FAR if self.lines.follow else self._goal,
            *(self._search or ()),
        )

    def _of_ours(self, number: int) -> int:
        """Return a packet if it is one of the connection, else 0."""
        try:
            return number if self.opened.index.at(number).flow in self.numbers else 0
        except IndexError:
            return 0

    def arrived(self, afresh: bool) -> None:
        """Show what was read."""
        shown = self._came if self.numbers and not self.error else Shown()
        self.starts = list(shown.starts)
        flow = self.opened.flow(self.numbers[0]) if self.numbers else None
        self.lines.busy = False
        self.lines.show(shown, flow, self.opened.count)
        state = self.state
        self.query_one(".state", Static).update(Content(printable(state)))
        self.set_class(bool(state), "-empty")
        self._found(shown.row)
        if not self.lines.follow:
            self.lines.cursor = self._aim()
        self._aim = self._here()

    def _found(self, row: int | None) -> None:
        """Go where what was looked for is."""
        if row is not None and row >= 0:
            self._aim = lambda: row
        elif row is not None:
            self.post_message(Said(f"{self._needle} is nowhere behind here"))

    def proceed(self) -> None:
        """Say that it is being read."""
        self.lines.redraw()

    def grown(self) -> bool:
        """Whether more came that belongs here."""
        return super().grown() and (self.lines.follow or not self.lines.shown.piece.more)

    def _again(self, aim: Callable[[], int] | None = None) -> None:
        """Read or lay out anew, the cursor on the same bytes if nothing else is said."""
        self._aim = aim or self._here()
        self.read(afresh=False)

    def _here(self) -> Callable[[], int]:
        """Return what finds the bytes again that the cursor is on now."""
        laid, cursor = self.laid, self.lines.cursor
        if not len(laid):
            return lambda: 0
        place = laid.place(min(cursor, len(laid) - 1))
        return lambda: cursor if self.laid is laid else self.laid.find(place)

    def on_resize(self) -> None:
        """Lay out for another width."""
        if self.numbers:
            self._again()

    def _tail(self, follow: bool) -> None:
        if follow and self.numbers:
            self._again(self._last)

    # --- keys -------------------------------------------------------------------------------------

    @on(Rows.RowSelected)
    def _chosen(self, event: Rows.RowSelected) -> None:
        event.stop()
        if event.row >= len(self.laid):
            self.action_part(1)
        else:
            self.post_message(GoTo(self.laid.line(event.row).number))

    def action_mode(self) -> None:
        """Show bytes in another way."""
        self.mode = self.mode.next
        self._again()

    def action_side(self) -> None:
        """Show the bytes of one side, or of both."""
        self.side = _SIDES[(_SIDES.index(self.side) + 1) % len(_SIDES)]
        self._again()

    def action_part(self, by: int) -> None:
        """Show the part behind this one, or that before it."""
        piece = self.lines.shown.piece
        if piece.start != self.starts[-1]:
            return  # another one is on its way
        if by > 0 and piece.more:
            self.starts.append(piece.next)
        elif by < 0 and len(self.starts) > 1:
            self.lines.follow = False
            self.starts.pop()
        else:
            self.post_message(Said("nothing follows" if by > 0 else "this is the beginning"))
            return
        self._again((lambda: 0) if by > 0 else self._last)

    def action_begin(self) -> None:
        """Show the first part."""
        self.lines.follow = False
        del self.starts[1:]
        self._again(lambda: 0)

    def action_end(self) -> None:
        """Show the last part."""
        self._goal = _FAR
        self._again(self._last)

    def _last(self) -> int:
        return max(len(self.laid) - 1, 0)

    def action_save(self) -> None:
        """Ask where the bytes that are shown are to be saved to, all parts of them."""
        if self.numbers:
            saving.ask(self, self.numbers[0], self.side)
        else:
            self.post_message(Said("no connection is selected", error=True))

    def action_find(self) -> None:
        """Ask what to look for, from here on."""
        if self.numbers:
            self.looking.ask("find:", self._needle, self._find)

    def _find(self, text: str) -> None:
        if text:
            self._search = needle(text), self.lines.cursor + (text == self._needle)
            self._needle = text
            self._again()

    def action_copy(self) -> None:
        """Copy the line."""
        if self.lines.cursor < len(self.laid):
            self.app.copy_to_clipboard(self.laid.line(self.lines.cursor).text)
            self.post_message(Said("copied the line"))
