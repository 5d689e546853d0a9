"""Scanner: records and blocks of every kind, times, damage, and pieces."""

import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsockdump.engine.batch import Batch
from vsockdump.engine.scan import Scanner

from .frames import (
    RW,
    SLL2,
    VSOCK,
    enhanced,
    frame,
    interface,
    obsolete,
    option,
    pcap_record,
    section,
    simple,
    sll2,
)

NATIVE = "<" if struct.pack("=H", 1) == b"\x01\x00" else ">"
ORDERS = ["<", ">"]
DATA = frame(RW, b"abc")
SECOND = 1_000_000_000
IF_TSRESOL, IF_TSOFFSET = 9, 14

Row = tuple[int, bytes, int, int]  # time, frame, length on the wire, interface


def scanner(*linktypes: int, tsresol: int = 9, tsoffset: int = 0, snaplen: int = 0) -> Scanner:
    made = Scanner()
    for linktype in linktypes or (VSOCK,):
        made.add_interface(linktype, tsresol, tsoffset, snaplen)
    return made


def rows(batch: Batch) -> list[Row]:
    wires, times = batch.column("wire_len"), batch.column("time")
    interfaces = batch.column("interface")
    return [(times[i], batch.frame(i), wires[i], interfaces[i]) for i in range(batch.count)]


def pcapng(data: bytes, order: str = "<", using: Scanner | None = None, base: int = 0) -> Batch:
    using = using or scanner()
    return using.pcapng(data, 0, len(data), swapped=order != NATIVE, base=base)


# --- pcap -------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("unit", "ns"), [(1000, 7_000), (1, 7)])
@pytest.mark.parametrize("lead", [16, 24])
def test_pcap_records(order: str, unit: int, ns: int, lead: int) -> None:
    records = [
        pcap_record(DATA, 5, 7, order=order, lead=lead),
        pcap_record(DATA[:40], 2**32 - 1, 0, wire=99, order=order, lead=lead),
    ]
    data = b"before" + b"".join(records)
    batch = scanner().pcap(data, 6, len(data), swapped=order != NATIVE, unit=unit, lead=lead)
    assert rows(batch) == [
        (5 * SECOND + ns, DATA, len(DATA), 0),
        ((2**32 - 1) * SECOND, DATA[:40], 99, 0),
    ]
    assert list(batch.column("record")) == [6, 6 + len(records[0])]
    assert list(batch.column("record_size")) == [len(one) for one in records]
    assert list(batch.column("offset")) == [6 + lead, 6 + len(records[0]) + lead]
    form = f"pcap/{unit}" if (order, lead) == (NATIVE, 16) else "pcap"
    assert (batch.begin, batch.end, batch.form) == (6, len(data), form)


@pytest.mark.parametrize(
    ("lengths", "swapped_lengths", "captured"),
    [(0, False, 40), (1, True, 40), (2, False, 40), (2, True, 40)],
)
def test_the_two_lengths_of_a_record(lengths: int, swapped_lengths: bool, captured: int) -> None:
    data = pcap_record(DATA[:40], wire=99, swapped_lengths=swapped_lengths)
    batch = scanner().pcap(data, 0, len(data), swapped=NATIVE != "<", lengths=lengths)
    assert [(len(one), wire) for _, one, wire, _ in rows(batch)] == [(captured, 99)]


def test_a_fraction_of_more_than_a_second_counts() -> None:
    data = pcap_record(DATA, 1, 2_500_000)
    batch = scanner().pcap(data, 0, len(data), swapped=NATIVE != "<")
    assert batch.column("time")[0] == 3 * SECOND + SECOND // 2


def test_a_record_longer_than_any_is_damage() -> None:
    good = pcap_record(DATA)
    for captured, damage in ((262144, ""), (262145, "a record of impossible length")):
        using = scanner()
        data = good + struct.pack("<IIII", 0, 0, captured, captured)
        batch = using.pcap(data, 0, len(data), swapped=NATIVE != "<")
        assert (batch.count, batch.end, using.damage) == (1, len(good), damage)


@pytest.mark.parametrize("lead", [-16, 0, 8, 15, 20, 25])
def test_a_header_of_no_kind_is_refused(lead: int) -> None:
    with pytest.raises(ValueError, match=f"no record's header has {lead} bytes"):
        scanner().pcap(bytes(99), 0, 99, lead=lead)


def test_pcap_needs_its_interface() -> None:
    with pytest.raises(ValueError, match="not described"):
        Scanner().pcap(b"", 0, 0)


@pytest.mark.parametrize(("begin", "end"), [(-1, 2), (0, 5), (3, 2)])
def test_a_span_outside_the_data_is_refused(begin: int, end: int) -> None:
    for scan in (scanner().pcap, scanner().pcapng):
        with pytest.raises(IndexError):
            scan(b"four", begin, end)


# --- pcapng -----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
def test_pcapng_blocks_of_three_kinds(order: str) -> None:
    odd = DATA[:-1]  # needs padding
    data = b"".join([
        enhanced(odd, 5 * SECOND + 7, 0, order=order, options=option(1, b"why", order)),
        simple(odd, order=order),
        obsolete(odd, 2**63 - 1, 1, order=order),
        enhanced(odd, 0, 1, wire=500, order=order),
    ])  # fmt: skip
    using = scanner(VSOCK, VSOCK)
    batch = pcapng(data, order, using)
    padded = odd + b"\0"
    assert rows(batch) == [
        (5 * SECOND + 7, odd, len(odd), 0),
        (0, odd, len(odd), 0),
        (2**63 - 1, odd, len(odd), 1),
        (0, odd, 500, 1),
    ]
    assert (using.damage, using.other, batch.end) == ("", False, len(data))
    assert sum(batch.column("record_size")) == len(data)
    assert padded in data


@pytest.mark.parametrize("order", ORDERS)
def test_a_simple_packet_is_as_long_as_the_snaplen_allows(order: str) -> None:
    cut = simple(DATA[:40], wire=len(DATA), order=order)
    assert rows(pcapng(cut, order, scanner(snaplen=40))) == [(0, DATA[:40], len(DATA), 0)]
    assert rows(pcapng(cut, order, scanner(snaplen=0))) == [(0, DATA[:40], len(DATA), 0)]
    short = simple(DATA[:39], wire=39, order=order)
    assert rows(pcapng(short, order, scanner(snaplen=40))) == [(0, DATA[:39], 39, 0)]


def test_a_section_has_interfaces_of_its_own() -> None:
    using = scanner(VSOCK, VSOCK, SLL2)
    data = enhanced(sll2() + DATA, 0, 0) + simple(sll2() + DATA)
    batch = pcapng(data, "<", using, base=2)
    assert list(batch.column("interface")) == [2, 2]
    assert [batch.linktype(row) for row in range(2)] == [SLL2, SLL2]
    assert list(batch.column("payload_len")) == [3, 3]


@pytest.mark.parametrize("base", [-1, -(2**31), 1, 2**31 - 1])
def test_an_interface_of_no_section_is_damage(base: int) -> None:
    for block in (enhanced(DATA, 0, 0), simple(DATA), obsolete(DATA, 0, 0)):
        using = scanner()
        assert pcapng(block, NATIVE, using, base).count == 0
        assert using.damage == BAD_INTERFACE


def test_the_scan_stops_before_a_block_that_is_no_packet() -> None:
    using = scanner()
    packets = enhanced(DATA)
    for other in (section(), interface(), b"\0\0\0\0" * 3):
        batch = pcapng(packets + other, "<", using)
        assert (batch.count, batch.end, using.other, using.damage) == (1, len(packets), True, "")
    assert pcapng(packets, "<", using).count == 1
    assert not using.other


def changed(data: bytes, at: int, value: int, order: str) -> bytes:
    return data[:at] + struct.pack(order + "I", value) + data[at + 4 :]


BAD_LENGTH = "a block of impossible length"
BAD_TRAILER = "a block whose two lengths differ"
BAD_CAPTURED = "a block too short for its frame"
BAD_INTERFACE = "a packet of an interface that was not described"
SIZE = len(enhanced(DATA))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("at", "value", "damage"),
    [
        (4, SIZE + 1, BAD_LENGTH),
        (4, 0, BAD_LENGTH),
        (4, 12, BAD_LENGTH),
        (4, 16, BAD_TRAILER),
        (4, SIZE - 4, BAD_TRAILER),
        (4, 16 * 1024 * 1024 + 4, BAD_LENGTH),
        (4, 2**32 - 4, BAD_LENGTH),
        (SIZE - 4, SIZE + 4, BAD_TRAILER),
        (8, 1, BAD_INTERFACE),
        (8, 2**32 - 1, BAD_INTERFACE),
        (20, len(DATA) + 2, BAD_CAPTURED),
        (20, 2**32 - 1, BAD_CAPTURED),
        (20, len(DATA) + 1, ""),  # its padding: who is to say that it is none
        (24, 0, ""),
    ],
)
def test_a_bad_block_is_damage(order: str, at: int, value: int, damage: str) -> None:
    good = enhanced(DATA, order=order)
    using = scanner()
    data = good + changed(good, at, value, order) + good
    batch = pcapng(data, order, using)
    assert using.damage == damage
    assert (batch.count, batch.end) == ((1, len(good)) if damage else (3, len(data)))


def test_blocks_too_short_for_their_kind_are_damage() -> None:
    for kind, least in ((6, 32), (2, 32), (3, 16)):
        for size in range(12, least + 1, 4):
            length = struct.pack("<I", size)
            data = struct.pack("<I", kind) + length + bytes(size - 12) + length
            using = scanner()
            batch = pcapng(data, "<", using)
            assert (using.damage, batch.count) == (("", 1) if size == least else (BAD_LENGTH, 0))


def test_an_interface_of_a_later_section_is_not_there_yet() -> None:
    using = scanner(VSOCK)
    assert pcapng(simple(DATA), "<", using, base=1).count == 0
    assert using.damage == BAD_INTERFACE


# --- times ------------------------------------------------------------------------------------


def exact(units: int, tsresol: int, tsoffset: int) -> int:
    """Nanoseconds by exact arithmetic, rounded down, as 64 bits wrap around."""
    base = 2 if tsresol & 0x80 else 10
    ns: int = units * SECOND // base ** (tsresol & 0x7F) + tsoffset * SECOND
    return (ns + 2**63) % 2**64 - 2**63


UNITS = [0, 1, 2, 999, 10**9, 1_700_000_000_123_456_789, 2**63 - 1, 2**63, 2**64 - 1]
RESOLUTIONS = [*range(40), 0x7F, *range(0x80, 0xA4), 0xBF, 0xC0, 0xC1, 0xFF]


@pytest.mark.parametrize("tsresol", RESOLUTIONS)
def test_times_are_exact(tsresol: int) -> None:
    for tsoffset in (0, 1, -1, 1_700_000_000, -(2**63), 2**63 - 1):
        using = scanner(tsresol=tsresol, tsoffset=tsoffset)
        data = b"".join(enhanced(DATA, units) for units in UNITS)
        times = list(pcapng(data, "<", using).column("time"))
        assert times == [exact(units, tsresol, tsoffset) for units in UNITS]


@given(st.integers(0, 2**64 - 1), st.integers(0, 255), st.integers(-(2**63), 2**63 - 1))
def test_any_time_is_exact(units: int, tsresol: int, tsoffset: int) -> None:
    batch = pcapng(obsolete(DATA, units), "<", scanner(tsresol=tsresol, tsoffset=tsoffset))
    assert batch.column("time")[0] == exact(units, tsresol, tsoffset)


# Times that fit 1970-2106, at resolutions tshark can hold.
SHARK = [
    (6, 0, 1_700_000_000_123_456),
    (9, 0, 1_700_000_000_123_456_789),
    (0, 0, 1_700_000_000),
    (3, 1000, 1_700_000_000_123),
    (0x80, 0, 1_700_000_000),
    (0x80 | 10, 0, 1_700_000_000 * 1024 + 1023),
    (0x80 | 20, -5, 1_700_000_000 * 2**20 + 12345),
    (0x80 | 30, 0, 1_700_000_000 * 2**30 + 2**30 - 1),
]


@pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark")
@pytest.mark.parametrize("order", ORDERS)
def test_times_are_tsharks(tmp_path: Path, order: str) -> None:
    path = tmp_path / "times.pcapng"
    blocks, using = [section(order)], Scanner()
    for tsresol, tsoffset, _ in SHARK:
        options = option(IF_TSRESOL, bytes([tsresol]), order)
        options += option(IF_TSOFFSET, struct.pack(order + "q", tsoffset), order) + bytes(4)
        blocks.append(interface(options=options, order=order))
        using.add_interface(VSOCK, tsresol, tsoffset)
    packets = b"".join(
        enhanced(DATA, units, index, order=order) for index, (_, _, units) in enumerate(SHARK)
    )
    path.write_bytes(b"".join(blocks) + packets)
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-e", "frame.time_epoch"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    times = pcapng(packets, order, using).column("time")
    assert [f"{ns // SECOND}.{ns % SECOND:09d}" for ns in times] == shown


# --- batches and pieces -----------------------------------------------------------------------


def test_a_batch_fills_and_the_next_goes_on() -> None:
    count = 20_000
    data = b"".join(pcap_record(DATA, number) for number in range(count))
    using, at, seconds, sizes = scanner(), 0, [], []
    while at < len(data):
        batch = using.pcap(data, at, len(data), swapped=NATIVE != "<")
        assert batch.begin == at < batch.end
        at = batch.end
        sizes.append(batch.count)
        seconds += [ns // SECOND for ns in batch.column("time")]
    assert seconds == list(range(count))
    assert len(set(sizes[:-1])) == 1 < len(sizes)
    assert 0 < sizes[-1] <= sizes[0]


PACKETS = [enhanced(frame(RW, bytes(n), length=n // 2), n) + simple(DATA[:n]) for n in range(9)]
RECORDS = [pcap_record(frame(RW, bytes(n), length=n // 2), n) for n in range(9)]


def in_pieces(data: bytes, cuts: list[int], form: str) -> Iterator[tuple[Row, int]]:
    """Scan as a reader does that gets some bytes at a time; yield rows and their notes."""
    using, begin = scanner(), 0
    for end in [*sorted(cuts), len(data)]:
        scan = using.pcapng if form == "pcapng" else using.pcap
        batch = scan(data, begin, end, swapped=NATIVE != "<")
        begin = batch.end
        yield from zip(rows(batch), batch.column("notes"), strict=True)
        assert not using.damage
    assert begin == len(data)


@settings(max_examples=60)
@given(st.data(), st.sampled_from(["pcap", "pcapng"]))
def test_any_pieces_give_the_same_packets(draw: st.DataObject, form: str) -> None:
    data = b"".join(PACKETS if form == "pcapng" else RECORDS)
    cuts = draw.draw(st.lists(st.integers(0, len(data)), max_size=30))
    assert list(in_pieces(data, cuts, form)) == list(in_pieces(data, [], form))


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_byte_by_byte(form: str) -> None:
    data = b"".join(PACKETS[:4] if form == "pcapng" else RECORDS[:4])
    assert list(in_pieces(data, list(range(len(data))), form)) == list(in_pieces(data, [], form))


def test_more_interfaces_than_a_column_can_tell_are_refused() -> None:
    using = Scanner()
    for number in range(65536):
        assert using.add_interface(VSOCK) == number
    with pytest.raises(OverflowError, match="65536"):
        using.add_interface(VSOCK)
    assert using.interfaces.count == 65536
    assert using.interfaces.linktype(65535) == VSOCK
    for index in (-1, 65536):
        with pytest.raises(IndexError):
            using.interfaces.linktype(index)
