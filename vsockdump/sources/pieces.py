"""Any packet of a capture file, without reading all that is before it."""

import os
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from typing import NamedTuple

from vsockdump.engine.batch import Batch
from vsockdump.engine.scan import Scanner
from vsockdump.errors import ReadError, reason

from .savefile import Place, Savefile

_KEPT = 8  # batches that were read again last: what a screen shows, and what is around it

_MOST, _MOST_BYTES = 4096, 1 << 19  # packets and bytes of a piece: no batch has more packets

_AGO = 64  # pieces that are read before one whose packets the kernel may have split


class Piece(NamedTuple):
    """Some packets that stand together."""

    first: int  # number of the first of them
    packets: int
    place: Place
    split: bool  # the kernel may have split some: what they carry depends on those before


class Pieces:
    """Where the packets of a file stand: 33 bytes for up to 4096 of them.

    One thread adds to it, others may ask.
    """

    def __init__(self, source: Savefile) -> None:
        """Nothing is known yet of `source`."""
        self.source = source
        self._firsts, self._offsets = array("Q"), array("Q")
        self._sizes, self._states = array("Q"), array("Q")
        self._split = bytearray()
        self._next = 0  # packet
        self._lock = threading.Lock()

    def add(self, batch: Batch, split: bool) -> None:
        """Note where the latest batch stands."""
        piece = Piece(batch.first, batch.count, self.source.place(batch), split)
        with self._lock:
            if self._firsts and self._goes_on(piece):
                self._sizes[-1] += piece.place.size
            else:
                self._append(piece)
            self._next = piece.first + piece.packets

    def _append(self, piece: Piece) -> None:
        self._firsts.append(piece.first)
        self._offsets.append(piece.place.offset)
        self._sizes.append(piece.place.size)
        self._states.append(piece.place.state[1] << 1 | piece.place.state[0])
        self._split.append(piece.split)

    def _goes_on(self, piece: Piece) -> bool:
        """Whether a batch, perhaps a packet of a trickle, can be read as one with that before."""
        before, place = self._piece(len(self._firsts) - 1), piece.place
        behind = before.place.offset + before.place.size == place.offset
        small = piece.first + piece.packets - before.first <= _MOST
        alike = (before.split, before.place.state) == (piece.split, place.state)
        return behind and alike and small and before.place.size + place.size <= _MOST_BYTES

    def _piece(self, at: int) -> Piece:
        state = bool(self._states[at] & 1), self._states[at] >> 1
        place = Place(self._offsets[at], self._sizes[at], state)
        firsts = self._firsts
        end = firsts[at + 1] if at + 1 < len(firsts) else self._next
        return Piece(firsts[at], end - firsts[at], place, bool(self._split[at]))

    def find(self, number: int) -> list[Piece]:
        """Return the piece with a packet, behind those that have to be read to have it right.

        Raises IndexError for a packet before the first that is known.
        """
        with self._lock:
            at = first = bisect_right(self._firsts, number) - 1
            if at < 0:
                raise IndexError(number)
            while self._split[first] and 0 < first > at - _AGO and self._split[first - 1]:
                first -= 1
            return [self._piece(one) for one in range(first, at + 1)]

    def behind(self, offset: int) -> int:
        """Return the number of the first packet that stands behind a place in the file, or 0."""
        with self._lock:
            at = bisect_left(self._offsets, max(offset, 0))
            return self._firsts[at] if at < len(self._firsts) else 0

    def let_go(self, number: int) -> int:
        """Forget the pieces before the one with a packet; return where that stands."""
        with self._lock:
            at = max(bisect_right(self._firsts, number) - 1, 0)
            for each in (self._firsts, self._offsets, self._sizes, self._states):
                del each[:at]
            del self._split[:at]
            return self._offsets[0]

    def scanner(self) -> Scanner:
        """Return one that knows the interfaces found so far, and no packet."""
        made = Scanner()
        for one in list(self.source.interfaces):
            made.add_interface(one.linktype, one.tsresol, one.tsoffset, one.snaplen)
        return made


class Reader:
    """Reads packets of a file again, which may still grow; threads may share it."""

    def __init__(self, pieces: Pieces, fd: int) -> None:
        """Read from `fd`, at any place."""
        self._pieces = pieces
        self._fd = fd
        self._scanner = pieces.scanner()
        self._kept: OrderedDict[int, Batch] = OrderedDict()  # by the number of the first packet
        self._lock = threading.Lock()

    def batch(self, number: int) -> tuple[Batch, int]:
        """Return a batch that a packet is in, and its row; the batch stays valid.

        Raises ReadError, and IndexError for a number that no packet has.
        """
        with self._lock:
            batch = self._again(number)
        row = number - batch.first
        if not 0 <= row < batch.count:
            raise IndexError(number)
        return batch, row

    def fresh(self, number: int) -> Batch:
        """Return a batch that a packet is in, for the caller alone, who may change it."""
        with self._lock:
            return self._read(self._pieces.find(number))

    def _again(self, number: int) -> Batch:
        run = self._pieces.find(number)
        found = self._kept.get(run[-1].first)
        if found is None or number >= found.first + found.count:  # it has grown since
            found = self._kept[run[-1].first] = self._read(run)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(run[-1].first)
        return found

    def _read(self, run: list[Piece]) -> Batch:
        # What was split leaves something behind in a scanner.
        scanner = self._pieces.scanner() if run[-1].split else self._known()
        for piece in run:
            data = self._bytes(piece.place)
            batch = self._pieces.source.again(scanner, data, piece.place)
            batch.first = piece.first
            if batch.count < piece.packets:
                raise ReadError(f"{self._pieces.source.name}: the file has changed meanwhile")
        return batch

    def _known(self) -> Scanner:
        """Return a scanner to be used again, unless there are more interfaces now."""
        if self._scanner.interfaces.count != len(self._pieces.source.interfaces):
            self._scanner = self._pieces.scanner()
        return self._scanner

    def _bytes(self, place: Place) -> bytes:
        try:
            data = os.pread(self._fd, place.size, place.offset)
        except OSError as error:
            raise ReadError(f"{self._pieces.source.name}: {reason(error)}") from error
        if len(data) < place.size:
            raise ReadError(f"{self._pieces.source.name}: the file has become shorter")
        return data
