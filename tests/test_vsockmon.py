"""af_vsockmon_hdr: bytes beside values, parsed, packed and cut at every byte."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.dissectors.vsockmon import SIZE, VsockmonHeader, op_name, transport_name
from vsockdump.dissectors.wire import Malformed, Truncated

TABLE = [
    (
        "0300000000000000 0200000000000000 00040000 d2040000 0400 0200 2c00 0000",
        VsockmonHeader(3, 2, 1024, 1234, 4, 2, 44, 0),
    ),
    (
        "ffffffffffffffff 0000000000000080 ffffffff 00000000 0100 0200 2c00 0000",
        VsockmonHeader(2**64 - 1, 2**63, 2**32 - 1, 0, 1, 2, 44, 0),
    ),
    (
        "0100000000000000 0100000000000000 01000000 02000000 0900 0700 0800 3412",
        VsockmonHeader(1, 1, 1, 2, 9, 7, 8, 0x1234),
    ),
]


@pytest.mark.parametrize(("text", "header"), TABLE)
def test_bytes_and_values(text: str, header: VsockmonHeader) -> None:
    data = bytes.fromhex(text)
    assert len(data) == SIZE == header.size == 32
    assert VsockmonHeader.parse(data) == header
    assert VsockmonHeader.parse(memoryview(data + b"behind")) == header
    assert header.pack() == data


@pytest.mark.parametrize("cut", range(SIZE))
def test_cut_at_every_byte(cut: int) -> None:
    data = bytes.fromhex(TABLE[0][0])[:cut]
    with pytest.raises(Malformed) as malformed:
        VsockmonHeader.parse(data)
    assert str(malformed.value) == f"vsockmon: 32 bytes needed, the frame has {cut}"
    with pytest.raises(Malformed):
        VsockmonHeader.parse(data, SIZE - 1)
    with pytest.raises(Truncated) as truncated:
        VsockmonHeader.parse(data, SIZE)
    assert str(truncated.value) == f"vsockmon: 32 bytes needed, {cut} captured"


@given(st.binary(min_size=SIZE, max_size=SIZE))
def test_any_bytes_come_back(data: bytes) -> None:
    assert VsockmonHeader.parse(data).pack() == data


@pytest.mark.parametrize("field", VsockmonHeader._fields)
def test_a_number_too_big_is_not_packed(field: str) -> None:
    size = {"cid": 64, "ort": 32}.get(field[-3:], 16)
    header = TABLE[0][1]._replace(**{field: 1 << size})
    with pytest.raises(struct.error):
        header.pack()


def test_names_are_the_kernels_and_unknown_numbers_show() -> None:
    names = ["UNKNOWN", "CONNECT", "DISCONNECT", "CONTROL", "PAYLOAD", "OP_5"]
    assert [op_name(op) for op in range(6)] == names
    assert op_name(65535) == "OP_65535"
    kinds = ["UNKNOWN", "NO_INFO", "VIRTIO", "TRANSPORT_3"]
    assert [transport_name(kind) for kind in range(4)] == kinds
    header = TABLE[0][1]
    assert (header.name, header.op_name, header.transport_name) == ("vsockmon", "PAYLOAD", "VIRTIO")
