"""Packets as rows of values: JSON lines, CSV, and the columns that tshark's -T fields prints."""

import json
from collections.abc import Callable, Sequence

from vsockdump.columns import USUAL, Column, Value, find, rows
from vsockdump.engine.batch import Batch


def table(form: str, names: Sequence[str]) -> "Jsonl | Separated":
    """Return the printer of "jsonl", "csv" or "fields" for the columns named, or the usual ones.

    Raises UsageError for a name that no column has.
    """
    columns = [find(name) for name in names] or list(USUAL)
    if form == "jsonl":
        return Jsonl(columns)
    return Separated(columns, ",", header=True) if form == "csv" else Separated(columns, "\t")


class Jsonl:
    """One JSON object a packet; a value that the packet lacks is null."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Prepare to print `columns` in their order."""
        self._columns = columns
        self._names = [column.name for column in columns]
        self._encode = json.JSONEncoder(separators=(",", ":")).encode

    def render(self, batch: Batch) -> bytes:
        """Return a line a packet."""
        found = rows(self._columns, batch)
        lines = (self._encode(dict(zip(self._names, row, strict=True))) for row in found)
        return "".join(f"{line}\n" for line in lines).encode()


class Separated:
    """Values between separators, missing ones empty, lists joined by `|`."""

    def __init__(self, columns: Sequence[Column], separator: str, header: bool = False) -> None:
        """Prepare to print `columns` in their order; `header` puts their names first."""
        self._columns = columns
        self._separator = separator
        names = separator.join(column.name for column in columns)
        self._header = f"{names}\n" if header else ""

    def render(self, batch: Batch) -> bytes:
        """Return a line a packet, behind the header the first time."""
        join: Callable[[Sequence[str]], str] = self._separator.join
        lines = (join([_cell(value) for value in row]) for row in rows(self._columns, batch))
        text = self._header + "".join(f"{line}\n" for line in lines)
        self._header = ""
        return text.encode()


def _cell(value: Value) -> str:
    """The values of the columns hold no separator, quote or newline: they need no quoting."""
    if value is None:
        return ""
    return "|".join(value) if isinstance(value, list) else str(value)
