"""Capture files as Batches: pcap and pcapng, whole, growing or from a pipe.

What stands before a damage is delivered; then one ReadError says where it is and what it is.
"""

import os
import struct
import time
from collections.abc import Iterator
from typing import Protocol

from vsockdump.dissectors import LINKTYPES
from vsockdump.engine.batch import Batch
from vsockdump.engine.scan import MOST_BYTES, Scanner
from vsockdump.errors import ReadError
from vsockdump.formats import linktypes, pcap, pcapng
from vsockdump.interface import Interface

from . import stream

POLL_S = 0.1
"""How often a growing file is looked at."""

_MOST_BLOCKS = 1 << 20  # bytes of blocks without packets that go with one batch


class Savefile:
    """One capture file, read once from front to back; `-` is standard input.

    With `follow` the end of the file is not the end: what is appended is read as it comes, until
    stop(). `interfaces` and `drops` grow while it is read.
    """

    def __init__(self, path: str, follow: bool = False) -> None:
        """Open the file and read its header; raises ReadError."""
        self.name = "stdin" if path == "-" else path
        self.raw = stream.open_raw(path)
        self._follow = follow and self.raw.regular  # the end of a pipe is the end
        self._ahead: list[Batch] = []
        try:
            self._open()
            self._look_ahead()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        while self._follow and self.size < pcap.SIZE:  # whoever writes it has only just made it
            time.sleep(POLL_S)
        try:
            self._window, packed = stream.window(self.raw)
            self._form = _form(self._window)
        except (OSError, ReadError) as error:
            raise ReadError(f"{self.name}: {stream.reason(error)}") from error
        if packed and self._follow:
            raise ReadError(f"{self.name}: a compressed file cannot be followed")
        self._batches = self._read()

    def _look_ahead(self) -> None:
        """Read up to the first interface: pcapng names them somewhere behind its header."""
        for batch in () if self.interfaces else self._batches:
            self._ahead += [] if batch is None else [batch]
            if self.interfaces:
                break

    @property
    def interfaces(self) -> list[Interface]:
        """The interfaces described so far; a packet's `interface` is an index into it."""
        return self._form.interfaces

    @property
    def is_pcapng(self) -> bool:
        """Whether its batches carry blocks that could be passed on."""
        return isinstance(self._form, _Pcapng)

    @property
    def size(self) -> int:
        """Bytes of the file, compressed as it is; 0 for a pipe."""
        return os.fstat(self.raw.fileno()).st_size if self.raw.regular else 0

    @property
    def position(self) -> int:
        """Bytes read of it so far."""
        return self.raw.tell() if self.raw.regular else 0

    @property
    def drops(self) -> dict[int, pcapng.Drops]:
        """What the file says was lost while it was captured, by interface."""
        return self._form.drops

    def batches(self) -> Iterator[Batch | None]:
        """Yield the packets; None while a growing file has nothing new. Raises ReadError."""
        while self._ahead:
            yield self._ahead.pop(0)
        yield from self._batches

    def _read(self) -> Iterator[Batch | None]:
        while not self.raw.stopped:
            batch = self._form.scan(self._window)
            self._window.begin = batch.end
            if batch.count:
                self._check_linktypes()
            if batch.count or batch.blocks:
                yield batch
            if self._form.damage:
                raise self._error(self._form.damage)
            stuck = self._form.more or not (batch.count or batch.blocks)
            if stuck and not self._fill():
                if not self._follow or self.raw.stopped:
                    return self._check_cut()
                yield None
                time.sleep(POLL_S)

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
            raise self._error(stream.reason(error)) from error

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


class _Form(Protocol):
    """One of the two file formats."""

    interfaces: list[Interface]
    drops: dict[int, pcapng.Drops]

    @property
    def damage(self) -> str:
        """Why nothing further can be read, empty where it can."""

    @property
    def more(self) -> bool:
        """Whether the window's bytes are used up, but for the beginning of a record."""

    def scan(self, window: stream.Window) -> Batch:
        """Return what the window holds, up to a batch's fill; an empty batch asks for more."""


def _form(window: stream.Window) -> _Form:
    head = window.fill_to(pcap.SIZE)
    if head[:4] == struct.pack("=I", pcapng.SECTION):
        return _Pcapng()
    if not head:
        raise ReadError("an empty file, not a capture")
    header = pcap.FileHeader.parse(head.ljust(pcap.SIZE, b"\0"))
    if header is None:
        raise ReadError("neither pcap nor pcapng")
    if len(head) < pcap.SIZE:
        raise ReadError(f"cut off after {len(head)} of the {pcap.SIZE} bytes of its header")
    window.begin = pcap.SIZE
    return _Pcap(header)


class _Pcap:
    """A pcap file behind its header."""

    def __init__(self, header: pcap.FileHeader) -> None:
        self.header = header
        self.interfaces = [Interface(header.linktype, snaplen=header.snaplen)]
        self.drops: dict[int, pcapng.Drops] = {}
        self._scanner = Scanner()
        self._scanner.add_interface(header.linktype)

    @property
    def more(self) -> bool:
        return self._scanner.more

    @property
    def damage(self) -> str:
        return self._scanner.damage

    def scan(self, window: stream.Window) -> Batch:
        return self._scanner.pcap(
            window.data,
            window.begin,
            window.end,
            swapped=self.header.swapped,
            unit=self.header.unit,
            lead=self.header.lead,
            lengths=self.header.lengths,
        )


class _Pcapng:
    """A pcapng file: sections of either byte order, each with interfaces of its own."""

    def __init__(self) -> None:
        self.interfaces: list[Interface] = []
        self.drops: dict[int, pcapng.Drops] = {}
        self.damage = ""
        self._scanner = Scanner()
        self._order = pcap.NATIVE
        self._base = 0
        self._os = ""

    @property
    def more(self) -> bool:
        return self._scanner.more

    def scan(self, window: stream.Window) -> Batch:
        blocks = bytearray()
        while True:
            batch = self._scanner.pcapng(
                window.data,
                window.begin,
                window.end,
                swapped=self._order != pcap.NATIVE,
                base=self._base,
            )
            self.damage = self._scanner.damage
            if batch.count or not self._scanner.other or len(blocks) > _MOST_BLOCKS:
                break
            block = self._block(window)
            if not block:
                break
            blocks += block
        batch.blocks = bytes(blocks)
        return batch

    def _block(self, window: stream.Window) -> bytes:
        """Take the block that stands first in the window; empty if it is not all there or bad."""
        data = memoryview(window.data)[window.begin : window.end]
        section = data[:4] == struct.pack("=I", pcapng.SECTION)
        order = pcapng.byte_order(data) if section else self._order
        if order is None:
            self.damage = "a section header of unknown byte order"
            return b""
        (length,) = struct.unpack_from(order + "I", data, 4)
        if length % 4 or length < (28 if section else 12) or length > MOST_BYTES:
            self.damage = f"a block of impossible length ({length})"
            return b""
        if len(data) < length:
            return b""
        block = bytes(data[:length])
        if struct.unpack_from(order + "I", block, length - 4)[0] != length:
            self.damage = "a block whose two lengths differ"
            return b""
        self._read(block, order)
        if self.damage:
            return b""
        window.begin += length
        return block

    def _read(self, block: bytes, order: str) -> None:
        (kind,) = struct.unpack_from(order + "I", block)
        if kind == pcapng.SECTION:
            self._order, self._base = order, len(self.interfaces)
            self._os = pcapng.section_os(block, order)
        elif kind == pcapng.INTERFACE:
            self._describe(pcapng.parse_interface(block, order))
        elif kind == pcapng.STATISTICS:
            self._count(pcapng.parse_statistics(block, order))

    def _count(self, drops: pcapng.Drops | None) -> None:
        """Keep the last counts of an interface; those of none that was described mean nothing."""
        if drops is not None and self._base + drops.interface < len(self.interfaces):
            self.drops[self._base + drops.interface] = drops

    def _describe(self, interface: Interface | None) -> None:
        if interface is None:
            self.damage = "an interface description too short to be one"
            return
        interface = interface._replace(os=interface.os or self._os)
        try:
            self._scanner.add_interface(
                interface.linktype, interface.tsresol, interface.tsoffset, interface.snaplen
            )
        except OverflowError as error:
            self.damage = str(error)
        else:
            self.interfaces.append(interface)
