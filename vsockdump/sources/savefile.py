"""Capture files as Batches: pcap and pcapng, whole, growing or from a pipe.

What stands before a damage is delivered; then one ReadError says where it is and what it is.
"""

import os
import time
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from vsockdump.dissectors import LINKTYPES
from vsockdump.engine.batch import Batch
from vsockdump.engine.scan import Scanner
from vsockdump.errors import ReadError, reason
from vsockdump.formats import linktypes, pcap, pcapng
from vsockdump.interface import Interface

from . import stream
from .forms import State, form

POLL_S = 0.1
"""How often a growing file is looked at."""

_MOST_AHEAD = 1 << 24  # bytes that are looked at before the first packet is asked for


class Place(NamedTuple):
    """Where the packets of a batch stand in a capture file, decompressed."""

    offset: int  # bytes
    size: int
    state: State


class Savefile:
    """One capture file, read once from front to back; `-` is standard input.

    With `follow` the end of the file is not the end: what is appended is read as it comes, until
    stop(). `interfaces` and `drops` grow while it is read.

    What cannot be read at any place, from a pipe or compressed, is written to `copy` as it is read;
    `copied` says whether that is so.
    """

    def __init__(self, path: str, follow: bool = False, copy: BinaryIO | None = None) -> None:
        """Open the file and read its header; raises ReadError."""
        self.name = "stdin" if path == "-" else path
        self.raw = stream.open_raw(path)
        self._follow = follow and self.raw.regular  # the end of a pipe is the end
        self._ahead: list[Batch] = []
        self.copied = False
        try:
            self._open(copy)
            self._look_ahead()
        except BaseException:
            self.close()
            raise

    def _open(self, copy: BinaryIO | None) -> None:
        while self._follow and self.size < pcap.SIZE:  # whoever writes it has only just made it
            time.sleep(POLL_S)
        try:
            self._window, self._packed = stream.window(self.raw)
            self.copied = copy is not None and (self._packed or not self.raw.regular)
            if copy is not None and self.copied:
                self._window.copy_to(copy)
            self._form = form(self._window)
        except (OSError, ReadError) as error:
            raise ReadError(f"{self.name}: {reason(error)}") from error
        if self._packed and self._follow:
            raise ReadError(f"{self.name}: a compressed file cannot be followed")
        self._batches = self._read()

    def _look_ahead(self) -> None:
        """Read up to the first interface: pcapng names them somewhere behind its header."""
        for batch in () if self.interfaces else self._batches:
            self._ahead += [] if batch is None else [batch]
            if self.interfaces or self._window.offset > _MOST_AHEAD:
                break

    @property
    def interfaces(self) -> list[Interface]:
        """The interfaces described so far; a packet's `interface` is an index into it."""
        return self._form.interfaces

    @property
    def is_pcapng(self) -> bool:
        """Whether its batches carry blocks that could be passed on."""
        return self._form.is_pcapng

    @property
    def size(self) -> int:
        """Bytes of the file, compressed as it is; 0 for a pipe."""
        return os.fstat(self.raw.fileno()).st_size if self.raw.regular else 0

    @property
    def position(self) -> int:
        """Bytes read of it so far."""
        return self.raw.taken if self.raw.regular else 0

    @property
    def drops(self) -> dict[int, pcapng.Drops]:
        """What the file says was lost while it was captured, by interface."""
        return self._form.drops

    def place(self, batch: Batch) -> Place:
        """Return where the packets of a batch stand, which has to be the latest."""
        begin = self._window.offset + batch.begin
        return Place(begin, batch.end - batch.begin, self._form.state)

    def again(self, scanner: Scanner, data: bytes, place: Place) -> Batch:
        """Return a batch once more, of the bytes at its place; the scanner is made by `scanner`."""
        return self._form.again(scanner, data, place.state)

    def batches(self) -> Iterator[Batch | None]:
        """Yield the packets; None while a pipe or a growing file has nothing new.

        Raises ReadError.
        """
        while self._ahead:
            yield self._ahead.pop(0)
        for batch in self._batches:
            yield batch
            if batch is not None:  # it is kept to be used again, and its blocks may be large
                batch.blocks = b""

    def _read(self) -> Iterator[Batch | None]:
        while not self.raw.stopped:
            batch = self._form.scan(self._window)
            self._window.begin = batch.end
            if batch.count:
                self._check_linktypes()
            stirred = bool(batch.count or batch.blocks)
            if stirred:
                yield batch
            if self._form.damage:
                raise self._error(self._form.damage)
            del batch  # it looks into the window's bytes, which may have to move
            stuck = self._form.more or not stirred
            while stuck and not (self._packed or self.raw.ready()):
                yield None
            if stuck and not self._fill():
                if not self._follow or self.raw.stopped:
                    return self._check_cut()
                yield None
                time.sleep(POLL_S)

    def no_more(self) -> None:
        """Have the end of a growing file be the end: all that is to come is there."""
        self._follow = False

    def stop(self) -> None:
        """End the reading at the next batch; a signal handler may call it."""
        self.raw.stopped = True

    def close(self) -> None:
        """Close the file."""
        self.raw.close()

    def _fill(self) -> bool:
        try:
            return self._window.fill()
        except (OSError, ReadError) as error:
            raise self._error(reason(error)) from error

    def _check_cut(self) -> None:
        left = self._window.end - self._window.begin
        if left and not self.raw.stopped:
            raise self._error(f"the file ends {left} bytes into a record")

    def _check_linktypes(self) -> None:
        """Refuse a capture in which nothing can be vsock."""
        if any(interface.linktype in LINKTYPES for interface in self.interfaces):
            return
        found = ", ".join({linktypes.describe(i.linktype): "" for i in self.interfaces})
        known = ", ".join(map(linktypes.describe, LINKTYPES))
        raise ReadError(f"{self.name}: its link type is {found}; vsock is found in {known}")

    def _error(self, reason: str) -> ReadError:
        where = self._window.offset + self._window.begin
        return ReadError(f"{self.name}: damaged at byte {where}: {reason}")
