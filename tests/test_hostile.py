"""Files that are allowed to be what they are and mean no good: no hang, and 64 MiB are enough."""

import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests import captures
from tests.captures import some
from tests.command import run, vsockdump

MOST_KIB = 64 << 10
MIB = 1 << 20
CUSTOM = captures.CUSTOM


def unknown(size: int) -> bytes:
    return captures.block(CUSTOM, bytes(size))


def no_interface() -> Iterable[bytes]:
    """Nothing but blocks that nobody understands."""
    yield captures.section()
    for _ in range(200):
        yield unknown(MIB)


def many_interfaces() -> Iterable[bytes]:
    """Each with texts as long as an option can be."""
    yield captures.section()
    long = b"x" * 65532
    for _ in range(3000):
        yield captures.interface(given=((2, long), (3, long), (12, long)))


def large_blocks() -> Iterable[bytes]:
    yield captures.section() + captures.interface()
    for _ in range(4):
        yield unknown(16 * MIB - 12)
    yield from (captures.enhanced(taken) for taken in some(3))


def bogus_statistics() -> Iterable[bytes]:
    yield captures.section() + captures.interface()
    for first in range(0, 200_000, 1000):
        yield b"".join(captures.statistics(1, 1, number=first + n) for n in range(1000))


_COPY = """
import sys
from vsockdump import cli
assert cli.main(["-Z", "root", "-r", sys.argv[1], "-w", sys.argv[2]]) == 0
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def rss_kib(path: Path, target: Path) -> int:
    """The most memory that copying a file takes, of this program's own image (proc(5), VmHWM)."""
    done = run(sys.executable, "-c", _COPY, path, target)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("blocks", [no_interface, many_interfaces, large_blocks, bogus_statistics])
def test_memory_is_bounded(tmp_path: Path, blocks: Callable[[], Iterable[bytes]]) -> None:
    path, target = tmp_path / "in.pcapng", tmp_path / "out.pcapng"
    with path.open("wb") as file:
        file.writelines(blocks())
    assert rss_kib(path, target) < MOST_KIB
    assert target.stat().st_size == path.stat().st_size
    path.unlink()
    target.unlink()


def test_a_block_that_is_whole_in_the_wrong_byte_order_too(tmp_path: Path) -> None:
    """Its length reads as 0x100 the other way round, and so does what stands at that place."""
    body = bytearray(0x10000 - 12)
    body[0x100 - 12 : 0x100 - 8] = struct.pack(">I", 0x10000)
    data = (
        captures.section(">") + captures.interface(">") + captures.block(CUSTOM, bytes(body), ">")
    )
    path, target = tmp_path / "in.pcapng", tmp_path / "out.pcapng"
    path.write_bytes(data)
    assert vsockdump("-r", path, "-w", target).returncode == 0
    assert target.read_bytes() == data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (captures.pcap(some(1), version=(9, 9)), "pcap version 9.9, not 2"),
        (
            captures.section().replace(struct.pack("<HH", 1, 0), struct.pack("<HH", 9, 0), 1),
            "a section of pcapng version 9, not 1",
        ),
    ],
)
def test_versions_of_the_future(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "in"
    path.write_bytes(data)
    done = vsockdump("-r", path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert reason in done.stderr.decode()
