"""What a connection carried in files of its own, one for each side."""

import stat
from pathlib import Path

import pytest

from vsockdump.browsing import payloads
from vsockdump.errors import OpenError, WriteError

from .conversation import HEADERS, Talk, cut
from .test_joined import PCAPS, SENT
from .test_streams import gapped, opened, saved


@pytest.mark.parametrize("name", sorted(SENT))
def test_what_was_carried(tmp_path: Path, name: str) -> None:
    paths = {side: str(tmp_path / f"{side}") for side in (0, 1)}
    with opened(PCAPS / name) as capture:
        done = payloads.save(capture, 1, paths)
    got = tuple(Path(path).read_bytes() for path in paths.values())
    assert got in (SENT[name], SENT[name][::-1])
    assert done == payloads.Saved(sum(map(len, got)), 0, 0)
    assert all(stat.S_IMODE(Path(path).stat().st_mode) == 0o600 for path in paths.values())


def test_one_side_alone(tmp_path: Path) -> None:
    with opened(PCAPS / "hello.pcap") as capture:
        done = payloads.save(capture, 1, {1: str(tmp_path / "one")})
    assert (tmp_path / "one").read_bytes() == b"welcome"
    assert str(done) == "7 bytes"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_holes_are_left_out(tmp_path: Path) -> None:
    with opened(saved(tmp_path, gapped().packets)) as capture:
        done = payloads.save(capture, 1, {0: str(tmp_path / "bytes")})
    assert str(done) == "210 bytes, without 50 that were not captured"
    assert (tmp_path / "bytes").stat().st_size == 210
    with opened(saved(tmp_path, cut(Talk().rw("src", 9).packets, HEADERS + 4))) as capture:
        done = payloads.save(capture, 1, {0: str(tmp_path / "bytes")})
    assert done == payloads.Saved(4, 5, 2)


def test_no_beginning(tmp_path: Path) -> None:
    with opened(saved(tmp_path, Talk().rw("src", 9).packets)) as capture:
        done = payloads.save(capture, 1, {0: str(tmp_path / "bytes")})
    assert str(done) == "9 bytes, without what was not captured"


def test_more_than_one_piece(tmp_path: Path) -> None:
    talk = Talk(buf=1 << 30).open()
    for _ in range(40):
        talk.rw("src", 65536)
    said: list[int] = []
    with opened(saved(tmp_path, talk.packets)) as capture:
        done = payloads.save(capture, 1, {0: str(tmp_path / "bytes")}, said.append)
    assert done.bytes == said[-1] == (tmp_path / "bytes").stat().st_size == 40 * 65536
    assert len(said) == 3


def test_the_capture_itself_is_spared(tmp_path: Path) -> None:
    path = saved(tmp_path, gapped().packets)
    before = path.read_bytes()
    with opened(path) as capture, pytest.raises(OpenError, match="this is the file that is read"):
        payloads.save(capture, 1, {0: str(path)})
    assert path.read_bytes() == before


def test_a_full_disk(tmp_path: Path) -> None:
    with (
        opened(saved(tmp_path, gapped().packets)) as capture,
        pytest.raises(WriteError, match="/dev/full: No space left on device"),
    ):
        payloads.save(capture, 1, {0: "/dev/full"})
