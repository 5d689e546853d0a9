"""Read the frames of a classic pcap file: the tests' own reader, that shares nothing with ours."""

from __future__ import annotations

import struct
from pathlib import Path

LINKTYPE_VSOCK = 271
# Little-endian: what tcpdump and vsockdump write on the machines the tests run on.
MAGICS = (0xA1B2C3D4, 0xA1B23C4D)


def frames(file: Path) -> list[bytes]:
    """Give every frame; one that was cut by a snaplen, or by the file's end, is an error."""
    data = file.read_bytes()
    magic, _, _, _, _, _, linktype = struct.unpack_from("<IHHiIII", data)
    assert magic in MAGICS, f"{file}: magic {magic:#x}"
    assert linktype == LINKTYPE_VSOCK, f"{file}: link type {linktype}"
    found, at = [], 24
    while at < len(data):
        _, _, captured, length = struct.unpack_from("<IIII", data, at)
        assert captured == length, f"{file}: {captured} of {length} bytes at offset {at}"
        assert at + 16 + captured <= len(data), f"{file}: cut at offset {at}"
        found.append(data[at + 16 : at + 16 + captured])
        at += 16 + captured
    return found


def ports(frame: bytes) -> tuple[int, int]:
    """Give the source and the destination port of af_vsockmon_hdr."""
    source, destination = struct.unpack_from("<II", frame, 16)
    return source, destination
