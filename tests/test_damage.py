"""Capture files that are cut, damaged, huge or still growing."""

import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import captures
from tests.captures import (
    START,
    Taken,
    enhanced,
    interface,
    read_until_error,
    section,
    some,
)
from tests.command import ENVIRONMENT
from vsockdump.errors import ReadError
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
