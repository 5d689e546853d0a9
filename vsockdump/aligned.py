"""Rows of texts under headings: coloured and cut to fit on a terminal, whole lines in a pipe."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from rich.text import Text

Row = tuple[str, ...]

GAP = 2
"""Blanks between two columns."""

_LAST = 24  # characters that the last column needs on a terminal


class Head(NamedTuple):
    """The heading of a column. The greater `spare`, the sooner a narrow terminal lacks it."""

    title: str
    right: bool = False
    spare: int = 0  # 0: never left out
    styles: Mapping[str, str] = {}  # rich's, by a cell's text


class Rows(Protocol):
    """Whatever prints a table, so many rows at a time."""

    def write(self, rows: Sequence[Row]) -> None:
        """Print rows; the first ones decide how wide columns are, and get the headings."""


def table(heads: Sequence[Head]) -> Rows:
    """Return what prints a table to standard output."""
    return Drawn(heads) if sys.stdout.isatty() else Plain(heads)


def widths(heads: Sequence[Head], rows: Sequence[Row]) -> list[int]:
    """Return how wide each column has to be for its heading and cells."""
    return [max(map(len, cells)) for cells in zip(_titles(heads), *rows, strict=True)]


def fitting(heads: Sequence[Head], wide: Sequence[int], room: int) -> list[int]:
    """Return which columns fit into so many characters, by what each can be spared for.

    The last column takes what is left, if that is enough to be of use.
    """
    wanted = [*wide[:-1], min(wide[-1], _LAST)]
    kept = list(range(len(heads)))
    while sum(wanted[n] + GAP for n in kept) - GAP > room:
        victim = max(kept, key=lambda n: heads[n].spare)
        if not heads[victim].spare:
            break
        kept.remove(victim)
    return kept


def lines(heads: Sequence[Head], rows: Sequence[Row], room: int | None = None) -> list[str]:
    """Return rows below their headings; of the columns those that fit into `room` characters."""
    if room is not None:
        kept = fitting(heads, widths(heads, rows), room)
        heads = [heads[n] for n in kept]
        rows = [tuple(row[n] for n in kept) for row in rows]
    return _aligned(_form(heads, rows), [_titles(heads), *rows])


def _titles(heads: Sequence[Head]) -> Row:
    return tuple(head.title for head in heads)


def _form(heads: Sequence[Head], rows: Sequence[Row]) -> str:
    """Return how a row is formatted, as `%` has it: there may be millions of them."""
    sides = ("" if head.right else "-" for head in heads)
    places = zip(sides, widths(heads, rows), strict=True)
    return (" " * GAP).join(f"%{side}{width}s" for side, width in places)


def _aligned(form: str, rows: Sequence[Row]) -> list[str]:
    return [(form % row).rstrip() for row in rows]


class Plain:
    """Whole lines: nothing depends on who reads them."""

    def __init__(self, heads: Sequence[Head]) -> None:
        """Prepare."""
        self._heads = heads
        self._form = ""

    def write(self, rows: Sequence[Row]) -> None:
        """Print rows, headings first."""
        if not self._form:
            self._form = _form(self._heads, rows)
            rows = [_titles(self._heads), *rows]
        sys.stdout.write("".join([f"{line}\n" for line in _aligned(self._form, rows)]))


class Drawn:
    """On a terminal: what fits beside each other, the most telling columns first."""

    def __init__(self, heads: Sequence[Head]) -> None:
        """Load what draws: later the files it is in may not be readable any more."""
        from rich.console import Console  # noqa: PLC0415 - 40 ms
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        self._heads = heads
        self._console = Console(highlight=False)
        self._table, self._text = Table, Text
        self._begun = False
        self._kept = list(range(len(heads)))
        self._widths = [1] * len(heads)
        with self._console.capture():
            self._draw([("-",) * len(heads)])

    def write(self, rows: Sequence[Row]) -> None:
        """Draw rows, headings above the first."""
        if not self._begun:
            wide = widths(self._heads, rows)
            self._kept = fitting(self._heads, wide, self._console.width)
            self._widths = self._fit(wide)
        self._draw(rows)
        self._begun = True

    def _fit(self, wide: Sequence[int]) -> list[int]:
        """Give the last column what the others leave: the widest of them what it must."""
        chosen = [wide[n] for n in self._kept[:-1]]
        room = self._console.width - GAP * len(chosen)
        excess = sum(chosen) + min(wide[-1], _LAST) - room
        widest = chosen.index(max(chosen))
        chosen[widest] -= min(max(excess, 0), chosen[widest] - 1)
        return [*chosen, max(room - sum(chosen), 1)]

    def _draw(self, rows: Sequence[Row]) -> None:
        table = self._table(
            box=None,
            show_header=not self._begun,
            header_style="bold",
            padding=(0, GAP, 0, 0),
            pad_edge=False,
        )
        for number, width in zip(self._kept, self._widths, strict=True):
            head = self._heads[number]
            justify: Literal["right", "left"] = "right" if head.right else "left"
            last = number == len(self._heads) - 1  # it alone may take several lines
            table.add_column(head.title, justify=justify, width=width, no_wrap=not last)
        for row in rows:
            table.add_row(*(self._cell(number, row[number]) for number in self._kept))
        self._console.print(table)

    def _cell(self, number: int, text: str) -> "Text":
        return self._text(text, style=self._heads[number].styles.get(text, ""))
