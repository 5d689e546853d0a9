"""Reading capture files: both formats in all their variants."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import captures
from tests.captures import (
    SECOND,
    START,
    Taken,
    enhanced,
    interface,
    packets,
    read,
    read_until_error,
    section,
    some,
)
from vsockdump.formats.pcapng import Drops
from vsockdump.sources.savefile import Savefile

Make = Callable[[bytes], str]


@pytest.fixture
def made(tmp_path: Path) -> Make:
    """Write bytes to a file and give its path."""

    def make(data: bytes) -> str:
        path = tmp_path / "capture"
        path.write_bytes(data)
        return str(path)

    return make


def in_units(taken: Taken, unit: int) -> Taken:
    return taken._replace(time=taken.time // unit * unit)


# --- pcap ---------------------------------------------------------------------------------------

ODD = [Taken(START + 123_456_789, captures.frame(b"odd")[:79], 79), *some(5, step=777_777_777)]
CUT = [Taken(START, captures.frame(bytes(50))[:96], 126)]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("magic", "unit"), [(captures.MICRO, 1000), (captures.NANO, 1), (captures.MODIFIED, 1000)]
)
def test_pcap_magic(made: Make, order: str, magic: int, unit: int) -> None:
    found = read(made(captures.pcap(ODD + CUT, order, magic)))
    assert found == [in_units(taken, unit) for taken in ODD + CUT]


@pytest.mark.parametrize("version", [(2, 1), (2, 2), (2, 3), (2, 4), (543, 0)])
@pytest.mark.parametrize("order", "<>")
def test_pcap_version(made: Make, order: str, version: tuple[int, int]) -> None:
    assert read(made(captures.pcap(CUT, order, version=version))) == CUT


def test_pcap_2_3_was_written_both_ways(made: Make) -> None:
    swapped = captures.pcap(CUT, version=(2, 2))
    assert read(made(swapped[:6] + b"\3\0" + swapped[8:])) == CUT


@pytest.mark.parametrize("linktype", [captures.VSOCK, captures.SLL, captures.SLL2])
def test_interface_of_pcap(made: Make, linktype: int) -> None:
    flags = 0xF400_0000  # length of a frame check sequence: no part of the link type
    source = Savefile(made(captures.pcap([], linktype=linktype | flags, snaplen=96)))
    (found,) = source.interfaces
    assert (found.linktype, found.snaplen, source.is_pcapng) == (linktype, 96, False)
    source.close()


# --- pcapng -------------------------------------------------------------------------------------


def test_every_kind_of_block(made: Make) -> None:
    first, second, third, *more = some(8)
    source = Savefile(made(captures.everything()))
    found = list(packets(source))
    assert found == [first, second, third, third._replace(time=0), *more]
    assert [one.name for one in source.interfaces] == ["vsockmon0", "vsockmon1", "mon2"]
    assert [one.os for one in source.interfaces] == ["Linux 6.1", "Linux 6.1", "AIX"]
    assert source.interfaces[0].filter == "port 1"
    assert source.drops == {0: Drops(0, 100, 7), 2: Drops(0, 5, 1)}
    source.close()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("tsresol", "units", "ns"),
    [
        (b"\x00", 1_700_000_000, START),
        (b"\x03", 1_700_000_000_123, START + 123_000_000),
        (b"\x06", 1_700_000_000_123_456, START + 123_456_000),
        (b"\x09", START + 123_456_789, START + 123_456_789),
        (b"\x0c", 123_456_789_999, 123_456_789),  # 64 bits of picoseconds end in 1970
        (b"\x80", 1_700_000_000, START),
        (b"\x8a", 1_700_000_000 << 10 | 512, START + SECOND // 2),
        (b"\xa0", 1_700_000_000 << 32 | 1 << 31, START + SECOND // 2),
    ],
)
def test_resolution(made: Make, order: str, tsresol: bytes, units: int, ns: int) -> None:
    (taken,) = some(1)
    data = section(order) + interface(order, ((9, tsresol),))
    assert read(made(data + enhanced(taken, order, units=units))) == [taken._replace(time=ns)]


def test_without_a_resolution_times_are_microseconds(made: Make) -> None:
    (taken,) = some(1)
    data = section() + interface(given=()) + enhanced(taken, units=taken.time // 1000)
    assert read(made(data)) == [taken]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("offset", [0, 1_600_000_000, -3600])
def test_offset(made: Make, order: str, offset: int) -> None:
    (taken,) = some(1)
    given = ((9, b"\x09"), (14, struct.pack(order + "q", offset)))
    data = section(order) + interface(order, given)
    units = taken.time - offset * SECOND
    assert read(made(data + enhanced(taken, order, units=units))) == [taken]


def test_interfaces_of_different_resolution_and_link_type(made: Make) -> None:
    first, second = some(2)
    data = section() + interface(given=((9, b"\x06"),)) + interface(linktype=captures.ETHERNET)
    data += enhanced(first, number=0, units=first.time // 1000) + enhanced(second, number=1)
    data += interface(given=((9, b"\x03"),), linktype=captures.SLL2)  # described late
    data += enhanced(first, number=2, units=first.time // 1_000_000)
    source = Savefile(made(data))
    kinds = []
    found = []
    for batch in source.batches():
        assert batch is not None
        kinds += [batch.linktype(row) for row in range(len(batch))]
        found += list(batch.column("time"))
    assert kinds == [captures.VSOCK, captures.ETHERNET, captures.SLL2]
    assert found == [first.time, second.time, first.time]
    source.close()


def test_a_simple_packet_is_cut_by_its_interface(made: Make) -> None:
    data = captures.frame(bytes(500))
    cut = section() + interface(snaplen=96) + captures.simple(Taken(0, data[:96], len(data)))
    assert read(made(cut)) == [Taken(0, data[:96], len(data))]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (captures.block(1, b""), "too short"),
        (struct.pack("<II", 9, 13) + bytes(20), "impossible length (13)"),
        (struct.pack("<II", 9, 8) + bytes(20), "impossible length (8)"),
        (struct.pack("<II", 9, 0xFFFF_FFFC) + bytes(20), "impossible length (4294967292)"),
        (struct.pack("<II", 6, 0xFFFF_FFFC) + bytes(20), "impossible length"),
        (struct.pack("<IIII", 9, 16, 0, 20), "two lengths differ"),
        (enhanced(some(1)[0], number=1), "was not described"),
        (struct.pack("<II8sI", 0x0A0D0D0A, 28, bytes(8), 28) + bytes(8), "byte order"),
        (captures.block(6, struct.pack("<5I", 0, 0, 0, 99, 99) + bytes(8)), "too short for its"),
    ],
)
def test_damage_in_pcapng(made: Make, bad: bytes, reason: str) -> None:
    whole = captures.pcapng(some(3))
    found, error = read_until_error(made(whole + bad + enhanced(some(1)[0])))
    assert found == some(3)
    assert f"damaged at byte {len(whole)}: " in error
    assert reason in error


def test_damage_in_pcap(made: Make) -> None:
    whole = captures.pcap(some(3))
    bad = struct.pack("<IIII", 1, 1, 262145, 262145)
    found, error = read_until_error(made(whole + bad + bytes(262145)))
    assert (len(found), error.split(": ", 1)[1]) == (
        3,
        f"damaged at byte {len(whole)}: a record of impossible length",
    )
