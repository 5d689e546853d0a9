"""A capture of a kernel that leaks its memory is told as one."""

from pathlib import Path

import pytest

from tests import captures
from tests.captures import START, Taken
from tests.command import lines, vsockdump
from vsockdump.leaks import LARGEST_SOUND


def capture(path: Path, kernel: str, size: int) -> Path:
    """One packet of `size` bytes of payload, from the second of two interfaces."""
    data = captures.frame(bytes(size))
    told = ((9, b"\x09"), (12, kernel.encode()))
    head = captures.section() + captures.interface() + captures.interface(given=told)
    path.write_bytes(head + captures.enhanced(Taken(START, data, len(data)), number=1))
    return path


@pytest.mark.parametrize(
    ("kernel", "size", "warned"),
    [
        ("Linux 6.17.3", LARGEST_SOUND + 1, True),
        ("Linux 6.17.3", LARGEST_SOUND, False),
        ("Linux 6.12.107+deb13-amd64 (6.12.107)", 65536, False),
        ("Linux 7.2.13", 65536, False),
        ("", 65536, False),
    ],
)
def test_warning(tmp_path: Path, kernel: str, size: int, warned: bool) -> None:
    done = vsockdump("-r", capture(tmp_path / "in.pcapng", kernel, size), "--count")
    said = [line for line in lines(done) if "memory of" in line]
    assert (done.returncode, len(said)) == (0, warned)
    assert not warned or kernel in said[0]


def test_packets_of_another_kernel_are_no_reason(tmp_path: Path) -> None:
    data = captures.frame(bytes(65536))
    told = ((9, b"\x09"), (12, b"Linux 6.17.3"))
    head = captures.section() + captures.interface() + captures.interface(given=told)
    path = tmp_path / "in.pcapng"
    path.write_bytes(head + captures.enhanced(Taken(START, data, len(data)), number=0))
    assert not any("memory of" in line for line in lines(vsockdump("-r", path, "--count")))
