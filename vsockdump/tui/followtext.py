"""What a connection carries, laid out in lines of a width: all of it printable."""

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from rich.cells import get_character_cell_size

from vsockdump.joined import Part, Stretch, stretches
from vsockdump.messages import plural, printable

TAB = 8
"""Columns from one tab stop to the next."""

_PLAIN = re.compile(rb"[ -~]*")
_DOTS = bytes(c if 0x20 < c < 0x7F else 0x20 if c == 0x20 else 0x2E for c in range(256))
_WIDEST = 8  # bytes a column: marks above and below letters take no room, but are not endless

Cut = Callable[[bytes, int], Iterator[tuple[int, int]]]
"""Cuts bytes into lines: where each begins and ends."""

Show = Callable[[bytes, int, int], str]
"""Words the bytes of a line that begins at an offset of its side's bytes.

Both are told a measure of how long lines are.
"""


class Mode(Enum):
    """How bytes are shown."""

    TEXT = "text"
    HEX = "hex"
    RAW = "raw"

    @property
    def next(self) -> "Mode":
        """The one after this, the first after the last."""
        modes = list(Mode)
        return modes[(modes.index(self) + 1) % len(modes)]


# --- text -----------------------------------------------------------------------------------------


def text_lines(data: bytes, width: int) -> Iterator[tuple[int, int]]:
    """Cut at each LF or CR LF, and where a line is full."""
    begin = 0
    while begin < len(data):
        found = data.find(b"\n", begin)
        end = len(data) if found < 0 else found
        cr = found > begin and data[end - 1] == 0x0D
        yield from _wrapped(data, begin, end - cr, width)
        begin = end + 1


def _wrapped(data: bytes, begin: int, end: int, width: int) -> Iterator[tuple[int, int]]:
    if _PLAIN.fullmatch(data, begin, end):
        for at in range(begin, max(end, begin + 1), width):
            yield at, min(at + width, end)
        return
    at, column = begin, 0
    for char in data[begin:end].decode("utf-8", "surrogateescape"):
        _, size, cells = _measured(char)
        cells = cells if cells >= 0 else TAB - column % TAB
        if (column + cells > width and at > begin) or at - begin >= _WIDEST * width:
            yield begin, at
            begin, column = at, 0
            cells = cells if char != "\t" else TAB
        column += cells
        at += size
    yield begin, at


@lru_cache(1 << 12)
def _measured(char: str) -> tuple[str, int, int]:
    """Return what stands for a character, and how many bytes and cells it takes; a tab -1."""
    size = len(char.encode("utf-8", "surrogateescape"))
    if char == "\t":
        return "", size, -1
    if char.isprintable():
        return char, size, get_character_cell_size(char)
    byte = ord(char) - 0xDC00  # what is no UTF-8 is a surrogate here
    shown = f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else printable(char)
    return shown, size, len(shown)


def show_text(data: bytes, offset: int = 0, width: int = 0) -> str:
    """Return a line of text: UTF-8 where it is that, all else escaped."""
    if _PLAIN.fullmatch(data):
        return data.decode("ascii")
    made, column = [], 0
    for char in data.decode("utf-8", "surrogateescape"):
        shown, _, cells = _measured(char)
        cells = cells if cells >= 0 else TAB - column % TAB
        made.append(shown or " " * cells)
        column += cells
    return "".join(made)


# --- hex and raw ----------------------------------------------------------------------------------


def hex_bytes(width: int) -> int:
    """Return how many bytes there is room for in a line: 16, or else 8."""
    return 16 if width >= len(show_hex(b"", 0, 16)) + 16 else 8


def show_hex(data: bytes, offset: int, each: int) -> str:
    """Return where a line begins, its bytes in groups of two, and beside them as ASCII."""
    return f"{offset:08x}  {data.hex(' ', -2):<{each // 2 * 5 - 1}}  {show_raw(data)}"


def show_raw(data: bytes, offset: int = 0, width: int = 0) -> str:
    """Return ASCII, with a dot for whatever it does not show."""
    return data.translate(_DOTS).decode("ascii")


def every(data: bytes, step: int) -> Iterator[tuple[int, int]]:
    """Cut into lines of so many bytes."""
    return ((at, min(at + step, len(data))) for at in range(0, len(data), step))


_FORMS: dict[Mode, tuple[Cut, Show]] = {
    Mode.TEXT: (text_lines, show_text),
    Mode.HEX: (every, show_hex),
    Mode.RAW: (every, show_raw),
}

# --- lines ----------------------------------------------------------------------------------------


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
        self._cut, self._show = _FORMS[mode]
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
