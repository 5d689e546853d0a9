"""Reading capture files: both formats in all their variants, whole, cut and growing."""

import random
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import captures
from tests.captures import SECOND, START, Taken, enhanced, interface, section, some
from tests.command import ENVIRONMENT
from vsockdump.errors import ReadError
from vsockdump.formats.pcapng import Drops
from vsockdump.sources import savefile
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


def packets(source: Savefile) -> Iterator[Taken]:
    for batch in source.batches():
        for row in range(len(batch) if batch else 0):
            assert batch is not None
            times, wires = batch.column("time"), batch.column("wire_len")
            yield Taken(times[row], batch.frame(row), wires[row])


def read(path: str) -> list[Taken]:
    source = Savefile(path)
    try:
        return list(packets(source))
    finally:
        source.close()


def read_until_error(path: str) -> tuple[list[Taken], str]:
    """Give the packets there were, and the error after them, if any."""
    found: list[Taken] = []
    try:
        source = Savefile(path)
    except ReadError as error:
        return found, str(error)
    try:
        for taken in packets(source):
            found.append(taken)
    except ReadError as error:
        return found, str(error)
    finally:
        source.close()
    return found, ""


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


# --- where a file may end -------------------------------------------------------------------------


def ends_of_pcap() -> tuple[bytes, list[int], set[int]]:
    data, ends = captures.pcap([]), []
    for taken in some(3):
        data += captures.pcap([taken])[24:]
        ends.append(len(data))
    return data, ends, {24, *ends}


def ends_of_pcapng() -> tuple[bytes, list[int], set[int]]:
    data = section()
    clean = {len(data)}
    data += interface()
    clean.add(len(data))
    ends = []
    for taken in some(3):
        data += enhanced(taken, given=((1, b"said"),))
        ends.append(len(data))
        data += captures.block(captures.CUSTOM, b"more")
        clean.add(len(data))
    return data, ends, clean | set(ends)


@pytest.mark.parametrize("form", [ends_of_pcap, ends_of_pcapng])
def test_cut_at_every_byte(
    made: Make, form: Callable[[], tuple[bytes, list[int], set[int]]]
) -> None:
    data, ends, clean = form()
    for size in range(len(data) + 1):
        found, error = read_until_error(made(data[:size]))
        assert found == some(3)[: sum(end <= size for end in ends)]
        assert bool(error) == (size not in clean), f"cut after {size}: {error!r}"


def test_a_cut_names_the_record_it_is_in(made: Make) -> None:
    data, ends, _ = ends_of_pcap()
    _, error = read_until_error(made(data[: ends[1] + 20]))
    assert error.endswith(f"damaged at byte {ends[1]}: the file ends 20 bytes into a record")


@pytest.mark.parametrize("form", [captures.pcap, captures.pcapng])
def test_any_byte_may_be_anything(made: Make, form: Callable[[list[Taken]], bytes]) -> None:
    whole, dice = form(some(4)), random.Random(1)
    for at in range(len(whole)):
        bad = bytearray(whole)
        bad[at] ^= 1 << dice.randrange(8)
        found, error = read_until_error(made(bytes(bad)))
        assert len(found) <= 5
        assert (not error) or error.startswith(str(made(b"")))


@pytest.mark.parametrize("data", [b"", b"\n", b"hello, world, this is no capture", bytes(100)])
def test_what_is_no_capture(made: Make, data: bytes) -> None:
    found, error = read_until_error(made(data))
    assert found == []
    assert ("empty file" if not data else "neither pcap nor pcapng") in error


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_other_link_types_are_named(made: Make, form: str) -> None:
    (taken,) = some(1)
    ethernet = section() + interface(linktype=captures.ETHERNET) + enhanced(taken)
    data = captures.pcap([taken], linktype=captures.ETHERNET) if form == "pcap" else ethernet
    found, error = read_until_error(made(data))
    assert found == []
    assert "its link type is EN10MB (Ethernet); vsock is found in VSOCK (Linux vsock)" in error


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="No such file or directory"):
        Savefile(str(tmp_path / "missing"))
    with pytest.raises(ReadError, match="Is a directory"):
        Savefile(str(tmp_path))
    with pytest.raises(ReadError, match="null byte"):
        Savefile("a\0b")


# --- growing files --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [captures.pcap, captures.pcapng])
@pytest.mark.parametrize("step", [1, 7, 50, 1000])
def test_growing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: Callable[[list[Taken]], bytes],
    step: int,
) -> None:
    monkeypatch.setattr(savefile, "POLL_S", 0)
    data, path = form(some(6)), tmp_path / "growing"
    head = len(form([]))
    path.write_bytes(data[:head])
    source = Savefile(str(path), follow=True)
    batches, found = source.batches(), list[bytes]()
    for at in range(head, len(data), step):
        with path.open("ab") as file:
            file.write(data[at : at + step])
        while (batch := next(batches)) is not None:
            found += [batch.frame(row) for row in range(len(batch))]
        whole = sum(len(form(some(count))) <= at + step for count in range(1, 7))
        assert len(found) == whole
    source.stop()
    assert list(batches) == []
    assert found == [taken.frame for taken in some(6)]
    source.close()


def test_stopped_within_a_record_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(savefile, "POLL_S", 0)
    path = tmp_path / "growing"
    path.write_bytes(captures.pcap(some(2))[:-1])
    source = Savefile(str(path), follow=True)
    batches = source.batches()
    first = next(batches)
    assert first is not None
    assert len(first) == 1
    source.stop()
    assert list(batches) == []
    source.close()


# --- memory ---------------------------------------------------------------------------------------

_READ = """
import resource, sys
from vsockdump.sources.savefile import Savefile
source = Savefile(sys.argv[1])
try:
    count = sum(batch.count for batch in source.batches())
except Exception as error:
    count = str(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, count)
"""


def peak(path: Path) -> tuple[int, str]:
    """Give the most KiB that reading this file took, and how many packets or what error it gave."""
    argv = [sys.executable, "-c", _READ, str(path)]
    done = subprocess.run(argv, capture_output=True, check=True, env=ENVIRONMENT, timeout=60)
    rss, _, rest = done.stdout.decode().partition(" ")
    return int(rss), rest.strip()


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, form: str) -> None:
    make: Callable[[list[Taken]], bytes] = getattr(captures, form)
    head, small, large = len(make([])), tmp_path / "small", tmp_path / "large"
    frames = [Taken(START, captures.frame(bytes(9000)), 9076)] * 220
    data = make(frames)
    small.write_bytes(data)
    with large.open("wb") as file:
        file.write(data)
        for _ in range(100):
            file.write(data[head:])
    assert large.stat().st_size > 200_000_000
    before, after = peak(small), peak(large)
    assert (before[1], after[1]) == ("220", str(220 * 101))
    assert after[0] < before[0] + 8192
    large.unlink()


@pytest.mark.parametrize(
    "bad",
    [
        captures.pcap(some(1)) + struct.pack("<IIII", 0, 0, 0xFFFF_FFFF, 0xFFFF_FFFF),
        captures.pcapng(some(1)) + struct.pack("<II", 6, 0xFFFF_FFFC),
        captures.pcapng(some(1)) + struct.pack("<II", 77, 0xFFFF_FFFC),
    ],
)
def test_a_length_alone_takes_no_memory(tmp_path: Path, bad: bytes) -> None:
    plain, path = tmp_path / "plain", tmp_path / "bad"
    plain.write_bytes(captures.pcap(some(1)))
    path.write_bytes(bad + bytes(100))
    rss, error = peak(path)
    assert "impossible length" in error
    assert rss < peak(plain)[0] + 8192
