"""The virtio transport header: what the two ends of a connection really said."""

import struct
from enum import IntEnum
from typing import NamedTuple, Self

from . import vsockmon
from .wire import places, require


class Type(IntEnum):
    """VIRTIO_VSOCK_TYPE_* (virtio 1.3, 5.10.6)."""

    STREAM = 1
    SEQPACKET = 2


class Op(IntEnum):
    """VIRTIO_VSOCK_OP_* (virtio 1.3, 5.10.6)."""

    INVALID = 0
    REQUEST = 1
    RESPONSE = 2
    RST = 3
    SHUTDOWN = 4
    RW = 5
    CREDIT_UPDATE = 6
    CREDIT_REQUEST = 7


# A flag bit means nothing alone: what it says depends on op and type (virtio 1.3, 5.10.6.5 and
# 5.10.6.6.1). The names are lower case for SHUTDOWN and upper for a message's end, as they read
# best in a line.
SHUTDOWN_FLAGS = {1: "rcv", 2: "send"}
SEQPACKET_FLAGS = {1: "EOM", 2: "EOR"}

# virtio op -> monitor op, the one switch of virtio_transport_build_skb()
# (net/vmw_vsock/virtio_transport_common.c); any other op is UNKNOWN.
MONITOR_OP: dict[int, int] = {
    Op.REQUEST: vsockmon.Op.CONNECT,
    Op.RESPONSE: vsockmon.Op.CONNECT,
    Op.RST: vsockmon.Op.DISCONNECT,
    Op.SHUTDOWN: vsockmon.Op.DISCONNECT,
    Op.RW: vsockmon.Op.PAYLOAD,
    Op.CREDIT_UPDATE: vsockmon.Op.CONTROL,
    Op.CREDIT_REQUEST: vsockmon.Op.CONTROL,
}

# struct virtio_vsock_hdr {           /* include/uapi/linux/virtio_vsock.h; packed, little-endian */
#     __le64 src_cid;  __le64 dst_cid;
#     __le32 src_port; __le32 dst_port;
#     __le32 len;      /* payload bytes of this packet */
#     __le16 type;     __le16 op;
#     __le32 flags;
#     __le32 buf_alloc;
#     __le32 fwd_cnt;
# };
_LAYOUT = struct.Struct("<QQIIIHHIII")


class VirtioHeader(NamedTuple):
    """struct virtio_vsock_hdr, 44 bytes. Any number is a value, known or not."""

    src_cid: int
    dst_cid: int
    src_port: int
    dst_port: int
    len: int
    type: int
    op: int
    flags: int
    buf_alloc: int
    fwd_cnt: int

    @classmethod
    def parse(cls, data: bytes | memoryview, wire: int | None = None) -> Self:
        """Read the header at the start of `data`; `wire` is the layer's length before any cut.

        Raises Truncated or Malformed when fewer than 44 bytes are there.
        """
        require("virtio", SIZE, len(data), len(data) if wire is None else wire)
        return cls._make(_LAYOUT.unpack_from(data))

    def pack(self) -> bytes:
        """Return the 44 bytes; raises struct.error for a number that does not fit its field."""
        return _LAYOUT.pack(*self)

    @property
    def name(self) -> str:
        """The layer's name."""
        return "virtio"

    @property
    def size(self) -> int:
        """Bytes of the header."""
        return SIZE

    @property
    def op_name(self) -> str:
        """The op in the specification's words."""
        return op_name(self.op)

    @property
    def type_name(self) -> str:
        """The socket type in lower case."""
        return type_name(self.type)

    @property
    def flag_names(self) -> list[str]:
        """The flags set, by their names for this op and type."""
        return flag_names(self.op, self.type, self.flags)


def op_name(op: int) -> str:
    """Return the specification's name, `OP_9` for an unknown number."""
    return _OPS.get(op) or f"OP_{op}"


def type_name(kind: int) -> str:
    """Return the specification's name in lower case, `TYPE_9` for an unknown number."""
    return _TYPES.get(kind) or f"TYPE_{kind}"


def flag_names(op: int, kind: int, flags: int) -> list[str]:
    """Return the names of the flags set for this op and type, the unknown rest in hex."""
    known = meaning(op, kind)
    rest = flags & ~sum(known)
    names = [name for bit, name in known.items() if flags & bit]
    return names + ([f"{rest:#x}"] if rest else [])


def meaning(op: int, kind: int) -> dict[int, str]:
    """Return the flag bits that have a meaning for a packet of this op and type."""
    if op == Op.SHUTDOWN:
        return SHUTDOWN_FLAGS
    return SEQPACKET_FLAGS if op == Op.RW and kind == Type.SEQPACKET else {}


SIZE = _LAYOUT.size
PLACES = places(_LAYOUT, VirtioHeader._fields)
"""Where each field stands: its name, its offset and size in bytes."""
_OPS = {int(op): op.name for op in Op}
_TYPES = {int(kind): kind.name.lower() for kind in Type}
