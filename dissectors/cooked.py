"""The headers that `-i any` puts in front of a frame: Linux cooked capture, versions 1 and 2.

Both are big-endian, whatever they carry. Frames of vsockmon have no link address and protocol 0;
the device type alone says what they are.
"""

import struct
from typing import NamedTuple, Self

from .wire import places, require

ARPHRD_VSOCKMON = 826
"""Device type of a vsockmon link (include/uapi/linux/if_arp.h)."""

# LINKTYPE_LINUX_SLL: packet type, ARPHRD, address length, address (8 bytes), protocol
_SLL = struct.Struct(">HHH8sH")
# LINKTYPE_LINUX_SLL2: protocol, reserved, ifindex, ARPHRD, packet type, address length, address
_SLL2 = struct.Struct(">HHIHBB8s")


class SllHeader(NamedTuple):
    """LINKTYPE_LINUX_SLL (113), 16 bytes: does not say which interface a frame came from."""

    packet_type: int
    hatype: int
    address_len: int = 0
    address: bytes = bytes(8)
    protocol: int = 0

    @classmethod
    def parse(cls, data: bytes | memoryview, wire: int | None = None) -> Self:
        """Read the header at the start of `data`; raises Truncated or Malformed below 16 bytes."""
        require("sll", _SLL.size, len(data), len(data) if wire is None else wire)
        return cls._make(_SLL.unpack_from(data))

    def pack(self) -> bytes:
        """Return the 16 bytes; raises struct.error for a number that does not fit its field."""
        return _SLL.pack(*self)

    @property
    def name(self) -> str:
        """The layer's name."""
        return "sll"

    @property
    def size(self) -> int:
        """Bytes of the header."""
        return _SLL.size


class Sll2Header(NamedTuple):
    """LINKTYPE_LINUX_SLL2 (276), 20 bytes."""

    protocol: int
    reserved: int
    ifindex: int
    hatype: int
    packet_type: int
    address_len: int = 0
    address: bytes = bytes(8)

    @classmethod
    def parse(cls, data: bytes | memoryview, wire: int | None = None) -> Self:
        """Read the header at the start of `data`; raises Truncated or Malformed below 20 bytes."""
        require("sll2", _SLL2.size, len(data), len(data) if wire is None else wire)
        return cls._make(_SLL2.unpack_from(data))

    def pack(self) -> bytes:
        """Return the 20 bytes; raises struct.error for a number that does not fit its field."""
        return _SLL2.pack(*self)

    @property
    def name(self) -> str:
        """The layer's name."""
        return "sll2"

    @property
    def size(self) -> int:
        """Bytes of the header."""
        return _SLL2.size


SLL_PLACES = places(_SLL, SllHeader._fields)
SLL2_PLACES = places(_SLL2, Sll2Header._fields)
"""Where each field stands: its name, its offset and size in bytes."""
