"""virtio_vsock_hdr: bytes beside values, and what (op, type, flags) say together."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.dissectors.virtio import SIZE, VirtioHeader, flag_names, op_name, type_name
from vsockdump.dissectors.wire import Malformed, Truncated

from .frames import (
    CREDIT_REQUEST,
    CREDIT_UPDATE,
    INVALID,
    REQUEST,
    RESPONSE,
    RST,
    RW,
    SEQPACKET,
    SHUTDOWN,
    STREAM,
)

TABLE = [
    (
        "0300000000000000 0200000000000000 00040000 d2040000"
        "06000000 0100 0500 00000000 00000400 00000000",
        VirtioHeader(3, 2, 1024, 1234, 6, STREAM, RW, 0, 262144, 0),
    ),
    (
        "0200000000000000 7b00000000000000 0f270000 1f4e0000"
        "00000000 0200 0400 03000000 80000000 ffffffff",
        VirtioHeader(2, 123, 9999, 19999, 0, SEQPACKET, SHUTDOWN, 3, 128, 2**32 - 1),
    ),
    (
        "ffffffffffffffff 0000000000000080 ffffffff 00000000"
        "ffffffff 0900 6300 ffffffff 01000000 02000000",
        VirtioHeader(2**64 - 1, 2**63, 2**32 - 1, 0, 2**32 - 1, 9, 99, 2**32 - 1, 1, 2),
    ),
]


@pytest.mark.parametrize(("text", "header"), TABLE)
def test_bytes_and_values(text: str, header: VirtioHeader) -> None:
    data = bytes.fromhex(text)
    assert len(data) == SIZE == header.size == 44
    assert VirtioHeader.parse(data) == header
    assert VirtioHeader.parse(memoryview(data + b"behind")) == header
    assert header.pack() == data


@pytest.mark.parametrize("cut", range(SIZE))
def test_cut_at_every_byte(cut: int) -> None:
    data = bytes.fromhex(TABLE[0][0])[:cut]
    with pytest.raises(Malformed) as malformed:
        VirtioHeader.parse(data)
    assert str(malformed.value) == f"virtio: 44 bytes needed, the frame has {cut}"
    with pytest.raises(Malformed):
        VirtioHeader.parse(data, SIZE - 1)
    with pytest.raises(Truncated) as truncated:
        VirtioHeader.parse(data, SIZE)
    assert str(truncated.value) == f"virtio: 44 bytes needed, {cut} captured"


@given(st.binary(min_size=SIZE, max_size=SIZE))
def test_any_bytes_come_back(data: bytes) -> None:
    assert VirtioHeader.parse(data).pack() == data


@pytest.mark.parametrize("field", VirtioHeader._fields)
def test_a_number_too_big_is_not_packed(field: str) -> None:
    size = {"src_cid": 64, "dst_cid": 64, "type": 16, "op": 16}.get(field, 32)
    with pytest.raises(struct.error):
        TABLE[0][1]._replace(**{field: 1 << size}).pack()


# (op, type, flags) -> names, virtio 1.3, 5.10.6: the same bit says another thing elsewhere
FLAGS = [
    (SHUTDOWN, STREAM, 0, []),
    (SHUTDOWN, STREAM, 1, ["rcv"]),
    (SHUTDOWN, STREAM, 2, ["send"]),
    (SHUTDOWN, STREAM, 3, ["rcv", "send"]),
    (SHUTDOWN, SEQPACKET, 3, ["rcv", "send"]),
    (SHUTDOWN, STREAM, 4, ["0x4"]),
    (SHUTDOWN, STREAM, 7, ["rcv", "send", "0x4"]),
    (RW, SEQPACKET, 0, []),
    (RW, SEQPACKET, 1, ["EOM"]),
    (RW, SEQPACKET, 2, ["EOR"]),
    (RW, SEQPACKET, 3, ["EOM", "EOR"]),
    (RW, SEQPACKET, 0xFFFF_FFFF, ["EOM", "EOR", "0xfffffffc"]),
    (RW, STREAM, 1, ["0x1"]),
    (RW, STREAM, 3, ["0x3"]),
    (RW, 9, 1, ["0x1"]),
    (INVALID, SEQPACKET, 1, ["0x1"]),
    (REQUEST, STREAM, 1, ["0x1"]),
    (RESPONSE, SEQPACKET, 1, ["0x1"]),
    (RST, STREAM, 2, ["0x2"]),
    (CREDIT_UPDATE, SEQPACKET, 3, ["0x3"]),
    (CREDIT_REQUEST, STREAM, 0x8000_0000, ["0x80000000"]),
    (99, SEQPACKET, 1, ["0x1"]),
]


@pytest.mark.parametrize(("op", "kind", "flags", "names"), FLAGS)
def test_flags_are_read_with_op_and_type(op: int, kind: int, flags: int, names: list[str]) -> None:
    assert flag_names(op, kind, flags) == names
    assert TABLE[0][1]._replace(op=op, type=kind, flags=flags).flag_names == names


def test_names_are_the_specifications_and_unknown_numbers_show() -> None:
    known = [*"INVALID REQUEST RESPONSE RST SHUTDOWN RW CREDIT_UPDATE CREDIT_REQUEST".split()]  # noqa: SIM905
    assert [op_name(op) for op in range(9)] == [*known, "OP_8"]
    assert [type_name(kind) for kind in range(4)] == ["TYPE_0", "stream", "seqpacket", "TYPE_3"]
    header = TABLE[1][1]
    assert (header.name, header.op_name, header.type_name) == ("virtio", "SHUTDOWN", "seqpacket")
