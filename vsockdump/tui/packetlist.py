"""The list of packets: a row each, columns as wide as what has been seen in them."""

from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip

from .oprows import SIGNS, OpRows, op_ink
from .packetcells import Cells, Words
from .rows import Line

_INKS = ("data", "note", "warn", "problem")  # for these signs
_DIM = ("number", "time")
_MARK = "●"
_ROOMY = 100  # cells of a list whose columns may stand apart


class PacketList(OpRows):
    """Shows the packets `number(row)`; `severity(number)` is 0 to 3."""

    def __init__(
        self,
        cells: Cells,
        count: Callable[[], int],
        number: Callable[[int], int],
        severity: Callable[[int], int],
        *,
        id: str | None = None,  # noqa: A002 - textual's name
    ) -> None:
        """Show what `cells` says of the packet `number(row)` in each of `count()` rows."""
        super().__init__(self._line, count, self._titles, number, id=id)
        self.cells = cells
        self._number, self._severity = number, severity
        self._widths = [0] * len(cells.names)

    def text(self, row: int) -> str:
        """Return a row's text, a tab between columns."""
        return "\t".join(self._cells(row).texts)

    def narrow(self) -> None:
        """Draw anew, no column wider than needed."""
        self._widths = [0] * len(self._widths)
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines of the screen; first make every column wide enough for all of them."""
        top = self.scroll_offset.y
        shown = range(top, min(top + self.size.height, self.count))
        lines = [[title for title, _ in self.cells.heads], *(self._cells(n).texts for n in shown)]
        widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
        wider = [max(pair) for pair in zip(widths, self._widths, strict=True)]
        if wider != self._widths:
            self._widths = wider
            self.redraw()
        return super().render_lines(crop)

    def _cells(self, row: int) -> Words:
        number = self._number(row)
        return self.cells.row(number, self._number(row - 1) if row else number)

    def _titles(self, width: int) -> list[list[Segment]]:
        titles = [title for title, _ in self.cells.heads]
        return [[Segment("  "), *(Segment(text) for text in self._aligned(titles, width))]]

    def _line(self, row: int, width: int) -> Line:
        number, words = self._number(row), self._cells(row)
        bad = max(self._severity(number), int(words.odd))
        yield Segment(_MARK if number in self.marked else " ")
        yield Segment(SIGNS[bad], self.ink(_INKS[bad]) if bad else None)
        ink = self.ink(op_ink(words.op))
        for name, text in zip(self.cells.names, self._aligned(words.texts, width), strict=True):
            marks = len(words.marks) if name == "info" else 0
            if marks:
                yield Segment(text[:marks], self.ink(_INKS[bad]))
            yield Segment(text[marks:], self.ink("dim") if name in _DIM else ink)

    def _aligned(self, texts: Sequence[str], width: int) -> Iterator[str]:
        """Yield the texts as wide as their columns, a gap after each."""
        gap = "  " if width >= _ROOMY else " "
        for text, (_, right), wide in zip(texts, self.cells.heads, self._widths, strict=True):
            blanks = " " * (wide - cell_len(text))
            yield f"{blanks}{text}{gap}" if right else f"{text}{blanks}{gap}"
