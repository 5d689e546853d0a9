"""The view of what is known: of the source, the kernel, this machine, and what all adds up to."""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from rich.segment import Segment
from textual.app import ComposeResult

from vsockdump import checks
from vsockdump.browsing.opened import Reading
from vsockdump.checks import Row

from . import infolines
from .infolines import Cells, titled
from .rows import Line, Rows
from .slowly import Slowly
from .view import Said, View

_EVERY = 2.0  # seconds between two looks at all connections


class Info(View):
    """Tells all there is to know; what takes time comes when it is there."""

    title: ClassVar[str] = "Info"
    help: ClassVar[Sequence[tuple[str, str]]] = (
        ("j k g G", "scroll"),
        ("c", "copy all of it"),
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        """Know nothing yet."""
        super().__init__(id=id)
        self.lines: list[Cells] = []
        self._statistics: list[Cells] = []
        self._machine: Sequence[Row] = ()
        self._begun = self._ended = self._gone = False
        self._adding = Slowly(self, self._add, _EVERY)
        self._examining = Slowly(self, self._examined)

    def compose(self) -> ComposeResult:
        """Make the list."""
        yield Rows(self._draw, lambda: len(self.lines))

    def on_unmount(self) -> None:
        """Have a thread that adds up a million connections end: nobody waits for it."""
        self._gone = True

    def on_resize(self) -> None:
        """Wrap everything anew."""
        if self._begun:
            self.refresh_view()

    @property
    def rows(self) -> Rows:
        """The list."""
        return self.query_one(Rows)

    def refresh_view(self) -> None:
        """Show what is known now, and have threads find out the rest: where somebody looks."""
        if not self.display:
            return
        if not self._begun:
            self._begun = True
            self._examining.ask(lambda: checks.examine()[0])
        work = partial(infolines.statistics, self.opened, self.looking.word, self._width)
        ended = self.opened.state is Reading.DONE
        self._adding.ask(partial(work, lambda: not self._gone), now=ended and not self._ended)
        self._ended = ended
        self._show()

    @property
    def _width(self) -> int:
        return max(self.size.width - 2, 40)

    def _add(self, found: list[Cells]) -> None:
        self._statistics = found
        self._show()

    def _examined(self, rows: Sequence[Row]) -> None:
        self._machine = rows
        self._show()

    def _show(self) -> None:
        width, opened = self._width, self.opened
        wait: list[Cells] = [[("  one moment ...", "dim")]]
        machine = list(infolines.machine(self._machine, width)) or wait
        self.lines = [
            *list(titled("source", infolines.source(self.looking.facts, width)))[1:],
            *titled("what the capture can carry", infolines.carries(opened, width)),
            *titled("kernel", infolines.defects(opened.interfaces, width)),
            *(self._statistics or titled("statistics", wait)),
            *titled("this machine, as this process sees it now", machine),
        ]
        self.rows.refresh_rows()

    def _draw(self, row: int, width: int) -> Line:
        ink = self.rows.ink
        return [Segment(text, ink(kind) if kind else None) for text, kind in self.lines[row]]

    def action_copy(self) -> None:
        """Copy all of it."""
        text = "\n".join("".join(text for text, _ in line).rstrip() for line in self.lines)
        self.app.copy_to_clipboard(text)
        self.post_message(Said("copied what is known"))
