"""The part of a connection's bytes that is on the screen: a stream may be gigabytes long."""

from collections.abc import Callable
from typing import NamedTuple

from vsockdump.browsing.opened import Opened
from vsockdump.browsing.streams import BEGIN, Point, Stream, gaps
from vsockdump.joined import Part

from .followtext import FROM_THE_START, SOMEWHERE, Tally, tallied

BYTES = 1 << 18
"""That make up a part: what is laid out within the blink of an eye."""

PACKETS = 1 << 13

Going = Callable[[], bool]
"""Says whether what a thread does is still wanted."""


class Start(NamedTuple):
    """Where a part begins, and how far the messages are there."""

    point: Point = BEGIN
    tally: Tally = FROM_THE_START


class Piece(NamedTuple):
    """A part of a connection, as far as it is there by now."""

    flow: int = 0
    start: Start = Start()
    parts: tuple[Part, ...] = ()
    end: Point = BEGIN
    more: bool = False  # another one follows
    gaps: int = 0

    @property
    def next(self) -> Start:
        """Where the one behind it begins."""
        return Start(self.end, tallied(self.parts, self.start.tally))


def read(opened: Opened, flow: int, start: Start, before: Piece) -> Piece:
    """Return the part that begins at a start; what `before` has of it is not read again.

    Raises ReadError.
    """
    known = len(gaps(opened, flow))  # one may have been found in what was read already
    if (before.flow, before.start, before.gaps) != (flow, start, known):
        before = Piece(flow, start, (), start.point, gaps=known)
    if before.more:
        return before
    room = BYTES - sum(len(part.data) for part in before.parts)
    packets = PACKETS - len(before.parts)
    stream = Stream(opened, flow, before.end)
    came = stream.read(room, packets) if room > 0 and packets > 0 else []
    return Piece(flow, start, (*before.parts, *came), stream.point, stream.more(), known)


def reach(opened: Opened, flow: int, starts: list[Start], number: int, going: Going) -> None:
    """Add starts of parts, up to that of the one which a packet is in, or the last one."""
    stream = Stream(opened, flow, starts[-1].point)
    while going() and stream.skip(BYTES, PACKETS) and stream.point.after < number and stream.more():
        starts.append(Start(stream.point, SOMEWHERE))


def search(
    opened: Opened, starts: list[Start], piece: Piece, has: Callable[[Piece], bool], going: Going
) -> Piece | None:
    """Return the next part behind a piece that has what is wanted, None if there is none.

    The starts of the parts on the way to it are added. Raises ReadError.
    """
    while going() and piece.more:
        starts.append(piece.next)
        piece = read(opened, piece.flow, starts[-1], Piece())
        if has(piece):
            return piece
    return None
