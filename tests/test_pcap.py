"""The header of a pcap file, as a table of bytes and values."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.formats import linktypes, pcap
from vsockdump.formats.pcap import MICROSECONDS, MODIFIED, NANOSECONDS, FileHeader

LITTLE = "d4c3b2a1 0200 0400 00000000 00000000 00000400 0f010000"
BIG = "a1b2c3d4 0002 0004 00000000 00000000 00040000 0000010f"
NANO = "4d3cb2a1 0200 0400 00000000 00000000 ffff0000 14010000"
KUZNETZOV = "34cdb2a1 0200 0400 00000000 00000000 ffff0000 71000000"
OLD = "a1b2c3d4 0002 0002 00000000 00000000 00000060 00000071"

OTHER = pcap.NATIVE != "<"  # whether little-endian is the other byte order here

TABLE = [
    (LITTLE, FileHeader(271, 262144, MICROSECONDS, swapped=OTHER)),
    (BIG, FileHeader(271, 262144, MICROSECONDS, swapped=not OTHER)),
    (NANO, FileHeader(276, 65535, NANOSECONDS, swapped=OTHER)),
    (KUZNETZOV, FileHeader(113, 65535, MODIFIED, swapped=OTHER)),
    (OLD, FileHeader(113, 96, MICROSECONDS, 2, 2, swapped=not OTHER)),
]


@pytest.mark.parametrize(("text", "header"), TABLE)
def test_bytes_and_values(text: str, header: FileHeader) -> None:
    data = bytes.fromhex(text)
    assert FileHeader.parse(data) == header
    assert FileHeader.parse(memoryview(data + b"more")) == header
    assert header.pack() == data


@pytest.mark.parametrize(
    ("magic", "unit", "lead"),
    [(MICROSECONDS, 1000, 16), (NANOSECONDS, 1, 16), (MODIFIED, 1000, 24)],
)
def test_what_the_magic_says(magic: int, unit: int, lead: int) -> None:
    header = FileHeader(271, magic=magic)
    assert (header.unit, header.lead) == (unit, lead)


@pytest.mark.parametrize(
    ("version", "lengths"),
    [
        ((2, 4), pcap.NORMAL),
        ((2, 3), pcap.MAYBE_SWAPPED),
        ((2, 2), pcap.SWAPPED),
        ((2, 0), pcap.SWAPPED),
        ((543, 0), pcap.SWAPPED),
        ((3, 0), pcap.NORMAL),
    ],
)
def test_what_the_version_says(version: tuple[int, int], lengths: int) -> None:
    assert FileHeader(271, major=version[0], minor=version[1]).lengths == lengths


def test_the_link_type_shares_its_field() -> None:
    data = bytes.fromhex(LITTLE)[:20] + struct.pack("<I", 0xF400_0000 | 271)
    found = FileHeader.parse(data)
    assert found is not None
    assert found.linktype == 271


@given(st.binary(min_size=24, max_size=24))
def test_any_bytes(data: bytes) -> None:
    magics = {struct.pack(order + "I", magic) for order in "<>" for magic in pcap.UNITS}
    assert (FileHeader.parse(data) is not None) == (data[:4] in magics)


@pytest.mark.parametrize(
    ("number", "name"), [(271, "VSOCK (Linux vsock)"), (1, "EN10MB (Ethernet)"), (9999, "9999")]
)
def test_link_types_have_names(number: int, name: str) -> None:
    assert linktypes.describe(number) == name
