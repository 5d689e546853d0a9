"""Which bytes of a frame are the packet's, when Linux's tap put too many into it.

vhost cuts a packet to the guest's receive buffers and taps every piece. Two generations of kernels
tap more than the piece ("defect A", mended by Linux commit 5f344d809e01):

* A1 (6.3-6.6, 6.1.y): a frame holds all bytes still to be sent; the piece is its head.
* A2 (6.7-7.0): a frame holds the whole packet; the piece stands at the running offset.

One frame does not tell them apart. Two pieces of one packet do: under A1 the bytes shrink by the
piece before, under A2 they stay the same. The two must follow each other: the last piece of A1 is
a packet as it should be, and behind it may come another packet as long as the one before.
"""

from collections.abc import Hashable
from typing import NamedTuple

from .notes import Note

MOST = 4096
"""Directions remembered at once; the longest unused one is forgotten first."""


class _Piece(NamedTuple):
    held: int
    end: int
    length: int


class Splits:
    """Remembers the last over-long RW of every direction of every connection."""

    def __init__(self) -> None:
        """Start with no packet seen."""
        self._last: dict[Hashable, _Piece] = {}

    def feed(self, direction: Hashable, held: int, length: int) -> tuple[Note, int]:
        """Place one RW whose frame held `held` payload bytes where `length` were announced.

        `held` > `length`, both in bytes, `held` before any cut by the snaplen. Returns the note
        and how many bytes of the frame's payload stand before the packet's own.
        """
        note, offset = self._place(self._last.pop(direction, None), held, length)
        self._last[direction] = _Piece(held, offset + length, length)
        if len(self._last) > MOST:
            del self._last[next(iter(self._last))]
        return note, offset

    def forget(self, direction: Hashable) -> None:
        """Take note of an RW with no byte too many: what comes next continues nothing."""
        self._last.pop(direction, None)

    def __len__(self) -> int:
        """How many directions are remembered."""
        return len(self._last)

    def _place(self, last: _Piece | None, held: int, length: int) -> tuple[Note, int]:
        if last is not None and held == last.held - last.length:
            return Note.DEFECT_A1, 0
        if last is not None and held == last.held and last.end + length <= held:
            return Note.DEFECT_A2, last.end
        return Note.DEFECT_A, 0
