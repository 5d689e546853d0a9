"""Scanner: the blocks of a ring, as the kernel lays them out, and as no kernel would."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .frames import RST, RW, frame
from .test_scan import DATA, SECOND, rows, scanner

BLOCK_HEADER = struct.Struct("=IIIIIIQIIII")  # tpacket_block_desc: version 1, tpacket_hdr_v1
PACKET_HEADER = struct.Struct("=IIIIIIHHIIHH8x")  # tpacket3_hdr
MAC = 82  # where the kernel puts the frame: behind the header and a sockaddr_ll, aligned


def ring(packets: list[tuple[int, int, bytes, int]], private: int = 0) -> bytearray:
    """Return a block of a TPACKET_V3 ring as include/uapi/linux/if_packet.h lays it out."""
    first = BLOCK_HEADER.size + private
    out = bytearray(first)
    for number, (second, ns, data, wire) in enumerate(packets):
        size = MAC + len(data) + -(MAC + len(data)) % 16
        following = size if number < len(packets) - 1 else 0
        out += PACKET_HEADER.pack(
            following, second, ns, len(data), wire, 1, MAC, MAC, 0, 0, 0, 0
        ).ljust(MAC, b"\xaa") + data.ljust(size - MAC, b"\xbb")
    head = (1, BLOCK_HEADER.size, 1, len(packets), first, len(out), 9, 0, 0, 0, 0)
    out[: BLOCK_HEADER.size] = BLOCK_HEADER.pack(*head)
    return out + bytes(4096)  # a block is longer than what stands in it


def test_the_layouts_are_the_kernels() -> None:
    assert (BLOCK_HEADER.size, PACKET_HEADER.size) == (48, 48)


@pytest.mark.parametrize("private", [0, 16])
def test_a_ring_block(private: int) -> None:
    packets = [
        (1_700_000_000, 999_999_999, DATA, len(DATA)),
        (2**32 - 1, 0, DATA[:40], 65612),
        (0, 1, frame(RST), 76),
        (0, 2, b"", 0),
    ]
    block = ring(packets, private)
    found = [row for batch in scanner().ring(block, 0) for row in rows(batch)]
    assert found == [(s * SECOND + ns, data, wire, 0) for s, ns, data, wire in packets]


def test_a_ring_block_of_no_packets() -> None:
    assert list(scanner().ring(ring([]), 0)) == []


def test_a_ring_block_of_more_packets_than_a_batch_holds() -> None:
    block = ring([(number, 0, frame(RST), 76) for number in range(10_000)])
    using, times, counts = scanner(), [], []
    for batch in using.ring(block, 0):
        assert batch.form == "ring"
        counts.append(batch.count)
        times += list(batch.column("time"))
    assert times == [number * SECOND for number in range(10_000)]
    assert len(counts) > 1


BAD_RING = "a packet outside of its ring's block"
TWO = ring([(0, 0, DATA, 79), (1, 0, DATA, 79)])
FIRST, PACKETS_AT, NEXT, CAPTURED, FRAME_AT = 16, 12, 48, 48 + 12, 48 + 24  # in a block


@pytest.mark.parametrize(
    ("at", "form", "value", "count"),
    [
        (FIRST, "I", 0xFFFF_FFFF, 0),
        (FIRST, "I", len(TWO), 0),
        (FIRST, "I", len(TWO) - 27, 0),
        (NEXT, "I", 0, 1),
        (NEXT, "I", 27, 1),
        (NEXT, "I", len(TWO), 1),
        (NEXT, "I", 0xFFFF_FFFF, 1),
        (CAPTURED, "I", len(TWO) - 48 - MAC + 1, 0),
        (CAPTURED, "I", 0xFFFF_FFFF, 0),
        (FRAME_AT, "H", 0xFFFF, 0),
    ],
)
def test_a_ring_block_that_cannot_be(at: int, form: str, value: int, count: int) -> None:
    block = bytearray(TWO)
    struct.pack_into("=" + form, block, at, value)
    using = scanner()
    assert sum(batch.count for batch in using.ring(block, 0)) == count
    assert using.damage == BAD_RING
    assert sum(batch.count for batch in using.ring(ring([(0, 0, DATA, 79)]), 0)) == 1
    assert using.damage == ""


def test_a_ring_block_of_more_packets_than_it_says() -> None:
    block = ring([(0, 0, DATA, 79)])
    struct.pack_into("=I", block, PACKETS_AT, 0xFFFF_FFFF)
    using = scanner()
    assert [batch.count for batch in using.ring(block, 0)] == [1]
    assert using.damage == BAD_RING


@pytest.mark.parametrize("size", [0, 1, 23])
def test_a_ring_block_without_its_header(size: int) -> None:
    using = scanner()
    assert list(using.ring(ring([(0, 0, DATA, 79)])[:size], 0)) == []
    assert using.damage == BAD_RING


@given(st.binary(max_size=300), st.integers(0, 9))
def test_any_ring_block_gives_packets_that_stand_in_it(body: bytes, packets: int) -> None:
    head = struct.pack("=IIIIII", 1, 48, 1, packets, 24 + len(body) % 7, 0)
    block = head + body
    for batch in scanner().ring(block, 0):
        for row, at in enumerate(batch.column("offset")):
            assert batch.frame(row) == block[at : at + batch.column("cap_len")[row]]
            assert at + batch.column("cap_len")[row] <= len(block)


def test_split_packets_are_followed_from_block_to_block() -> None:
    using, notes = scanner(), []
    for held in (10, 6, 2):
        block = ring([(0, 0, frame(RW, bytes(held), length=min(held, 4)), held + 76)])
        notes += [list(batch.column("notes")) for batch in using.ring(block, 0)]
    assert notes == [[1 << 3], [1 << 4], [0]]


@pytest.mark.parametrize("index", [-1, 1, 2**31 - 1])
def test_a_ring_needs_its_interface(index: int) -> None:
    with pytest.raises(IndexError):
        next(scanner().ring(ring([(0, 0, DATA, 79)]), index))
