"""The blocks of pcapng that hold no packets (draft-ietf-opsawg-pcapng), and their options.

Packet blocks are the engine's; only their options are read here.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from vsockdump.interface import Interface

SECTION = 0x0A0D0D0A
INTERFACE = 1
OBSOLETE_PACKET = 2
SIMPLE_PACKET = 3
NAMES = 4
STATISTICS = 5
ENHANCED_PACKET = 6

_SECTION = struct.pack("=I", SECTION)  # the same in both byte orders

MAJOR = 1
"""The version of a section; minor ones do not change the layout."""

BYTE_ORDER = 0x1A2B3C4D
"""The section header's magic number, in the section's byte order."""

UNKNOWN_LENGTH = b"\xff" * 8
"""What a section header says, 16 bytes into it, of a section whose length it does not know."""

END_OF_OPTIONS = 0
COMMENT = 1
SHB_OS, SHB_USERAPPL = 3, 4
IF_NAME, IF_DESCRIPTION, IF_TSRESOL, IF_FILTER, IF_OS, IF_TSOFFSET = 2, 3, 9, 11, 12, 14
ISB_IFRECV, ISB_IFDROP, ISB_OSDROP = 4, 5, 7

_LONGEST_OPTION = 0xFFFF  # bytes of its value; only a filter may be longer
_MOST_TEXT = 1024  # bytes: a name, a filter; a capture may have 65536 interfaces to describe

Options = list[tuple[int, bytes]]


class Drops(NamedTuple):
    """What an interface statistics block says, in packets: seen, and lost on the way."""

    interface: int
    received: int
    dropped: int


def padded(data: bytes) -> bytes:
    """Return `data` with zeros up to a multiple of four bytes."""
    return data + bytes(-len(data) % 4)


def pack_options(options: Options) -> bytes:
    """Return the options and their end mark; nothing at all for none."""
    if not options:
        return b""
    packed = (struct.pack("=HH", code, len(value)) + padded(value) for code, value in options)
    return b"".join(packed) + bytes(4)


def parse_options(data: bytes | memoryview, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield (code, value) until the end mark, the end, or an option that does not fit."""
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from(order + "HH", data, at)
        if code == END_OF_OPTIONS or at + 4 + length > len(data):
            return
        yield code, bytes(data[at + 4 : at + 4 + length])
        at += 4 + length + -length % 4


def pack_block(kind: int, body: bytes) -> bytes:
    """Return a whole block in this machine's byte order; `body` is padded already."""
    length = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + length + body + length


def pack_section(options: Options) -> bytes:
    """Return a section header of version 1.0 and unknown length."""
    return pack_block(SECTION, struct.pack("=IHHq", BYTE_ORDER, 1, 0, -1) + pack_options(options))


def pack_interface(interface: Interface) -> bytes:
    """Return an interface description block with nanosecond times, whatever `tsresol` says."""
    texts = (
        (IF_NAME, interface.name),
        (IF_DESCRIPTION, interface.description),
        (IF_OS, interface.os),
    )
    options = [(code, text.encode()) for code, text in texts if text]
    if interface.filter:  # a leading 0: the filter is a string
        options.append((IF_FILTER, (b"\0" + interface.filter.encode())[:_LONGEST_OPTION]))
    options.append((IF_TSRESOL, b"\x09"))
    head = struct.pack("=HHI", interface.linktype, 0, interface.snaplen)
    return pack_block(INTERFACE, head + pack_options(options))


def pack_statistics(drops: Drops, time_ns: int) -> bytes:
    """Return an interface statistics block; `time_ns` in the interface's nanoseconds."""
    units = time_ns & 0xFFFF_FFFF_FFFF_FFFF
    head = struct.pack("=III", drops.interface, units >> 32, units & 0xFFFF_FFFF)
    counts = ((ISB_IFRECV, drops.received), (ISB_OSDROP, drops.dropped))
    options = [(code, struct.pack("=Q", count)) for code, count in counts]
    return pack_block(STATISTICS, head + pack_options(options))


def byte_order(block: bytes | memoryview) -> str | None:
    """Return struct's sign of a section header's byte order; None if its magic is wrong."""
    for order in "<>":
        if struct.unpack_from(order + "I", block, 8)[0] == BYTE_ORDER:
            return order
    return None


def split(blocks: bytes, order: str = "<") -> Iterator[tuple[int, bytes]]:
    """Yield (type, block) for whole blocks in a row, whose lengths were checked before.

    `order` is the byte order of the section they begin in; a section header among them sets it.
    """
    at = 0
    while at < len(blocks):
        if blocks[at : at + 4] == _SECTION:
            order = byte_order(blocks[at : at + 12]) or order
        kind, length = struct.unpack_from(order + "II", blocks, at)
        yield kind, blocks[at : at + length]
        at += length


def parse_interface(block: bytes | memoryview, order: str) -> Interface | None:
    """Read a whole interface description block; None if it is too short to be one."""
    if len(block) < 20:
        return None
    linktype, _, snaplen = struct.unpack_from(order + "HHI", block, 8)
    found = dict(parse_options(block[16:-4], order))
    resolution, offset = found.get(IF_TSRESOL, b""), found.get(IF_TSOFFSET, b"")
    return Interface(
        linktype=linktype,
        snaplen=snaplen,
        name=_text(found, IF_NAME),
        description=_text(found, IF_DESCRIPTION),
        os=_text(found, IF_OS),
        filter=_text(found, IF_FILTER).removeprefix("\0"),
        tsresol=resolution[0] if len(resolution) == 1 else 6,
        tsoffset=struct.unpack(order + "q", offset)[0] if len(offset) == 8 else 0,
    )


def parse_statistics(block: bytes | memoryview, order: str) -> Drops | None:
    """Read a whole interface statistics block; None if it is too short to be one."""
    if len(block) < 24:
        return None
    (interface,) = struct.unpack_from(order + "I", block, 8)
    counts = {
        code: struct.unpack(order + "Q", value)[0]
        for code, value in parse_options(block[20:-4], order)
        if code in (ISB_IFRECV, ISB_IFDROP, ISB_OSDROP) and len(value) == 8
    }
    dropped = counts.get(ISB_IFDROP, 0) + counts.get(ISB_OSDROP, 0)
    return Drops(interface, counts.get(ISB_IFRECV, 0), dropped)


def section_os(block: bytes | memoryview, order: str) -> str:
    """Return the operating system a section header names, or an empty string."""
    return _text(dict(parse_options(block[24:-4], order)), SHB_OS)


def packet_options(block: bytes | memoryview, order: str) -> Options:
    """Return the options of an enhanced or obsolete packet block; none for a simple one."""
    (kind,) = struct.unpack_from(order + "I", block)
    if kind not in (ENHANCED_PACKET, OBSOLETE_PACKET):
        return []
    (captured,) = struct.unpack_from(order + "I", block, 20)
    return list(parse_options(block[28 + captured + -captured % 4 : -4], order))


def _text(options: dict[int, bytes], code: int) -> str:
    return options.get(code, b"")[:_MOST_TEXT].decode("utf-8", "replace").rstrip("\0")
