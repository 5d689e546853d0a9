"""The header that Linux's vsockmon device puts in front of every packet."""

import struct
from enum import IntEnum
from typing import NamedTuple, Self

from .wire import places, require


class Op(IntEnum):
    """AF_VSOCK_OP_*: the monitor's coarse view of an operation (include/uapi/linux/vsockmon.h)."""

    UNKNOWN = 0
    CONNECT = 1
    DISCONNECT = 2
    CONTROL = 3
    PAYLOAD = 4


class Transport(IntEnum):
    """AF_VSOCK_TRANSPORT_*: the kind of header that follows (same file)."""

    UNKNOWN = 0
    NO_INFO = 1
    VIRTIO = 2


# struct af_vsockmon_hdr {            /* include/uapi/linux/vsockmon.h; all little-endian */
#     __le64 src_cid;  __le64 dst_cid;
#     __le32 src_port; __le32 dst_port;
#     __le16 op;       __le16 transport;
#     __le16 len;      /* of the transport header, never of the payload */
#     __u8 reserved[2];
# };
# The page for LINKTYPE_VSOCK on tcpdump.org draws it without `reserved`; no program does.
_LAYOUT = struct.Struct("<QQIIHHHH")


class VsockmonHeader(NamedTuple):
    """struct af_vsockmon_hdr, 32 bytes. Any number is a value, known or not."""

    src_cid: int
    dst_cid: int
    src_port: int
    dst_port: int
    op: int
    transport: int
    len: int
    reserved: int = 0

    @classmethod
    def parse(cls, data: bytes | memoryview, wire: int | None = None) -> Self:
        """Read the header at the start of `data`; `wire` is the frame's length before any cut.

        Raises Truncated or Malformed when fewer than 32 bytes are there.
        """
        require("vsockmon", SIZE, len(data), len(data) if wire is None else wire)
        return cls._make(_LAYOUT.unpack_from(data))

    def pack(self) -> bytes:
        """Return the 32 bytes; raises struct.error for a number that does not fit its field."""
        return _LAYOUT.pack(*self)

    @property
    def name(self) -> str:
        """The layer's name."""
        return "vsockmon"

    @property
    def size(self) -> int:
        """Bytes of the header."""
        return SIZE

    @property
    def op_name(self) -> str:
        """The op in the kernel's words."""
        return op_name(self.op)

    @property
    def transport_name(self) -> str:
        """The transport in the kernel's words."""
        return transport_name(self.transport)


def op_name(op: int) -> str:
    """Return the kernel's name, `OP_9` for an unknown number."""
    return _OPS.get(op) or f"OP_{op}"


def transport_name(transport: int) -> str:
    """Return the kernel's name, `TRANSPORT_9` for an unknown number."""
    return _TRANSPORTS.get(transport) or f"TRANSPORT_{transport}"


SIZE = _LAYOUT.size
PLACES = places(_LAYOUT, VsockmonHeader._fields)
"""Where each field stands: its name, its offset and size in bytes."""
_OPS = {int(op): op.name for op in Op}
_TRANSPORTS = {int(kind): kind.name for kind in Transport}
