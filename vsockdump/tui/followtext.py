"""What a connection carries, laid out in lines of a width."""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from vsockdump.joined import Part, Stretch, stretches
from vsockdump.messages import plural

from .followbytes import FORMS, Mode, hex_bytes

MARKS = ">", "<"
"""What stands before the lines of each side: who opened the connection, and the other."""


class Told(NamedTuple):
    """How far a side's messages are: how many ended, and how long the next is by now."""

    messages: int | None = 0  # None: nobody has counted
    size: int | None = 0

    def after(self, part: Part) -> "Told":
        """Return the same with one more part."""
        if part.end_of_message:
            return Told(None if self.messages is None else self.messages + 1, 0)
        unknown = self.size is None or part.size is None
        return self._replace(size=None if unknown else (self.size or 0) + (part.size or 0))


Tally = tuple[Told, Told]
"""Of both sides."""

FROM_THE_START: Tally = (Told(), Told())
SOMEWHERE: Tally = (Told(None, None), Told(None, None))


class Line(NamedTuple):
    """One line: the packet that its first byte came in, and what it shows."""

    number: int
    side: int
    kind: str  # "data", "hole", "leak" or "message"
    text: str
    begins: bool  # the first line of its packet


class _Note(NamedTuple):
    """A line that shows no bytes."""

    number: int
    side: int
    offset: int
    kind: str
    text: str


class Laid:
    """Parts as lines. Lines are worded when asked for, and cost 12 bytes each until then."""

    def __init__(
        self,
        parts: Sequence[Part],
        tally: Tally = FROM_THE_START,
        *,
        mode: Mode = Mode.TEXT,
        width: int = 80,
        side: int | None = None,
    ) -> None:
        """Lay out the parts of one `side`, or of both."""
        ends = _messages(parts, tally)
        wanted = (part for part in parts if side in (None, part.side))
        self._cut, self._show = FORMS[mode]
        self._items: list[_Note | Stretch] = list(_items(wanted, ends))
        self._data = [b"" if isinstance(item, _Note) else item.data for item in self._items]
        self._item, self._begin, self._end = array("I"), array("I"), array("I")
        self._measure = hex_bytes(width) if mode is Mode.HEX else max(width, 1)
        for index in range(len(self._items)):
            self._lay(index)

    def _lay(self, index: int) -> None:
        noted = isinstance(self._items[index], _Note)
        for begin, end in [(0, 0)] if noted else self._cut(self._data[index], self._measure):
            self._item.append(index)
            self._begin.append(begin)
            self._end.append(end)

    def __len__(self) -> int:
        """Return how many lines there are."""
        return len(self._item)

    def line(self, row: int) -> Line:
        """Return a line; raises IndexError."""
        index, begin = self._item[row], self._begin[row]
        item = self._items[index]
        number, offset = self.place(row)
        begins = not row or self.place(row - 1)[0] != number
        if isinstance(item, _Note):
            return Line(number, item.side, item.kind, item.text, begins)
        data = self._data[index][begin : self._end[row]]
        return Line(number, item.side, "data", self._show(data, offset, self._measure), begins)

    def place(self, row: int) -> tuple[int, int]:
        """Return the packet that a line begins with, and where in its side's bytes; IndexError."""
        item = self._items[self._item[row]]
        if isinstance(item, _Note):
            return item.number, item.offset
        offset = item.begin + self._begin[row]
        return item.at(offset), offset

    def find(self, place: tuple[int, int]) -> int:
        """Return the line that has a place in it, or the next; the last if there is none."""
        row = self.row(place[0])
        while row + 1 < len(self) and self.place(row + 1) <= place:
            row += 1
        return row

    def search(self, wanted: re.Pattern[bytes], row: int) -> int | None:
        """Return the first line from `row` on that something begins in; None if there is none."""
        if row >= len(self):
            return None
        index, begin = self._item[row], self._begin[row]
        for at in range(index, len(self._items)):
            found = wanted.search(self._data[at], begin if at == index else 0)
            if found:
                place = at, found.start()
                return bisect_right(range(len(self)), place, key=self._at) - 1
        return None

    def _at(self, row: int) -> tuple[int, int]:
        return self._item[row], self._begin[row]

    def row(self, number: int) -> int:
        """Return the first line of a packet, or of the next one; the last if there is none."""
        found = bisect_left(range(len(self)), number, key=lambda row: self.place(row)[0])
        return max(min(found, len(self) - 1), 0)


def _messages(parts: Iterable[Part], tally: Tally) -> dict[int, str]:
    """Return what is to be said where a message ends, by the packet it ends with."""
    now, ends = list(tally), {}
    for part in parts:
        before, now[part.side] = now[part.side], now[part.side].after(part)
        if part.end_of_message:
            ends[part.number] = _ended(before, part)
    return ends


def _ended(told: Told, part: Part) -> str:
    number = "end of a message" if told.messages is None else f"message {told.messages + 1}"
    unknown = told.size is None or part.size is None
    size = "" if unknown else f", {plural((told.size or 0) + (part.size or 0), 'byte')}"
    return number + size + (", end of a record" if part.end_of_record else "")


def tallied(parts: Iterable[Part], tally: Tally) -> Tally:
    """Return how far the messages are behind some parts."""
    now = list(tally)
    for part in parts:
        now[part.side] = now[part.side].after(part)
    return now[0], now[1]


def _items(parts: Iterable[Part], ends: dict[int, str]) -> Iterator[_Note | Stretch]:
    for stretch in stretches(parts):
        first, last = stretch.parts[0], stretch.parts[-1]
        if first.hole:
            yield _Note(first.number, first.side, first.offset, "hole", hole(first))
        else:
            if first.leaked:
                yield _Note(first.number, first.side, first.offset, "leak", LEAK)
            yield stretch
        if last.end_of_message:
            end = last.offset + (last.size or 0)
            yield _Note(last.number, last.side, end, "message", ends[last.number])


LEAK = "the kernel's memory may stand here, not what was sent (kernel defect B)"


def hole(part: Part) -> str:
    """Say what is not there."""
    if part.size is None:
        return "… what was before this was not captured …"
    return f"… {plural(part.size, 'byte')} not captured …"
