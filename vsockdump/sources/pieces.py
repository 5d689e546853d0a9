"""Any packet of a capture file, without reading all that is before it."""

import os
import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict

from vsockdump.engine.batch import Batch
from vsockdump.engine.scan import Scanner
from vsockdump.errors import ReadError, reason

from .savefile import Place, Savefile

_KEPT = 8  # batches that were read again last: what a screen shows, and what is around it

_MOST, _MOST_BYTES = 4096, 1 << 19  # packets and bytes of a piece: no batch has more packets

_AGO = 64  # pieces that are read before one whose packets the kernel may have split


class Pieces:
    """Where each batch of a file stands: 33 bytes for up to 4096 packets. One thread adds to it."""

    def __init__(self, source: Savefile) -> None:
        """Nothing is known yet of `source`."""
        self.source = source
        self._firsts, self._offsets = array("Q"), array("Q")
        self._sizes, self._states = array("Q"), array("Q")
        self._split = bytearray()

    def add(self, batch: Batch, split: bool) -> None:
        """Note where the latest batch stands; `split`: what it carries depends on those before."""
        place = self.source.place(batch)
        if self._firsts and self._goes_on(place, batch, split):
            self._sizes[-1] += place.size
            return
        self._offsets.append(place.offset)
        self._sizes.append(place.size)
        self._states.append(place.state[1] << 1 | place.state[0])
        self._split.append(split)
        self._firsts.append(batch.first)  # the last, for others find it by this

    def _goes_on(self, place: Place, batch: Batch, split: bool) -> bool:
        """Whether a batch, perhaps a packet of a trickle, can be read as one with that before."""
        before = self.place(len(self._firsts) - 1)
        behind = before.offset + before.size == place.offset and before.state == place.state
        small = batch.first + batch.count - self._firsts[-1] <= _MOST
        alike = self._split[-1] == split and before.size + place.size <= _MOST_BYTES
        return behind and small and alike

    def find(self, number: int) -> int:
        """Return which piece has a packet; raises IndexError for one before the first."""
        piece = bisect_right(self._firsts, number) - 1
        if piece < 0:
            raise IndexError(number)
        return piece

    def first(self, piece: int) -> int:
        """Return the number of a piece's first packet."""
        return self._firsts[piece]

    def place(self, piece: int) -> Place:
        """Return where it stands."""
        swapped, base = self._states[piece] & 1, self._states[piece] >> 1
        return Place(self._offsets[piece], self._sizes[piece], (bool(swapped), base))

    def run(self, piece: int) -> range:
        """Return the pieces that have to be read to have this one right, which is the last."""
        first = piece
        while self.split(piece) and 0 < first > piece - _AGO and self.split(first - 1):
            first -= 1
        return range(first, piece + 1)

    def split(self, piece: int) -> bool:
        """Tell whether the kernel may have split packets of it."""
        return self._split[piece] == 1

    def scanner(self) -> Scanner:
        """Return one that knows the interfaces found so far, and no packet."""
        made = Scanner()
        for one in list(self.source.interfaces):
            made.add_interface(one.linktype, one.tsresol, one.tsoffset, one.snaplen)
        return made


class Reader:
    """Reads pieces of a file that may still grow; threads may share it."""

    def __init__(self, pieces: Pieces, fd: int) -> None:
        """Read from `fd`, at any place."""
        self._pieces = pieces
        self._fd = fd
        self._scanner = pieces.scanner()
        self._kept: OrderedDict[int, Batch] = OrderedDict()
        self._lock = threading.Lock()

    def batch(self, number: int) -> tuple[Batch, int]:
        """Return the batch that a packet is in, and its row; the batch stays valid.

        Raises ReadError, and IndexError for a number that no packet has.
        """
        with self._lock:
            batch = self._piece(self._pieces.find(number), number)
        row = number - batch.first
        if not 0 <= row < batch.count:
            raise IndexError(number)
        return batch, row

    def fresh(self, number: int) -> Batch:
        """Return the batch that a packet is in, for the caller alone, who may change it."""
        with self._lock:
            return self._read(self._pieces.run(self._pieces.find(number)))

    def _piece(self, piece: int, number: int) -> Batch:
        found = self._kept.get(piece)
        if found is None or number >= found.first + found.count:  # it has grown since
            found = self._kept[piece] = self._read(self._pieces.run(piece))
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(piece)
        return found

    def _read(self, run: range) -> Batch:
        split = self._pieces.split(run[-1])  # those leave something behind in a scanner
        scanner = self._pieces.scanner() if split else self._known()
        for piece in run:
            place = self._pieces.place(piece)
            batch = self._pieces.source.again(scanner, self._bytes(place), place)
            batch.first = self._pieces.first(piece)
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
