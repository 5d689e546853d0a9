"""Packets as rows of values: JSON lines, CSV, and the columns that tshark's -T fields prints."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache

from vsockdump.columns import USUAL, Column, Value, find, rows
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
        self._columns = [(f"{_json(column.name)}:", column) for column in columns]

    def render(self, batch: Batch) -> bytes:
        """Return a line a packet."""
        members = (_members(key, column.values(batch)) for key, column in self._columns)
        objects = map(",".join, zip(*members, strict=True))
        return "".join(f"{{{one}}}\n" for one in objects).encode()


def _members(key: str, values: Sequence[Value]) -> list[str]:
    """Encode one column: most values are numbers, and the encoder is slow to be asked for each."""
    return [f"{key}{v}" if type(v) is int else f"{key}{_json(v)}" for v in values]


def _json(value: Value) -> str:
    return _known_json(tuple(value) if isinstance(value, list) else value)


@lru_cache(maxsize=256)
def _known_json(value: str | tuple[str, ...] | None) -> str:
    return json.dumps(value, separators=(",", ":"))


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
