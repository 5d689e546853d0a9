"""The two formats of capture files, scanned a window at a time."""

import struct
from typing import TYPE_CHECKING, Protocol

from vsockdump.engine.batch import Batch
from vsockdump.engine.scan import MOST_BYTES, Scanner
from vsockdump.errors import ReadError
from vsockdump.formats import pcap, pcapng
from vsockdump.interface import Interface

from . import stream

if TYPE_CHECKING:
    from typing_extensions import Buffer

State = tuple[bool, int]
"""What one must know to scan packets that stand in the middle: whether numbers have the other byte
order, and the index of the section's first interface."""

_MOST_BLOCKS = 1 << 20  # bytes of blocks without packets that go with one batch


class Form(Protocol):
    """One of the two file formats."""

    is_pcapng: bool
    interfaces: list[Interface]
    drops: dict[int, pcapng.Drops]

    @property
    def damage(self) -> str:
        """Why nothing further can be read, empty where it can."""

    @property
    def more(self) -> bool:
        """Whether the window's bytes are used up, but for the beginning of a record."""

    @property
    def state(self) -> State:
        """What `again` needs to know of the batch that was scanned last."""

    def scan(self, window: stream.Window) -> Batch:
        """Return what the window holds, up to a batch's fill; an empty batch asks for more."""

    def again(self, scanner: Scanner, data: bytes, state: State) -> Batch:
        """Return the packets of a batch's bytes once more; the scanner knows the interfaces."""


def form(window: stream.Window) -> Form:
    """Tell the format by the first bytes, and leave the window behind pcap's header.

    Raises ReadError, without the file's name, for what is none of the two.
    """
    head = window.fill_to(pcap.SIZE)
    if head[:4] == struct.pack("=I", pcapng.SECTION):
        return _Pcapng()
    if not head:
        raise ReadError("an empty file, not a capture")
    header = pcap.FileHeader.parse(head.ljust(pcap.SIZE, b"\0"))
    if header is None:
        raise ReadError("neither pcap nor pcapng")
    if header.major not in pcap.MAJORS:
        raise ReadError(f"pcap version {header.major}.{header.minor}, not {pcap.MAJORS[0]}")
    if len(head) < pcap.SIZE:
        raise ReadError(f"cut off after {len(head)} of the {pcap.SIZE} bytes of its header")
    window.begin = pcap.SIZE
    return _Pcap(header)


class _Pcap:
    """A pcap file behind its header."""

    is_pcapng = False

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

    @property
    def state(self) -> State:
        return self.header.swapped, 0

    def scan(self, window: stream.Window) -> Batch:
        return self._scan(self._scanner, window.data, window.begin, window.end)

    def again(self, scanner: Scanner, data: bytes, state: State) -> Batch:
        return self._scan(scanner, data, 0, len(data))

    def _scan(self, scanner: Scanner, data: "Buffer", begin: int, end: int) -> Batch:
        return scanner.pcap(
            data,
            begin,
            end,
            swapped=self.header.swapped,
            unit=self.header.unit,
            lead=self.header.lead,
            lengths=self.header.lengths,
        )


class _Pcapng:
    """A pcapng file: sections of either byte order, each with interfaces of its own."""

    is_pcapng = True

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

    @property
    def state(self) -> State:
        return self._order != pcap.NATIVE, self._base

    def again(self, scanner: Scanner, data: bytes, state: State) -> Batch:
        return scanner.pcapng(data, 0, len(data), swapped=state[0], base=state[1])

    def scan(self, window: stream.Window) -> Batch:
        blocks: list[bytes] = []
        size = 0
        while True:
            batch = self._scanner.pcapng(
                window.data,
                window.begin,
                window.end,
                swapped=self._order != pcap.NATIVE,
                base=self._base,
            )
            self.damage = self._scanner.damage
            if batch.count or not self._scanner.other or size > _MOST_BLOCKS:
                break
            block = self._block(memoryview(window.data)[window.begin : window.end])
            if not block:
                break
            window.begin += len(block)
            size += len(block)
            blocks.append(block)
        batch.blocks = b"".join(blocks)
        return batch

    def _block(self, data: memoryview) -> bytes:
        """Return the block that stands first in `data`; empty if it is not all there, or bad."""
        section = data[:4] == struct.pack("=I", pcapng.SECTION)
        order = pcapng.byte_order(data) if section else self._order
        if order is None:
            self.damage = "a section header of unknown byte order"
            return b""
        (length,) = struct.unpack_from(order + "I", data, 4)
        if length % 4 or length < (28 if section else 12) or length > MOST_BYTES:
            self.damage = f"a block of impossible length ({length})"
        if self.damage or len(data) < length:
            return b""
        block = bytes(data[:length])
        if struct.unpack_from(order + "I", block, length - 4)[0] != length:
            self.damage = "a block whose two lengths differ"
        else:
            self._read(block, order)
        return b"" if self.damage else block

    def _read(self, block: bytes, order: str) -> None:
        (kind,) = struct.unpack_from(order + "I", block)
        if kind == pcapng.SECTION:
            self._begin(block, order)
        elif kind == pcapng.INTERFACE:
            self._describe(pcapng.parse_interface(block, order))
        elif kind == pcapng.STATISTICS:
            self._count(pcapng.parse_statistics(block, order))

    def _begin(self, block: bytes, order: str) -> None:
        (major,) = struct.unpack_from(order + "H", block, 12)
        if major != pcapng.MAJOR:
            self.damage = f"a section of pcapng version {major}, not {pcapng.MAJOR}"
        self._order, self._base = order, len(self.interfaces)
        self._os = pcapng.section_os(block, order)

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
