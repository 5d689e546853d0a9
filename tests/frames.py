"""Bytes that several tests are made of: frames, records and blocks, spelt out field by field.

Nothing here comes from the code under test: what it parses and packs is held against these.
"""

import struct
from typing import NamedTuple

VSOCK, SLL, SLL2 = 271, 113, 276
ARPHRD_VSOCKMON = 826

CONNECT, DISCONNECT, CONTROL, PAYLOAD = 1, 2, 3, 4
NO_INFO, VIRTIO = 1, 2
STREAM, SEQPACKET = 1, 2
INVALID, REQUEST, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST = range(8)

MONITOR_OPS = {
    INVALID: 0,
    REQUEST: CONNECT,
    RESPONSE: CONNECT,
    RST: DISCONNECT,
    SHUTDOWN: DISCONNECT,
    RW: PAYLOAD,
    CREDIT_UPDATE: CONTROL,
    CREDIT_REQUEST: CONTROL,
}


class Ends(NamedTuple):
    """The addresses of a packet, as they stand first in both headers."""

    src_cid: int = 3
    dst_cid: int = 2
    src_port: int = 1024
    dst_port: int = 1234


ENDS = Ends()


def monitor(
    ends: Ends = ENDS,
    *,
    op: int = PAYLOAD,
    transport: int = VIRTIO,
    length: int = 44,
    reserved: int = 0,
) -> bytes:
    """Return an af_vsockmon_hdr."""
    return struct.pack("<QQIIHHHH", *ends, op, transport, length, reserved)


def virtio(
    ends: Ends = ENDS,
    *,
    length: int = 0,
    kind: int = STREAM,
    op: int = RW,
    flags: int = 0,
    buf_alloc: int = 262144,
    fwd_cnt: int = 0,
) -> bytes:
    """Return a virtio_vsock_hdr."""
    return struct.pack("<QQIIIHHIII", *ends, length, kind, op, flags, buf_alloc, fwd_cnt)


def frame(
    op: int = RW,
    payload: bytes = b"",
    *,
    ends: Ends = ENDS,
    length: int | None = None,
    kind: int = STREAM,
    flags: int = 0,
    buf_alloc: int = 262144,
    fwd_cnt: int = 0,
) -> bytes:
    """Return a frame as Linux makes it; `length` is the packet's own word for its payload's."""
    length = len(payload) if length is None else length
    return (
        monitor(ends, op=MONITOR_OPS.get(op, 0))
        + virtio(
            ends,
            length=length,
            kind=kind,
            op=op,
            flags=flags,
            buf_alloc=buf_alloc,
            fwd_cnt=fwd_cnt,
        )
        + payload
    )


def sll(hatype: int = ARPHRD_VSOCKMON) -> bytes:
    """Return the header of `-i any`, version 1."""
    return struct.pack(">HHH8sH", 4, hatype, 0, bytes(8), 0)


def sll2(ifindex: int = 7, hatype: int = ARPHRD_VSOCKMON) -> bytes:
    """Return the header of `-i any`, version 2."""
    return struct.pack(">HHIHBB8s", 0, 0, ifindex, hatype, 4, 0, bytes(8))


def pcap_header(
    linktype: int = VSOCK,
    *,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    snaplen: int = 262144,
    version: tuple[int, int] = (2, 4),
) -> bytes:
    """Return a pcap file's header."""
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, linktype)


def pcap_record(
    data: bytes,
    seconds: int = 1,
    fraction: int = 2,
    *,
    wire: int | None = None,
    order: str = "<",
    lead: int = 16,
    swapped_lengths: bool = False,
) -> bytes:
    """Return one record of a pcap file."""
    lengths = [len(data), len(data) if wire is None else wire]
    if swapped_lengths:
        lengths.reverse()
    head = struct.pack(order + "IIII", seconds, fraction, *lengths)
    return head.ljust(lead, b"\xee") + data


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Return a pcapng block; its body is padded."""
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """Return one option of a pcapng block."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<", options: bytes = b"") -> bytes:
    """Return a section header block."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order)


def interface(
    linktype: int = VSOCK, *, snaplen: int = 0, options: bytes = b"", order: str = "<"
) -> bytes:
    """Return an interface description block."""
    return block(1, struct.pack(order + "HHI", linktype, 0, snaplen) + options, order)


def enhanced(
    data: bytes,
    units: int = 0,
    index: int = 0,
    *,
    wire: int | None = None,
    options: bytes = b"",
    order: str = "<",
) -> bytes:
    """Return an enhanced packet block."""
    wire = len(data) if wire is None else wire
    head = struct.pack(order + "IIIII", index, units >> 32, units & 0xFFFF_FFFF, len(data), wire)
    return block(6, head + data + bytes(-len(data) % 4) + options, order)


def simple(data: bytes, *, wire: int | None = None, order: str = "<") -> bytes:
    """Return a simple packet block."""
    return block(3, struct.pack(order + "I", len(data) if wire is None else wire) + data, order)


def obsolete(data: bytes, units: int = 0, index: int = 0, *, order: str = "<") -> bytes:
    """Return a block of the kind that came before the enhanced one."""
    head = struct.pack(
        order + "HHIIII", index, 0, units >> 32, units & 0xFFFF_FFFF, len(data), len(data)
    )
    return block(2, head + data, order)
