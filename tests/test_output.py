"""The file or pipe a capture goes to: whose it is, and what happens when it takes no more."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import captures
from tests.captures import some
from tests.command import ARGV, run, vsockdump
from vsockdump.errors import OpenError, WriteError
from vsockdump.sources.savefile import Savefile
from vsockdump.writers.output import Output, ReaderGone


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Output(str(tmp_path / "new")).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_whole_records_go_in_at_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"what was there before")
    output = Output(str(path))
    assert path.read_bytes() == b""
    output.write(b"one")
    output.write(memoryview(b"two"))
    assert (path.read_bytes(), output.size) == (b"onetwo", 6)
    output.sync()
    output.close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("no/where", "No such file or directory"), ("", "Is a directory"), ("a\0b", "null byte")],
)
def test_what_cannot_be_opened(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(OpenError, match=reason):
        Output(f"{tmp_path}/{name}")


def test_a_full_device() -> None:
    output = Output("/dev/full")
    with pytest.raises(WriteError, match=r"/dev/full: No space left on device"):
        output.write(b"x")
    output.close()


def test_a_reader_that_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    output = Output(str(path))
    os.close(reader)
    with pytest.raises(ReaderGone, match="fifo: the reader is gone") as caught:
        output.write(b"x")
    assert caught.value.path == str(path)
    output.close()


def test_what_was_taken_in_part_is_cut_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    output = Output(str(path))
    output.write(b"whole")
    write: Callable[[int, bytes], int] = os.write

    def short(fd: int, data: bytes) -> int:
        if len(data) < 4:
            raise OSError(errno.ENOSPC, "full")
        return write(fd, data[:2])

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(WriteError, match=r"No space left on device; what fitted, 5 bytes, can"):
        output.write(b"half of this")
    assert path.read_bytes() == b"whole"
    output.close()


def test_a_late_failure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output(str(tmp_path / "file"))
    close = os.close

    def late(fd: int) -> None:
        close(fd)
        raise OSError(errno.EDQUOT, "quota")

    monkeypatch.setattr(os, "close", late)
    with pytest.raises(WriteError, match="Disk quota exceeded"):
        output.close()


# --- the whole program ----------------------------------------------------------------------------

_ON_A_SMALL_DISK = """
mount -t tmpfs -o size=100k none "$1" || exit 77
shift; "$@"; code=$?
cp "$DISK"/* "$KEPT"/
exit $code
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small disk")
@pytest.mark.parametrize("name", ["out.pcap", "out.pcapng"])
def test_a_full_disk_keeps_what_fits(tmp_path: Path, name: str) -> None:
    disk, kept, big = tmp_path / "disk", tmp_path / "kept", tmp_path / "big"
    disk.mkdir()
    kept.mkdir()
    big.write_bytes(captures.pcap(some(2000, size=150)))
    words = ["-r", str(big), "-w", str(disk / name), "-Z", "root"]
    script: list[str] = [
        "unshare",
        "-m",
        "env",
        f"DISK={disk}",
        f"KEPT={kept}",
        "sh",
        "-c",
        _ON_A_SMALL_DISK,
    ]
    done = run(*script, "sh", str(disk), *ARGV, *words)
    if done.returncode == 77:
        pytest.skip("no private mount to be had")
    assert done.returncode == 14
    sentence = f"vsockdump: {disk / name}: No space left on device; what fitted, "
    assert done.stderr.decode().splitlines()[-1].startswith(sentence)
    source = Savefile(str(kept / name))
    count = sum(len(batch) for batch in source.batches() if batch)
    source.close()
    assert 300 < count < 2000


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files away")
def test_only_a_new_file_is_given_to_who_called_sudo(tmp_path: Path) -> None:
    source, new, old, link = (tmp_path / name for name in ("in", "new", "old", "link"))
    source.write_bytes(captures.pcap(some(3)))
    linked = tmp_path / "linked"
    link.symlink_to(linked)
    for path in (old, linked):
        path.write_bytes(b"theirs")
        path.chmod(0o640)
        os.chown(path, 4321, 4322)
    for path in (new, old, link):
        done = run("env", "SUDO_UID=1234", "SUDO_GID=1235", *ARGV, "-r", source, "-w", path)
        assert (done.returncode, path.read_bytes()) == (0, source.read_bytes())
    assert owner(new) == (1234, 1235, 0o600)
    assert owner(old) == owner(linked) == (4321, 4322, 0o640)


def owner(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


@pytest.mark.parametrize(
    ("path", "code", "reason"),
    [
        ("/dev/full", 14, "No space left on device"),
        ("/nowhere/at/all", 13, "No such file or directory"),
        ("/tmp", 13, "Is a directory"),
    ],
)
@pytest.mark.parametrize("form", [captures.pcap, captures.pcapng])
def test_one_sentence_and_a_status(
    tmp_path: Path, path: str, code: int, reason: str, form: Callable[..., bytes]
) -> None:
    source = tmp_path / "in"
    source.write_bytes(form(some(3)))
    done = vsockdump("-r", source, "-w", path)
    (said,) = (x for x in done.stderr.decode().splitlines() if x.startswith("vsockdump: "))
    assert said.startswith(f"vsockdump: {path}: {reason}")
    assert (done.returncode, done.stdout) == (code, b"")
