"""A connection in one line of a screen: which columns fit, and how wide they are."""

from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len, set_cell_size

from .flowcells import COLUMNS, Cell, Column, Shown

GAP = 1

# What is there in any case, and what then gets the room that is left, one wish after the other: a
# column so many characters, or (0) as many as it needs.
_NEEDED = {"number": 0, "who": 20, "verdict": 0, "bytes": 0, "gauge": 4, "free": 0, "stalled": 0}
_WISHES = (
    ("spark", 3), ("who", 30), ("gauge", 7), ("spark", 5), ("state", 0), ("duration", 0),
    ("who", 48), ("spark", 8), ("packets", 0), ("problems", 0), ("start", 0), ("spark", 16),
    ("gauge", 12), ("who", 0), ("reason", 0),
)  # fmt: skip
_ELASTIC = ("who", "reason")  # of use with less than they need
_USEFUL = 8  # characters of such a one at the least


class Widths:
    """How wide each column is: never narrower than before, or all would jump about."""

    def __init__(self) -> None:
        """Begin with the headings."""
        self._needs: dict[str, int] = {}
        for column in COLUMNS:
            self._need(column.name, column.title)

    def see(self, lines: Iterable[Shown]) -> bool:
        """Look at lines that are to be shown; tell whether that made anything wider."""
        before = dict(self._needs)
        for line in lines:
            for column in COLUMNS:
                self._need(column.name, column.cell(line, 0)[0])
        return before != self._needs

    def _need(self, name: str, text: str) -> None:
        self._needs[name] = max(self._needs.get(name, 0), cell_len(text))

    def within(self, room: int) -> tuple[int, ...]:
        """Return a width a column for lines of so many characters, 0 for one that is left out."""
        return _within(self._needs, room)


def _within(needs: Mapping[str, int], room: int) -> tuple[int, ...]:
    names = [column.name for column in COLUMNS]
    given = {name: min(least or needs[name], _full(needs, name)) for name, least in _NEEDED.items()}
    left = room + GAP - sum(given[name] + GAP for name in names if name in given)
    for name, wish in _WISHES:
        had, many = given.get(name, -GAP), names.count(name)
        more = min(wish or needs[name], _full(needs, name)) - had
        if name in _ELASTIC and left >= (0 if name in given else _USEFUL):
            more = min(more, left)
        if 0 < more * many <= left:
            given[name] = had + more
            left -= more * many
    return tuple(given.get(name, 0) for name in names)


def _full(needs: Mapping[str, int], name: str) -> int:
    """Return the most that is of use: what is drawn has no end."""
    return needs[name] if name in _ELASTIC else max(needs[name], 16)


# --- lines ------------------------------------------------------------------------------------


def head(widths: Sequence[int]) -> str:
    """Return the line of headings."""
    cells = ((column, (column.title, "")) for column in COLUMNS)
    return "".join(text for text, _ in _placed(cells, widths)).rstrip()


def line(shown: Shown, widths: Sequence[int]) -> list[Cell]:
    """Return a connection's line in pieces, each with its ink."""
    pairs = zip(COLUMNS, widths, strict=True)
    cells = ((column, column.cell(shown, width)) for column, width in pairs)
    return list(_placed(cells, widths))


def _placed(cells: Iterable[tuple[Column, Cell]], widths: Sequence[int]) -> Iterable[Cell]:
    for (column, (text, ink)), width in zip(cells, widths, strict=True):
        if width:
            yield _fitted(text, width, column.right), ink
            yield " " * GAP, ""


def _fitted(text: str, width: int, right: bool) -> str:
    missing = width - cell_len(text)
    if missing < 0:
        return f"{set_cell_size(text, width - 1)}…"
    return " " * missing + text if right else text + " " * missing
