"""A sequence diagram in characters."""

import textwrap
from collections.abc import Callable, Iterator, Sequence

from vsockdump.events import Kind, Name, seconds
from vsockdump.messages import printable
from vsockdump.paint import SHADE, Line
from vsockdump.rungs import Arrow, Incident, Quiet, Row
from vsockdump.steps import End, since

GAP = 18
"""Characters from one column to the next at the least: an op's name and an arrow."""

WIDE = 110
"""Characters of a line that has room for the packets' numbers, too."""

_MOST = 72  # characters from one column to the next: an arrow need not be longer
_TIMES = 22  # of when, and how long after the packet before


def room(width: int) -> int:
    """Return how many columns fit into lines of `width`."""
    return max((width - _left(width)) // GAP, 2)


def _left(width: int) -> int:
    return _TIMES + (7 if width >= WIDE else 0)


class Diagram:
    """Draws rows between columns, in lines of one width."""

    def __init__(
        self,
        ends: Sequence[End],
        name: Name,
        width: int,
        start: int,
        tall: Callable[[int], int] = lambda length: 1,
    ) -> None:
        """Prepare; times are ns since `start`; a gap of so many has `tall(ns)` lines or more."""
        self._name, self._tall = name, tall
        self._left = _left(width)
        names = [printable(name(*end)) for end in ends]
        self._at, margin = _columns(names, self._left, width)
        gap = self._at[1] - self._at[0] if len(ends) > 1 else _MOST
        outer = (0, len(ends) - 1)  # which may not have as much room on their other side
        rooms = [min(gap - 2, 2 * margin) if at in outer else gap - 2 for at in range(len(ends))]
        self._names = [_cut(*one) for one in zip(names, rooms, strict=True)]
        self._width = min(width, max(self._at[-1] + margin, WIDE))
        self._before = self._start = start

    def lines(self, rows: Sequence[Row]) -> Iterator[Line]:
        """Yield the diagram, from the names of its ends down."""
        yield self.head()
        for row in rows:
            yield from self.row(row)

    def head(self) -> Line:
        """Return the names of its ends, above their columns."""
        line = self._lead("#", "time", "since")
        for at, name in zip(self._at, self._names, strict=True):
            line = f"{line} ".ljust(at - len(name) // 2) + name
        return Line(line, "head")

    def extent(self, row: Arrow) -> tuple[int, int]:
        """Return where the arrow of a row begins and ends in its line."""
        left, right = sorted((self._at[row.src], self._at[row.dst]))
        return (left, right + 1) if left < right else (self._left, self._width)

    def _lead(self, number: object, time: str, since: str) -> str:
        shown = f"{number:>6} " if self._left > _TIMES else ""
        return f"{shown}{time:>10} {since:>10} "

    def row(self, row: Row) -> Iterator[Line]:
        """Yield the lines of the next row."""
        if isinstance(row, Arrow):
            yield Line(self._arrow(row))
            self._before = row.end
        elif isinstance(row, Quiet):
            text = f"{seconds(row.length)} without a packet"
            yield from self._band(text, "·", "quiet", row.length)
        elif row.event.kind is Kind.STALL:
            length = row.event.values["length_s"]
            yield from self._band(row.text(self._name), SHADE, "stall", length)
        else:
            yield from self._incident(row)

    def _arrow(self, row: Arrow) -> str:
        line = self._rails()
        begin, end = self._at[row.src], self._at[row.dst]
        left, right = sorted((begin, end))
        for at in range(left + 1, right):
            line[at] = "┼" if line[at] == "│" else "─"
        line[begin] = "┤" if begin > end else "├"
        if begin == end:
            self._note(line, row.labels[-1], begin)
        else:
            line[end + (1 if begin > end else -1)] = "◀" if begin > end else "▶"
            self._label(line, row.labels, left, right)
        times = (since(row.time - self._start), since(row.time - self._before))
        return (self._lead(row.number, *times) + "".join(line[self._left :])).rstrip()

    def _note(self, line: list[str], label: str, at: int) -> None:
        """Put what an end says to itself beside it, where there is room."""
        text = f"─ {_cut(label, GAP - 5)} "
        if at + len(text) >= self._width:
            line[at - len(text) : at + 1] = f" {text[2:]}─┤"
        else:
            line[at + 1 : at + 1 + len(text)] = text

    def _label(self, line: list[str], labels: Sequence[str], left: int, right: int) -> None:
        most = right - left - 5
        text = next((one for one in labels if len(one) <= most), _cut(labels[-1], most))
        at = left + (right - left - len(text)) // 2
        line[at : at + len(text) + 2] = f" {text} "

    def _band(self, text: str, fill: str, kind: str, length: int) -> Iterator[Line]:
        """Fill a line, or more, across all columns, with a text in the middle."""
        begin, end = self._at[0], max(self._at[-1] + 1, self._at[0] + GAP)
        parts = [f" {part} " for part in textwrap.wrap(text, end - begin - 4)]
        empty = max(self._tall(length) - len(parts), 0)
        for part in [""] * (empty // 2) + parts + [""] * (empty - empty // 2):
            yield Line(" " * begin + part.center(end - begin, fill), kind)

    def _incident(self, row: Incident) -> Iterator[Line]:
        kind = row.event.severity.name.lower()
        words = f"{kind}: {row.text(self._name)}"
        for number, part in enumerate(textwrap.wrap(words, self._width - self._left - 2)):
            yield Line(f"{'' if number else '▲ ':>{self._left}}{part}", kind)

    def _rails(self) -> list[str]:
        line = [" "] * (self._at[-1] + _MOST)
        for at in self._at:
            line[at] = "│"
        return line


def _columns(names: Sequence[str], left: int, width: int) -> tuple[list[int], int]:
    """Return where the columns stand, as far apart as there is room, and the room beside them."""
    gaps = max(len(names) - 1, 1)
    half = (max(len(names[0]), len(names[-1])) + 1) // 2
    margin = max(min(half, max((width - left - GAP * gaps) // 2, GAP // 2)), 1)
    gap = max(min((width - left - 2 * margin) // gaps, _MOST), GAP)
    return [left + margin + gap * at for at in range(len(names))], margin


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
