"""What the engine writes is read back the same: by our scanner, by dpkt and by Scapy."""

import io
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsockdump.engine import records
from vsockdump.engine.batch import Batch
from vsockdump.engine.scan import Scanner

from .frames import RW, VSOCK, enhanced, frame, interface, option, pcap_header, section

NATIVE = "<" if struct.pack("=H", 1) == b"\x01\x00" else ">"
SECOND = 1_000_000_000
NANO = 0xA1B23C4D

Packet = tuple[int, bytes, int]  # time, frame, length on the wire

PACKETS: list[Packet] = [
    (1_700_000_000 * SECOND + n * 123_456_789, frame(RW, bytes(range(n))), 76 + n + n % 3)
    for n in range(10)
] + [((2**32 - 1) * SECOND + 999_999_999, b"", 0), (0, b"abc", 2**32 - 1)]


def scanner() -> Scanner:
    made = Scanner()
    made.add_interface(VSOCK)
    return made


def batch_of(packets: Iterable[Packet]) -> Batch:
    data = b"".join(enhanced(one, time, wire=wire, order=NATIVE) for time, one, wire in packets)
    return scanner().pcapng(data, 0, len(data))


def read(batch: Batch) -> list[Packet]:
    times, wires = batch.column("time"), batch.column("wire_len")
    return [(times[i], batch.frame(i), wires[i]) for i in range(batch.count)]


def whole(ns: int, nano: bool) -> int:
    return ns if nano else ns // 1000 * 1000


@pytest.mark.parametrize("nano", [False, True])
def test_pcap_comes_back(nano: bool) -> None:
    data = records.pcap(batch_of(PACKETS), 0, len(PACKETS), nano)
    batch = scanner().pcap(data, 0, len(data), unit=1 if nano else 1000)
    assert read(batch) == [(whole(ns, nano), one, wire) for ns, one, wire in PACKETS]
    assert records.sizes(batch_of(PACKETS), "pcap") == list(batch.column("record_size"))


def test_pcapng_comes_back_and_is_what_the_format_says() -> None:
    batch = batch_of(PACKETS)
    data = records.pcapng(batch, 0, len(PACKETS))
    assert data == bytes(batch.data), "made by hand, field by field"
    assert records.sizes(batch, "pcapng") == list(batch.column("record_size"))


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1), st.binary(max_size=90), st.integers(0, 2**32 - 1)
        ),
        max_size=20,
    )
)
def test_any_packets_come_back(drawn: list[Packet]) -> None:
    packets = [(ns % 2**64, one, max(len(one), wire)) for ns, one, wire in drawn]
    batch = batch_of(packets)
    data = records.pcapng(batch, 0, len(packets))
    assert data == bytes(batch.data)
    nano = records.pcap(batch, 0, len(packets), nano=True)
    back = read(scanner().pcap(nano, 0, len(nano), unit=1))
    seconds = [ns // SECOND % 2**32 for ns, _, _ in drawn]  # pcap has no more bits for them
    assert back == [
        (second * SECOND + ns % SECOND, one, wire)
        for second, (ns, _, _), (_, one, wire) in zip(seconds, drawn, packets, strict=True)
    ]


# --- rows and spans ---------------------------------------------------------------------------


def test_raw_is_what_stood_there() -> None:
    batch = batch_of(PACKETS)
    data, sizes = bytes(batch.data), records.sizes(batch, "")
    assert bytes(records.raw(batch, 0, len(PACKETS))) == data
    assert bytes(records.raw(batch, 2, 4)) == data[sum(sizes[:2]) : sum(sizes[:4])]
    assert bytes(records.raw(batch, 3, 3)) == b""


def test_raw_leaves_out_what_was_not_chosen() -> None:
    batch = batch_of(PACKETS)
    data, sizes = bytes(batch.data), records.sizes(batch, "")
    starts = [sum(sizes[:row]) for row in range(len(sizes))]
    batch.select(bytes(row % 2 for row in range(len(PACKETS))))
    odd = [data[starts[row] : starts[row] + sizes[row]] for row in range(1, len(PACKETS), 2)]
    assert bytes(records.raw(batch, 0, len(odd))) == b"".join(odd)
    assert bytes(records.raw(batch, 1, 3)) == b"".join(odd[1:3])
    assert records.pcapng(batch, 0, len(odd)) == b"".join(odd)


def test_raw_keeps_options_and_records_of_any_order() -> None:
    other = ">" if NATIVE == "<" else "<"
    block = enhanced(b"abc", 7, options=option(1, b"why", other) + bytes(4), order=other)
    batch = scanner().pcapng(block * 3, 0, 3 * len(block), swapped=True)
    assert bytes(records.raw(batch, 1, 2)) == block


def nano_pcap(batch: Batch, begin: int, end: int) -> bytes:
    return records.pcap(batch, begin, end, nano=True)


def test_spans_of_rows_join() -> None:
    batch, end = batch_of(PACKETS), len(PACKETS)
    for write in (records.raw, records.pcapng, nano_pcap):
        parts = b"".join(bytes(write(batch, row, row + 1)) for row in range(end))
        assert parts == bytes(write(batch, 0, end))


@pytest.mark.parametrize(("begin", "end"), [(-1, 1), (0, len(PACKETS) + 1), (2, 1)])
def test_rows_that_are_not_there(begin: int, end: int) -> None:
    batch = batch_of(PACKETS)
    writers: list[Callable[[], object]] = [
        lambda: records.raw(batch, begin, end),
        lambda: records.pcap(batch, begin, end, nano=False),
        lambda: records.pcapng(batch, begin, end),
    ]
    for write in writers:
        with pytest.raises(IndexError, match=f"rows {begin} to {end} of {len(PACKETS)}"):
            write()


def test_padding_is_zero() -> None:
    """Nothing of this program's memory goes into a file."""
    for size in range(9):
        data = records.pcapng(batch_of([(0, b"\xff" * size, size)]), 0, 1)
        assert data[28:-4] == b"\xff" * size + bytes(-size % 4)


# --- comments ---------------------------------------------------------------------------------

COMMENTS = [b"", b"a", b"ab", b"abc", b"abcd", "é\n".encode(), bytes(65535)]


def commented() -> Batch:
    batch = batch_of(PACKETS)
    batch.comments = dict(enumerate(COMMENTS, 2))
    return batch


def test_a_comment_is_an_option_of_its_packet() -> None:
    batch, taken = commented(), dict(enumerate(COMMENTS, 2))
    parts = [
        enhanced(
            one,
            time,
            wire=wire,
            options=option(1, taken[row], NATIVE) + bytes(4) if row in taken else b"",
            order=NATIVE,
        )
        for row, (time, one, wire) in enumerate(PACKETS)
    ]
    assert records.pcapng(batch, 0, len(PACKETS)) == b"".join(parts)
    assert records.sizes(batch, "pcapng") == [len(part) for part in parts]
    for row, part in enumerate(parts):
        assert records.pcapng(batch, row, row + 1) == part
    assert records.pcapng(batch, 3, 6) == b"".join(parts[3:6])
    assert records.pcapng(batch, 3, 3) == b""


def test_packets_with_comments_come_back() -> None:
    data = records.pcapng(commented(), 0, len(PACKETS))
    assert read(scanner().pcapng(data, 0, len(data))) == PACKETS


def test_comments_are_no_part_of_other_forms() -> None:
    plain, batch = batch_of(PACKETS), commented()
    assert records.sizes(batch, "pcap") == records.sizes(plain, "pcap")
    assert nano_pcap(batch, 0, 12) == nano_pcap(plain, 0, 12)
    assert records.sizes(batch, "") == records.sizes(plain, "")


def test_a_comment_that_is_too_long() -> None:
    batch = batch_of(PACKETS)
    batch.comments[0] = bytes(65536)
    with pytest.raises(ValueError, match="a comment of 65536 bytes"):
        records.pcapng(batch, 0, 1)


def test_dpkt_passes_over_comments() -> None:
    pcapng = pytest.importorskip("dpkt.pcapng")
    head = section(NATIVE) + interface(options=option(9, b"\x09", NATIVE) + bytes(4), order=NATIVE)
    reader = pcapng.Reader(io.BytesIO(head + records.pcapng(commented(), 0, 10)))
    assert [data for _, data in reader] == [one for _, one, _ in PACKETS[:10]]


# --- other readers ----------------------------------------------------------------------------


def pcap_file(packets: list[Packet], nano: bool) -> bytes:
    header = pcap_header(order=NATIVE, magic=NANO if nano else 0xA1B2C3D4)
    return header + records.pcap(batch_of(packets), 0, len(packets), nano)


def pcapng_file(packets: list[Packet]) -> bytes:
    head = section(NATIVE) + interface(options=option(9, b"\x09", NATIVE) + bytes(4), order=NATIVE)
    return head + records.pcapng(batch_of(packets), 0, len(packets))


def near(found: list[tuple[int, bytes]], true: list[tuple[int, bytes]], off: int) -> None:
    """Hold times that went through a float to those that did not."""
    assert [data for _, data in found] == [data for _, data in true]
    assert all(abs(a - b) <= off for (a, _), (b, _) in zip(found, true, strict=True))


@pytest.mark.parametrize("nano", [False, True])
def test_dpkt_reads_the_same_from_pcap(nano: bool) -> None:
    pcap = pytest.importorskip("dpkt.pcap")
    reader = pcap.Reader(io.BytesIO(pcap_file(PACKETS, nano)))
    assert reader.datalink() == VSOCK
    found = [(int(time * SECOND), data) for time, data in reader]  # decimal.Decimal where nano
    near(found, [(whole(ns, nano), one) for ns, one, _ in PACKETS], 0 if nano else 600)


def test_dpkt_reads_the_same_from_pcapng() -> None:
    """Its times are floats: some hundred nanoseconds are lost."""
    pcapng = pytest.importorskip("dpkt.pcapng")
    some = PACKETS[:10]
    reader = pcapng.Reader(io.BytesIO(pcapng_file(some)))
    assert reader.datalink() == VSOCK
    found = [(int(time * SECOND), data) for time, data in reader]
    near(found, [(ns, one) for ns, one, _ in some], 600)


def scapy_time(meta: Any, nano: bool) -> int:  # noqa: ANN401 - untyped
    """Return the nanoseconds that Scapy's reader says a packet was captured at."""
    if hasattr(meta, "tshigh"):
        return int(((meta.tshigh << 32) + meta.tslow) * SECOND // meta.tsresol)
    return int(meta.sec * SECOND + meta.usec * (1 if nano else 1000))


@pytest.mark.parametrize("form", ["micro", "nano", "pcapng"])
def test_scapy_reads_the_same(form: str, tmp_path: Path) -> None:
    utils = pytest.importorskip("scapy.utils")
    nano = form != "micro"
    path = tmp_path / "capture"
    path.write_bytes(pcapng_file(PACKETS) if form == "pcapng" else pcap_file(PACKETS, nano))
    with utils.RawPcapReader(str(path)) as reader:
        found = [(scapy_time(meta, nano), bytes(one), meta.wirelen) for one, meta in reader]
    assert found == [(whole(ns, nano), one, wire) for ns, one, wire in PACKETS]
