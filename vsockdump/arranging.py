"""The order in which rows are printed: as they come, by number, or by what was asked for."""

import difflib
import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from vsockdump.errors import UsageError
from vsockdump.values import Field

T = TypeVar("T")
Key = Callable[[T], tuple[bool, int | str]]

HELD = 10_000
"""Rows that are held back for the ones before them."""

MOST_FIRST = ("bytes", "connect", "duration", "flows", "packets", "problems", "stalled")
"""Columns that begin with one of these are sorted downwards unless something else is asked for."""


class Arranged(Protocol[T]):
    """Whatever takes rows as they come, and gives them in its order."""

    def take(self, rows: Iterable[T]) -> Iterable[T]:
        """Take some, and yield those whose turn has come."""

    def rest(self, rows: Iterable[T]) -> Iterable[T]:
        """Take the last ones, by their number, and yield all that are left."""


class Unordered(Generic[T]):
    """Gives each row at once."""

    def take(self, rows: Iterable[T]) -> Iterable[T]:
        """Return them."""
        return rows

    def rest(self, rows: Iterable[T]) -> Iterable[T]:
        """Return them."""
        return rows


class ByNumber(Generic[T]):
    """Rows by their number, as far as HELD of them waiting for their turn can bring that about."""

    def __init__(self, number: Callable[[T], int]) -> None:
        """Order by `number`, which no two rows share."""
        self._number = number
        self._held: list[tuple[int, T]] = []

    def take(self, rows: Iterable[T]) -> Iterable[T]:
        """Hold them, and yield the first ones where there are too many."""
        for row in rows:
            entry = (self._number(row), row)
            if len(self._held) < HELD:
                heapq.heappush(self._held, entry)
            else:
                yield heapq.heappushpop(self._held, entry)[1]

    def rest(self, rows: Iterable[T]) -> Iterable[T]:
        """Yield those that were held between the others."""
        held = [row for _, row in sorted(self._held)]
        return heapq.merge(held, rows, key=self._number) if held else rows


class Sorted(Generic[T]):
    """All rows, or only the first `most`, by a key: of the others none is kept."""

    def __init__(self, key: Key[T], descending: bool, most: int = 0) -> None:
        """Sort; rows that are equal stay in the order in which they came."""
        self._key = key
        self._best = heapq.nlargest if descending else heapq.nsmallest
        self._most = most
        self._held: list[T] = []

    def take(self, rows: Iterable[T]) -> Iterable[T]:
        """Hold them, and return none."""
        for row in rows:
            self._held.append(row)
            if self._most and len(self._held) > 2 * self._most + HELD:
                self._cut()
        return ()

    def rest(self, rows: Iterable[T]) -> Iterable[T]:
        """Return all of them in their order."""
        self.take(rows)
        self._cut()
        return self._held

    def _cut(self) -> None:
        self._held = self._best(self._most or len(self._held), self._held, key=self._key)


def by(fields: Sequence[Field[T]], asked: str, most: int = 0) -> Sorted[T]:
    """Return what sorts by the column asked for: `-` before its name is downwards, `+` upwards.

    Raises UsageError for a name that no column has.
    """
    name = asked.lstrip("+-")
    field = _find(fields, name)
    descending = asked[0] == "-" or (asked[0] != "+" and name.startswith(MOST_FIRST))
    return Sorted(_key(field, descending), descending, most)


def _key(field: Field[T], descending: bool) -> Key[T]:
    """Return what to sort by; what is not known comes last either way."""

    def key(row: T) -> tuple[bool, int | str]:
        value = field.value(row)
        known = value is not None
        return (known == descending, value if isinstance(value, int | str) else 0)

    return key


def _find(fields: Sequence[Field[T]], name: str) -> Field[T]:
    found = {field.name: field for field in fields}
    names = {name, f"{name}_s"} & found.keys()
    if not names:
        near = difflib.get_close_matches(name, found, 1)
        hint = f"do you mean {near[0]}?" if near else f"there are {', '.join(found)}"
        raise UsageError(f"--sort {name}: no column is called so; {hint}")
    return found[names.pop()]
