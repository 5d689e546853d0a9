"""Bytes as lines of a width, in several ways: all of them printable."""

import re
from collections.abc import Callable, Iterator
from enum import Enum
from functools import lru_cache

from rich.cells import get_character_cell_size

from vsockdump.messages import printable

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


def needle(text: str) -> re.Pattern[bytes]:
    """Return what finds a text; \\xNN in it is a byte. Small letters find capital ones, too."""
    parts = re.split(r"\\x([0-9a-fA-F]{2})", text)
    parts[::2] = [part.encode().hex() for part in parts[::2]]
    data = bytes.fromhex("".join(parts))
    small = text == text.lower()
    return re.compile(re.escape(data), re.IGNORECASE if small else re.NOFLAG)


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


FORMS: dict[Mode, tuple[Cut, Show]] = {
    Mode.TEXT: (text_lines, show_text),
    Mode.HEX: (every, show_hex),
    Mode.RAW: (every, show_raw),
}
