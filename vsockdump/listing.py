"""Rows of one kind on standard output: a table for people, JSON or CSV for scripts."""

import csv
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Generic, Protocol, TypeVar

from vsockdump.aligned import Head, Row, table
from vsockdump.analysis import Wanted
from vsockdump.values import Field, Member, as_text, json_object

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

_BLOCK = 1000  # rows that are printed together


class Listing(Protocol[T_contra]):
    """Whatever prints rows."""

    def write(self, rows: Iterable[T_contra]) -> None:
        """Print them."""

    def end(self) -> None:
        """Print the headings, if there was no row."""


class Table(Generic[T]):
    """A table for people, whose cells need not be the fields."""

    def __init__(self, heads: Sequence[Head], cells: Callable[[T], Row]) -> None:
        """Prepare, and load what draws it."""
        self._table = table(heads)
        self._cells = cells
        self._begun = False

    def write(self, rows: Iterable[T]) -> None:
        """Print rows; the first ones decide how wide the columns are."""
        every = map(self._cells, rows)
        while block := list(islice(every, _BLOCK)):
            self._table.write(block)
            self._begun = True

    def end(self) -> None:
        """Print the headings, if there was no row."""
        if not self._begun:
            self._table.write([])


class Jsonl(Generic[T]):
    """One JSON object a row."""

    def __init__(
        self,
        fields: Sequence[Field[T]],
        own: Callable[[T], Iterable[Member]] = lambda row: (),
    ) -> None:
        """Print these, in their order, and behind them what is a row's own."""
        self._fields = fields
        self._own = own

    def write(self, rows: Iterable[T]) -> None:
        """Print a line a row."""
        for row in rows:
            members = [(name, kind, value(row)) for name, kind, _, value in self._fields]
            sys.stdout.write(f"{json_object((*members, *self._own(row)))}\n")

    def end(self) -> None:
        """Print nothing."""


class Csv(Generic[T]):
    """Values between commas below their names."""

    def __init__(self, fields: Sequence[Field[T]]) -> None:
        """Print these, in their order."""
        self._fields = fields
        self._write = csv.writer(sys.stdout, lineterminator="\n").writerow
        self._header: list[str] = [field.name for field in fields]

    def write(self, rows: Iterable[T]) -> None:
        """Print a line a row."""
        for row in rows:
            self.end()
            self._write([as_text(kind, value(row)) for _, kind, _, value in self._fields])

    def end(self) -> None:
        """Print the names, if they have not been."""
        if self._header:
            self._write(self._header)
            self._header = []


def listing(
    wanted: Wanted, fields: Sequence[Field[T]], heads: Sequence[Head], cells: Callable[[T], Row]
) -> Listing[T]:
    """Return what prints rows as asked for: --json, --csv, or a table."""
    if wanted.json:
        return Jsonl(fields)
    return Csv(fields) if wanted.csv else Table(heads, cells)
