"""dissect(): whole frames, cut at every byte, and any bytes at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.dissectors import LINKTYPES, Dissection, Layer, dissect
from vsockdump.dissectors.cooked import Sll2Header, SllHeader
from vsockdump.dissectors.notes import Note
from vsockdump.dissectors.splits import Splits
from vsockdump.dissectors.virtio import VirtioHeader
from vsockdump.dissectors.vsockmon import VsockmonHeader
from vsockdump.dissectors.wire import Malformed, Truncated

from .frames import (
    CREDIT_UPDATE,
    NO_INFO,
    RST,
    RW,
    SEQPACKET,
    SLL,
    SLL2,
    VSOCK,
    frame,
    monitor,
    sll,
    sll2,
    virtio,
)

HELLO = b"Hello, world!"


def names(found: Dissection) -> list[str]:
    return [layer.name for layer in found.layers]


def test_a_frame_as_linux_makes_it() -> None:
    found = dissect(frame(RW, HELLO, kind=SEQPACKET, flags=1, fwd_cnt=7))
    assert found.layers == (
        VsockmonHeader(3, 2, 1024, 1234, 4, 2, 44, 0),
        VirtioHeader(3, 2, 1024, 1234, 13, SEQPACKET, RW, 1, 262144, 7),
    )
    assert (found.vsockmon, found.virtio) == found.layers
    assert (found.payload, found.payload_offset) == (HELLO, 76)
    assert (found.notes, found.error) == (Note(0), None)


def test_any_buffer_will_do() -> None:
    data = frame(RW, HELLO)
    assert dissect(data) == dissect(memoryview(data)) == dissect(memoryview(bytearray(data)))


def test_a_wire_length_below_what_was_captured_counts_for_nothing() -> None:
    assert dissect(frame(RW, HELLO), wire_len=10) == dissect(frame(RW, HELLO))


@pytest.mark.parametrize(
    ("length", "behind", "payload", "offset"),
    [
        (0, b"payload!", b"payload!", 32),
        (8, b"XXXXXXXXpayload!", b"payload!", 40),
        (8, b"XXXXXXXX", b"", 40),
        (0, b"", b"", 32),
    ],
)
def test_no_info_with_and_without_a_header(
    length: int, behind: bytes, payload: bytes, offset: int
) -> None:
    for transport in (0, NO_INFO, 7, 65535):
        found = dissect(monitor(transport=transport, length=length) + behind)
        assert names(found) == ["vsockmon"]
        assert found.virtio is None
        assert (found.payload, found.payload_offset) == (payload, offset)
        assert (found.notes, found.error) == (Note(0), None)


def test_the_monitors_len_is_honoured() -> None:
    found = dissect(monitor(length=48) + virtio(length=3) + b"EXT!abc")
    assert (found.payload, found.payload_offset) == (b"abc", 80)
    assert names(found) == ["vsockmon", "virtio"]


def test_the_payload_is_as_long_as_the_packet_says() -> None:
    assert dissect(frame(RW, b"abcdEFGHIJ", length=4)).payload == b"abcd"
    assert dissect(frame(RW, b"abcd", length=10)).payload == b"abcd"
    assert dissect(frame(CREDIT_UPDATE, b"abcd", length=2)).payload == b"ab"
    assert dissect(frame(RST, b"abcd", length=0)).payload == b""


LINKS = [(VSOCK, b"", ()), (SLL, sll(), (SllHeader(4, 826),)), (SLL2, sll2(), (
    Sll2Header(0, 0, 7, 826, 4),
))]  # fmt: skip


@pytest.mark.parametrize(("linktype", "link", "layers"), LINKS)
def test_cooked_headers_stand_before_the_rest(
    linktype: int, link: bytes, layers: tuple[Layer, ...]
) -> None:
    plain, found = dissect(frame(RW, HELLO)), dissect(link + frame(RW, HELLO), linktype)
    assert found.layers == layers + plain.layers
    assert (found.payload, found.payload_offset) == (HELLO, 76 + len(link))


@pytest.mark.parametrize(("linktype", "link", "layers"), LINKS)
@pytest.mark.parametrize("payload", [b"", HELLO])
def test_cut_at_every_byte(
    linktype: int, link: bytes, layers: tuple[Layer, ...], payload: bytes
) -> None:
    """Cut by a snaplen it is truncated, ended by its sender malformed: just one of both."""
    op = RW if payload else RST
    data = link + frame(op, payload)
    starts = [0] * bool(link) + [len(link), len(link) + 32]
    sizes = [len(link)] * bool(link) + [32, 44]
    for cut in range(len(data)):
        found, short = dissect(data[:cut], linktype, len(data)), dissect(data[:cut], linktype)
        read = [size for start, size in zip(starts, sizes, strict=True) if start + size <= cut]
        assert [layer.size for layer in found.layers] == read
        assert found.layers == short.layers == dissect(data, linktype).layers[: len(read)]
        assert found.notes == Note.TRUNCATED
        if len(read) == len(sizes):
            assert (found.error, found.payload) == (None, payload[: cut - len(link) - 76])
            assert short.notes == Note.LEN_BEYOND_FRAME
        else:
            have = cut - starts[len(read)]
            assert isinstance(found.error, Truncated) and isinstance(short.error, Malformed)
            assert (found.error.need, found.error.have) == (sizes[len(read)], have)
            assert short.notes == Note.MALFORMED
            assert (found.payload, found.payload_offset) == (b"", 0)


def test_the_error_names_the_layer_and_the_numbers() -> None:
    cases = {
        "sll: 16 bytes needed, 15 captured": (sll()[:15], SLL, 92),
        "sll2: 20 bytes needed, the frame has 3": (sll2()[:3], SLL2, None),
        "vsockmon: 32 bytes needed, 4 captured": (sll2() + monitor()[:4], SLL2, 96),
        "virtio: 44 bytes needed, the frame has 0": (monitor(length=0) + virtio(), VSOCK, None),
        "virtio: 44 bytes needed, 10 captured": (monitor() + virtio()[:10], VSOCK, 76),
        "transport header: 36 bytes needed, the frame has 33": (
            monitor(transport=7, length=4) + b"T",
            VSOCK,
            None,
        ),
    }
    for words, (data, linktype, wire) in cases.items():
        assert str(dissect(data, linktype, wire).error) == words


@given(
    data=st.binary(max_size=200),
    linktype=st.sampled_from([*LINKTYPES, 0, 1, -1, 2**31]),
    wire=st.none() | st.integers(-10, 2**33),
    interface=st.integers(0, 3),
)
def test_any_bytes_give_a_value(
    data: bytes, linktype: int, wire: int | None, interface: int
) -> None:
    splits = Splits()
    for _ in range(2):
        found = dissect(data, linktype, wire, splits, interface)
        end = found.payload_offset + len(found.payload)
        assert found.payload == data[found.payload_offset : end]
        assert sum(layer.size for layer in found.layers) <= len(data)
        assert b"".join(layer.pack() for layer in found.layers) == data[: sum(
            layer.size for layer in found.layers
        )]  # fmt: skip
        if found.error is not None:
            assert found.notes & (Note.TRUNCATED | Note.MALFORMED)


@given(
    st.binary(min_size=20, max_size=20),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=44, max_size=44),
)
def test_what_was_parsed_packs_to_the_same_bytes(link: bytes, middle: bytes, inner: bytes) -> None:
    link = link[:8] + (826).to_bytes(2, "big") + link[10:]
    middle = middle[:26] + b"\x02\x00\x2c\x00" + middle[30:]
    found = dissect(link + middle + inner, SLL2)
    assert [layer.pack() for layer in found.layers] == [link, middle, inner]
