"""The two headers of `-i any`: bytes beside values, parsed, packed and cut at every byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.dissectors.cooked import ARPHRD_VSOCKMON, Sll2Header, SllHeader
from vsockdump.dissectors.wire import Malformed, Truncated

from .frames import sll, sll2

Header = SllHeader | Sll2Header

TABLE: list[tuple[str, Header, int]] = [
    ("0004 033a 0000 0000000000000000 0000", SllHeader(4, 826), 16),
    ("0000 0001 0006 0242ac1100020000 0800", SllHeader(
        0, 1, 6, bytes.fromhex("0242ac1100020000"), 0x0800
    ), 16),
    ("0000 0000 00000011 033a 04 00 0000000000000000", Sll2Header(0, 0, 17, 826, 4), 20),
    ("86dd ffff fffffffe 0001 02 06 0242ac1100020000", Sll2Header(
        0x86DD, 0xFFFF, 2**32 - 2, 1, 2, 6, bytes.fromhex("0242ac1100020000")
    ), 20),
]  # fmt: skip


@pytest.mark.parametrize(("text", "header", "size"), TABLE)
def test_bytes_and_values(text: str, header: Header, size: int) -> None:
    data = bytes.fromhex(text)
    assert len(data) == size == header.size
    assert type(header).parse(data) == header
    assert type(header).parse(memoryview(data + b"behind")) == header
    assert header.pack() == data


@pytest.mark.parametrize(
    ("kind", "data"), [(SllHeader, sll()), (Sll2Header, sll2())], ids=["sll", "sll2"]
)
def test_cut_at_every_byte(kind: type[Header], data: bytes) -> None:
    whole = kind.parse(data)
    for cut in range(len(data)):
        with pytest.raises(Malformed, match=f"{whole.name}: .* the frame has {cut}"):
            kind.parse(data[:cut])
        with pytest.raises(Truncated, match=f"{whole.name}: .* {cut} captured"):
            kind.parse(data[:cut], len(data))


@given(st.binary(min_size=20, max_size=20))
def test_any_bytes_come_back(data: bytes) -> None:
    assert SllHeader.parse(data).pack() == data[:16]
    assert Sll2Header.parse(data).pack() == data


def test_vsockmon_is_known_by_its_device_type() -> None:
    assert ARPHRD_VSOCKMON == 826  # include/uapi/linux/if_arp.h
    assert SllHeader.parse(sll()).hatype == Sll2Header.parse(sll2()).hatype == 826
