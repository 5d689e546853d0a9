"""The lines of a ladder: a row of it may have several, and the cursor goes from row to row."""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual.geometry import Size

from vsockdump.events import Name
from vsockdump.ladder_text import Diagram
from vsockdump.paint import Line as Drawn
from vsockdump.rungs import Arrow, Incident, Row

from .ladderpart import Part
from .oprows import OpRows, op_ink
from .rows import Line

COLOURS = 5
"""Connections that are told apart by colour; then they begin anew."""

_LEAST = 60
"""Characters of a diagram; where there are less, it is scrolled."""

_INKS = {"stall": "stall", "quiet": "dim", "note": "note", "warn": "warn", "problem": "problem"}
_KINDS = ("stall", *(f"flow{at}" for at in range(COLOURS)))


class _Line(NamedTuple):
    lead: str
    text: str
    kind: str  # of what is from `begin` to `end`
    begin: int
    end: int


class LadderList(OpRows):
    """Shows a part of a ladder."""

    DEFAULT_CSS = """
    LadderList {
        & > .rows--stall { background: $error-muted; color: $text-error; text-style: bold; }
        & > .rows--flow0 { color: $text-success; }
        & > .rows--flow1 { color: $text-warning; }
        & > .rows--flow2 { color: $text-primary; }
        & > .rows--flow3 { color: $text-error; }
        & > .rows--flow4 { color: $foreground; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"rows--{kind}" for kind in _KINDS}

    def __init__(self, name: Name, sign: Callable[[Arrow], str]) -> None:
        """Draw nothing yet; `name` words ends, `sign` stands in front of an arrow."""
        super().__init__(self._shown_line, lambda: len(self._lines), self._top)
        self._word, self._sign = name, sign
        self._part: Part | None = None
        self._lines: list[_Line] = []
        self._rows: list[int] = []  # by line
        self._firsts: list[int] = []  # by row, its first line
        self._heading = ""
        self._laid = Size()  # what lines were made for

    # --- what is shown ----------------------------------------------------------------------------

    def show(self, part: Part, row: int) -> None:
        """Show a part, the cursor on one of its rows."""
        self._part = part
        self._lay()
        self.refresh_rows()
        if not self.follow:
            self.go(row)

    def go(self, row: int) -> None:
        """Put the cursor on a row of the part, or on its last."""
        if self._firsts:
            self.show_row(self._firsts[min(row, len(self._firsts) - 1)])

    @property
    def row(self) -> int:
        """The row of the part that the cursor is on."""
        return self._rows[self.cursor] if self._rows else 0

    @property
    def current(self) -> Row | None:
        """What the cursor is on."""
        return self._part.rungs.rows[self.row] if self._part and self._rows else None

    def text(self) -> str:
        """Return the lines of the row that the cursor is on."""
        own = (one for one, row in zip(self._lines, self._rows, strict=True) if row == self.row)
        return "\n".join(one.text for one in own)

    # --- lines ------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Draw for another size, the cursor on the same row."""
        if self._part and self._laid != self.size:
            self.show(self._part, self.row)

    def _lay(self) -> None:
        """Make all lines."""
        assert self._part is not None
        self._laid = self.size
        self._lines, self._rows, self._firsts = [], [], []
        if not self._part.rungs.ends:
            return
        diagram = self._diagram(self._part)
        self._heading = f"{'':{self._gutter}}{diagram.head().text}"
        for at, row in enumerate(self._part.rungs.rows):
            self._firsts.append(len(self._lines))
            made = [self._inked(diagram, row, line) for line in diagram.row(row)]
            self._lines += made
            self._rows += [at] * len(made)

    @property
    def _gutter(self) -> int:
        """Characters in front of lines: a sign, and the connection's number if there are more."""
        flows = self._part.asked.flows if self._part else ()
        return 1 + (len(str(max(flow.number for flow in flows))) + 1 if len(flows) > 1 else 0)

    def _diagram(self, part: Part) -> Diagram:
        width = max(self.size.width - 1 - self._gutter, _LEAST)  # a scroll bar may take 1
        start = part.asked.start
        return Diagram(part.rungs.ends, self._word, width, start, self._tall)

    def _tall(self, length: int) -> int:
        """Return how many lines a gap has: its share of all the time, of a screen."""
        assert self._part is not None
        screen = self.size.height
        return max(min(round(length * screen / self._part.asked.span), screen // 3), 1)

    def _inked(self, diagram: Diagram, row: Row, line: Drawn) -> _Line:
        if not isinstance(row, Arrow):
            lead = self._lead(" ", row.event.flow if isinstance(row, Incident) else 0)
            begin = len(line.text) - len(line.text.lstrip())
            return _Line(lead, line.text, _INKS[line.kind], begin, len(line.text))
        begin, end = diagram.extent(row)
        return _Line(self._lead(self._sign(row), row.flow), line.text, self._kind(row), begin, end)

    def _lead(self, sign: str, flow: int) -> str:
        return f"{sign}{flow or '':>{self._gutter - 2}} " if self._gutter > 1 else sign

    def _kind(self, arrow: Arrow) -> str:
        """Return what an arrow is coloured by: its op, or its connection if there are more."""
        assert self._part is not None
        numbers = [flow.number for flow in self._part.asked.flows]
        if len(numbers) == 1:
            return op_ink(arrow.op)
        return f"flow{numbers.index(arrow.flow) % COLOURS}"

    def _top(self, width: int) -> Sequence[Line]:
        return [[Segment(self._heading)]] if self._lines else []

    def _shown_line(self, at: int, width: int) -> Line:
        return self._segments(self._lines[at])

    def _segments(self, line: _Line) -> Iterator[Segment]:
        ink = self.ink(line.kind)
        bad = self.ink("problem") if line.lead[:1].strip() else None
        yield Segment(line.lead[:1], bad)
        yield Segment(line.lead[1:], ink)
        yield Segment(line.text[: line.begin])
        yield Segment(line.text[line.begin : line.end], ink)
        yield Segment(line.text[line.end :])

    # --- keys -------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """Move the cursor by so many rows."""
        if self._firsts:
            row = max(min(self.row + by, len(self._firsts) - 1), 0)
            super().action_move(self._firsts[row] - self.cursor)

    def action_mark(self) -> None:
        """Rows of a ladder are not selected."""
