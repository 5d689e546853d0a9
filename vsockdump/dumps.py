"""Bytes as text below a packet's line, laid out as tcpdump's -x, -X and -A lay them out.

What leaves here is printable, newlines and tabs apart: captured bytes do not reach a terminal raw.
"""

import re

_WIDTH = 16
_SHOWN = bytes(c if 0x20 < c < 0x7F else 0x2E for c in range(256))
_UNSHOWN = re.compile(rb"\r(?=\n|.?\Z)", re.DOTALL)  # before a LF, and last or last but one
_TEXT = bytes(c if 0x20 <= c < 0x7F or c in b"\t\n" else 0x2E for c in range(256))


def hex_dump(data: bytes) -> str:
    """Return lines of 16 bytes in groups of two, each line begun by a newline and a tab."""
    return "".join(f"\n\t0x{at:04x}:  {_groups(data[at : at + 16])}" for at in _steps(data))


def hex_ascii_dump(data: bytes) -> str:
    """Return the same with the printable characters beside."""
    return "".join(
        f"\n\t0x{at:04x}:  {_groups(row):<39}  {row.translate(_SHOWN).decode()}"
        for at, row in ((at, data[at : at + _WIDTH]) for at in _steps(data))
    )


def ascii_dump(data: bytes) -> str:
    """Return the bytes as text begun by a newline, without the CRs that tcpdump leaves out."""
    return "\n" + _UNSHOWN.sub(b"", data).translate(_TEXT).decode()


def _steps(data: bytes) -> range:
    return range(0, len(data), _WIDTH)


def _groups(row: bytes) -> str:
    return row.hex(" ", -2)
