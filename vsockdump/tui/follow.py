"""The view of what a connection carried."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from vsockdump.browsing import payloads
from vsockdump.dissectors import virtio
from vsockdump.errors import VsockdumpError
from vsockdump.flows import Flow
from vsockdump.messages import printable

from . import followpart
from .flowview import FlowView, Work
from .followpart import Piece, Start
from .followtext import Laid, Mode
from .rows import Line, Rows
from .view import GoTo, Said

_MARKS = ">", "<"
_INKS = "accent", "good"
_KINDS = {"message": "dim", "hole": "warn", "leak": "problem"}
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
        self.piece = Piece()
        self.laid = Laid(())
        self.starts = [Start()]
        """Of this part and those before it that are known."""
        self._flow: Flow | None = None
        self._read: tuple[list[Start], Piece, Laid] = [Start()], self.piece, self.laid
        self._goal = 0  # a packet to be reached
        self._aim: Callable[[], int] = lambda: 0  # the row that the cursor is to be on

    def compose(self) -> ComposeResult:
        """Have the lines, and a text for when there are none."""
        yield Rows(self._draw, self._count, self._head)
        yield Static(classes="state", markup=False)

    def on_mount(self) -> None:
        """Go to the end when that is to be followed."""
        super().on_mount()
        self.watch(self.rows, "follow", self._tail, init=False)

    @property
    def rows(self) -> Rows:
        """The lines."""
        return self.query_one(Rows)

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
        if self._flow is None:
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
            self.piece, self.laid, self.starts = Piece(), Laid(()), [Start()]
            self._goal = self._of_ours(self.looking.current_packet)
            self._aim = lambda number=self._goal: self.laid.row(number)  # type: ignore[misc]
        opened, flow, before = self.opened, self.numbers[0], self.piece
        starts, goal = list(self.starts), _FAR if self.rows.follow else self._goal
        mode, width, side = self.mode, self._width, self.side
        self._flow, self._goal = opened.flow(flow), 0

        def read(going: Callable[[], bool]) -> None:
            if goal:
                followpart.reach(opened, flow, starts, goal, going)
            piece = followpart.read(opened, flow, starts[-1], before)
            laid = Laid(piece.parts, piece.start.tally, mode=mode, width=width, side=side)
            if going():
                self._read = starts, piece, laid

        return read

    def _of_ours(self, number: int) -> int:
        """Return a packet if it is one of the connection, else 0."""
        try:
            return number if self.opened.index.at(number).flow in self.numbers else 0
        except IndexError:
            return 0

    def arrived(self, afresh: bool) -> None:
        """Show what was read."""
        if self.numbers and not self.error:
            self.starts, self.piece, self.laid = self._read
        state = self.state
        self.query_one(".state", Static).update(Content(printable(state)))
        self.set_class(bool(state), "-empty")
        self.rows.refresh_rows()
        if not self.rows.follow:
            self.rows.cursor = self._aim()
        self._aim = self._here()

    def proceed(self) -> None:
        """Say that it is being read."""
        self.rows.redraw()

    def grown(self) -> bool:
        """Whether more came that belongs here."""
        return super().grown() and (self.rows.follow or not self.piece.more)

    def _again(self, aim: Callable[[], int] | None = None) -> None:
        """Read or lay out anew, the cursor on the same bytes if nothing else is said."""
        self._aim = aim or self._here()
        self.read(afresh=False)

    def _here(self) -> Callable[[], int]:
        """Return what finds the bytes again that the cursor is on now."""
        laid, cursor = self.laid, self.rows.cursor
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

    # --- drawing ----------------------------------------------------------------------------------

    @property
    def _digits(self) -> int:
        return max(len(str(self.opened.count)), 5)

    @property
    def _width(self) -> int:
        """Cells that a line of bytes has."""
        return max((self.rows.scrollable_content_region.width or 80) - self._digits - 3, 1)

    def _count(self) -> int:
        return len(self.laid) + self.piece.more if len(self.laid) else 0

    def _head(self, width: int) -> list[Line]:
        if self._flow is None:
            return []
        return [
            [Segment(f" {line}"[:width], self.rows.ink(ink))]
            for line, ink in ((self._title(self._flow), "head"), (self._said(), "dim"))
        ]

    def _title(self, flow: Flow) -> str:
        word = self.looking.word
        src, dst = word(flow.src_cid, flow.src_port), word(flow.dst_cid, flow.dst_port)
        kind = virtio.type_name(flow.type)
        return printable(f"connection {flow.number}: {src} > {dst}, {kind}")

    def _said(self) -> str:
        """Say what is shown."""
        who = "both sides" if self.side is None else f"{_MARKS[self.side]} alone"
        if self.busy:
            return f"{self.mode.value}, {who}, reading ..."
        if not self.piece.more and len(self.starts) == 1:
            return f"{self.mode.value}, {who}"
        begin, end = self.piece.start.point.offsets, self.piece.end.offsets
        of = (f"{mark} {a} to {b}" for mark, a, b in zip(_MARKS, begin, end, strict=True) if b > a)
        ends = "" if self.piece.more else ", the last"
        return f"{self.mode.value}, {who}, part {len(self.starts)}{ends}: bytes {', '.join(of)}"

    def _draw(self, row: int, width: int) -> Line:
        if row >= len(self.laid):
            return [Segment("… more: ] shows the next part …", self.rows.ink("note"))]
        line = self.laid.line(row)
        ink = self.rows.ink(_KINDS.get(line.kind, _INKS[line.side]))
        number = f"{line.number if line.begins else '':>{self._digits}}"
        text = line.text
        if line.kind == "message":
            text = f"── {text} ".ljust(self._width, "─")
        return [
            Segment(number, self.rows.ink("dim")),
            Segment(f" {_MARKS[line.side]} {text}", ink),
        ]

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
        if by > 0 and self.piece.more:
            self.starts.append(self.piece.next)
        elif by < 0 and len(self.starts) > 1:
            self.rows.follow = False
            self.starts.pop()
        else:
            self.post_message(Said("nothing follows" if by > 0 else "this is the beginning"))
            return
        self._again((lambda: 0) if by > 0 else self._last)

    def action_begin(self) -> None:
        """Show the first part."""
        self.rows.follow = False
        del self.starts[1:]
        self._again(lambda: 0)

    def action_end(self) -> None:
        """Show the last part."""
        self._goal = _FAR
        self._again(self._last)

    def _last(self) -> int:
        return max(len(self.laid) - 1, 0)

    def action_copy(self) -> None:
        """Copy the line."""
        if self.rows.cursor < len(self.laid):
            self.app.copy_to_clipboard(self.laid.line(self.rows.cursor).text)
            self.post_message(Said("copied the line"))

    # --- saving -----------------------------------------------------------------------------------

    def action_save(self) -> None:
        """Ask where the bytes that are shown are to be saved to, all parts of them."""
        if not self.numbers:
            self.post_message(Said("no connection is selected", error=True))
            return
        name = f"connection-{self.numbers[0]}"
        if self.side is None:
            question = "save both sides to NAME.src and NAME.dst, NAME:"
        else:
            question = f"save the bytes of {_MARKS[self.side]} to:"
        self.looking.ask(question, name, self._save_as)

    def _save_as(self, name: str) -> None:
        sides = ("src", "dst")
        paths = {self.side: name} if self.side is not None else _both(name, sides)
        there = [p for p in paths.values() if os.path.lexists(os.path.expanduser(p))]  # noqa: PTH111
        if not name:
            return
        if there:
            question = f"{printable(' and '.join(there))} is there already; y writes over it:"
            self.looking.ask(question, "n", lambda answer: self._save_over(answer, paths))
        else:
            self._save(paths)

    def _save_over(self, answer: str, paths: Mapping[int, str]) -> None:
        if answer.strip().lower() in ("y", "yes"):
            self._save(paths)
        else:
            self.post_message(Said("nothing is saved"))

    def _save(self, paths: Mapping[int, str]) -> None:
        self.post_message(Said("saving ..."))
        self.run_worker(self._saving(self.numbers[0], paths))

    async def _saving(self, flow: int, paths: Mapping[int, str]) -> None:
        try:
            saved = await asyncio.to_thread(payloads.save, self.opened, flow, paths)
        except VsockdumpError as error:
            self.post_message(Said(str(error), error=True))
        else:
            self.post_message(Said(f"saved {saved} to {' and '.join(paths.values())}"))


def _both(name: str, sides: Sequence[str]) -> dict[int, str]:
    return {at: f"{name}.{side}" for at, side in enumerate(sides)}
