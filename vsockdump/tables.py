"""Packets as rows of values: JSON lines, CSV, and the columns that tshark's -T fields prints."""

import csv
import io
import json
from collections.abc import Iterator, Sequence

from vsockdump.columns import USUAL, Column, find, rows
from vsockdump.engine.batch import Batch


def table(form: str, names: Sequence[str]) -> "Jsonl | Csv | Fields":
    """Return the printer of "jsonl", "csv" or "fields" for the columns named, or the usual ones.

    Raises UsageError for a name that no column has.
    """
    columns = [find(name) for name in names] or list(USUAL)
    if form == "jsonl":
        return Jsonl(columns)
    return Csv(columns) if form == "csv" else Fields(columns)


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


class Csv:
    """Values between commas, quoted where need be, below their names; missing ones are empty."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Prepare to print `columns` in their order."""
        self._columns = columns
        self._header: list[list[str]] = [[column.name for column in columns]]

    def render(self, batch: Batch) -> bytes:
        """Return a line a packet, behind the header the first time."""
        text = io.StringIO()
        write = csv.writer(text, lineterminator="\n").writerows
        write(self._header)
        self._header = []
        write(_cells(self._columns, batch))
        return text.getvalue().encode()


class Fields:
    """Values between tabs, as tshark prints them: none of them can hold a tab."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Prepare to print `columns` in their order."""
        self._columns = columns

    def render(self, batch: Batch) -> bytes:
        """Return a line a packet."""
        lines = map("\t".join, _cells(self._columns, batch))
        return "".join(f"{line}\n" for line in lines).encode()


def _cells(columns: Sequence[Column], batch: Batch) -> Iterator[list[str]]:
    """Yield the texts of each packet: nothing for None, a list's words between `|`."""
    for row in rows(columns, batch):
        yield ["|".join(v) if isinstance(v, list) else "" if v is None else str(v) for v in row]
