"""What a connection carries: the bytes of its RW packets, end to end, with holes where bytes lack.

Neither transport sends anything twice (virtio 1.3, 5.10.6), so to join is to append: what is left
out are packets that a capture holds twice, and those the tracker has counted out already.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from vsockdump.dissectors.virtio import Type

EOM, EOR = 1, 2
"""A SEQPACKET RW's flags: VIRTIO_VSOCK_SEQ_EOM and _EOR (virtio 1.3, 5.10.6.6.1)."""

MOST = 1 << 20
"""Bytes of a stretch if nothing else is said."""


class Segment(NamedTuple):
    """One RW packet as it was captured; `data` are those of its `size` bytes that are there."""

    number: int  # in the capture, from 1
    time: int  # ns since 1970
    side: int  # 0: who opened the connection sent it
    size: int  # hdr.len, bytes
    data: bytes
    type: int  # of socket: only a SEQPACKET one has messages
    flags: int
    leaked: bool = False
    """The kernel that captured this may have put its own memory here instead (defect B)."""


class Kind(IntEnum):
    """What a part is."""

    DATA = 0
    CUT = 1
    """The rest of a packet that the capture cut short."""
    GAP = 2
    """Packets that were not captured, somewhere between the side's last data and here."""


class Part(NamedTuple):
    """Bytes of one side that came in one packet, or a hole in them.

    `offset` is where in the side's bytes it begins, the sizes of holes counted as far as known.
    """

    number: int
    """The packet it came in; of a gap the one that showed it."""
    time: int
    side: int
    offset: int
    data: bytes
    """All `size` bytes; of a hole none."""
    size: int | None
    kind: Kind = Kind.DATA
    end_of_message: bool = False
    end_of_record: bool = False
    leaked: bool = False

    @property
    def hole(self) -> bool:
        """Whether its bytes are not there."""
        return self.kind is not Kind.DATA


class Joiner:
    """Joins one connection, whose packets it is given in their order."""

    def __init__(self, offsets: Sequence[int] = (0, 0)) -> None:
        """Begin behind so many bytes of either side."""
        self._offsets = list(offsets)

    @property
    def offsets(self) -> tuple[int, int]:
        """How many bytes of either side there were so far, holes and all."""
        return self._offsets[0], self._offsets[1]

    def feed(self, segment: Segment) -> list[Part]:
        """Return what an RW packet adds: its bytes, the hole behind them, or both."""
        data = segment.data[: segment.size]
        missing = segment.size - len(data)
        parts = []
        if data or not missing:
            parts.append(self._part(segment, data, len(data), Kind.DATA))
        if missing:
            parts.append(self._part(segment, b"", missing, Kind.CUT))
        flags = segment.flags if segment.type == Type.SEQPACKET else 0
        parts[-1] = parts[-1]._replace(
            end_of_message=bool(flags & EOM), end_of_record=bool(flags & EOR)
        )
        return parts

    def lost(self, number: int, time: int, side: int, size: int | None) -> Part:
        """Return the hole of bytes that were not captured, as packet `number` shows."""
        part = Part(number, time, side, self._offsets[side], b"", size, Kind.GAP)
        self._offsets[side] += size or 0
        return part

    def skip(self, side: int, size: int) -> None:
        """Count bytes of a side that nobody wants to see."""
        self._offsets[side] += size

    def _part(self, segment: Segment, data: bytes, size: int, kind: Kind) -> Part:
        number, time, side = segment[:3]
        offset = self._offsets[side]
        self._offsets[side] += size
        return Part(number, time, side, offset, data, size, kind, leaked=segment.leaked)


class Stretch(NamedTuple):
    """Parts of one side that follow each other: a message, or some of a stream."""

    parts: tuple[Part, ...]

    @property
    def side(self) -> int:
        """Whose bytes these are."""
        return self.parts[0].side

    @property
    def begin(self) -> int:
        """Where they begin in the side's bytes."""
        return self.parts[0].offset

    @property
    def size(self) -> int:
        """How many they are, holes and all."""
        return sum(part.size or 0 for part in self.parts)

    @property
    def data(self) -> bytes:
        """Those that are there."""
        return b"".join(part.data for part in self.parts)

    @property
    def whole(self) -> bool:
        """Whether all are there."""
        return not any(part.hole for part in self.parts)

    @property
    def ended(self) -> bool:
        """Whether a message ends here."""
        return self.parts[-1].end_of_message

    def at(self, offset: int) -> int:
        """Return the packet in which the byte at an offset of the side's came, or the nearest."""
        found = bisect_right(self.parts, offset, key=lambda part: part.offset)
        return self.parts[max(found - 1, 0)].number


def messages(parts: Iterable[Part], side: int) -> Iterator[Stretch]:
    """Yield the messages of one side of a SEQPACKET connection; the last may lack its end."""
    message: list[Part] = []
    for part in parts:
        if part.side == side:
            message.append(part)
            if part.end_of_message:
                yield Stretch(tuple(message))
                message = []
    if message:
        yield Stretch(tuple(message))


def stretches(parts: Iterable[Part], most: int = MOST) -> Iterator[Stretch]:
    """Yield what is there in one piece: up to a hole, a message's end, the other side's turn.

    A piece has at most `most` bytes, or one packet. Holes come as pieces of their own.
    """
    piece: list[Part] = []
    size = 0
    for part in parts:
        if piece and (_parted(piece[-1], part) or size + len(part.data) > most):
            yield Stretch(tuple(piece))
            piece, size = [], 0
        piece.append(part)
        size += len(part.data)
    if piece:
        yield Stretch(tuple(piece))


def _parted(before: Part, part: Part) -> bool:
    changes = (before.side, before.leaked) != (part.side, part.leaked)
    return changes or before.end_of_message or before.hole or part.hole
