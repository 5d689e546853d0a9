"""The header of a pcap file (draft-ietf-opsawg-pcap); its records are the engine's."""

import struct
from typing import NamedTuple, Self

from vsockdump.interface import SNAPLEN

MICROSECONDS = 0xA1B2C3D4
NANOSECONDS = 0xA1B23C4D
MODIFIED = 0xA1B2CD34
"""Alexey Kuznetzov's variant: 8 bytes more in each record's header (libpcap, sf-pcap.c)."""

UNITS = {MICROSECONDS: 1000, NANOSECONDS: 1, MODIFIED: 1000}
"""Magic number -> nanoseconds of a record's fraction of a second."""

SIZE = 24
MAJORS = (2, 543)
"""Major versions of files; the second is DG/UX's tcpdump (libpcap, sf-pcap.c)."""

_LEADS = {MICROSECONDS: 16, NANOSECONDS: 16, MODIFIED: 24}
_LINKTYPE = 0x03FF_FFFF  # above it: the length of a frame check sequence, class bits

NORMAL, SWAPPED, MAYBE_SWAPPED = range(3)
"""Which of a record's two lengths is the captured one: first, second, the smaller."""


class FileHeader(NamedTuple):
    """struct pcap_file_header, 24 bytes: what the records need to be read."""

    linktype: int
    snaplen: int = SNAPLEN
    magic: int = MICROSECONDS
    major: int = 2
    minor: int = 4
    swapped: bool = False

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self | None:
        """Read the header at the start of `data` (at least 24 bytes); None if it is not pcap's."""
        for order in "<>":
            magic, major, minor, _, _, snaplen, linktype = struct.unpack_from(
                order + "IHHiIII", data
            )
            if magic in UNITS:
                swapped = order != NATIVE
                return cls(linktype & _LINKTYPE, snaplen, magic, major, minor, swapped)
        return None

    def pack(self) -> bytes:
        """Return the 24 bytes, in the other byte order if `swapped`."""
        order = {"<": ">", ">": "<"}[NATIVE] if self.swapped else NATIVE
        rest = (self.major, self.minor, 0, 0, self.snaplen, self.linktype)
        return struct.pack(order + "IHHiIII", self.magic, *rest)

    @property
    def unit(self) -> int:
        """Nanoseconds of a record's fraction of a second."""
        return UNITS[self.magic]

    @property
    def lead(self) -> int:
        """Bytes of a record's header."""
        return _LEADS[self.magic]

    @property
    def lengths(self) -> int:
        """How a record's lengths stand; versions before 2.4 had them the other way round.

        libpcap, sf-pcap.c: 2.3 was written both ways, 543.0 is DG/UX's tcpdump.
        """
        if self.major == 543 or (self.major == 2 and self.minor < 3):
            return SWAPPED
        return MAYBE_SWAPPED if self.major == 2 and self.minor == 3 else NORMAL


NATIVE = "<" if struct.pack("=H", 1) == b"\x01\x00" else ">"
"""This machine's byte order, as struct spells it."""
