"""Bytes of a capture from plain and compressed files and from pipes, however they come."""

import gzip
import io
import os
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import captures
from tests.captures import some
from vsockdump import errors
from vsockdump.errors import ReadError
from vsockdump.sources.savefile import Savefile
from vsockdump.sources.stream import PIECE, Window

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Pack = Callable[[bytes], bytes]
FRAMES = [taken.frame for taken in some(300)]
CAPTURE = captures.pcapng(some(300))


def in_members(data: bytes) -> bytes:
    """Several streams one behind the other, as `cat a.gz b.gz` and parallel compressors make."""
    return b"".join(gzip.compress(data[at : at + 5000]) for at in range(0, len(data), 5000))


def in_frames(data: bytes) -> bytes:
    return b"".join(zstd.compress(data[at : at + 5000]) for at in range(0, len(data), 5000))


PACKED = [gzip.compress, zstd.compress, in_members, in_frames]


def frames(source: Savefile) -> Iterator[bytes]:
    for batch in source.batches():
        yield from (batch.frame(row) for row in range(len(batch))) if batch else ()


def read(path: Path) -> tuple[list[bytes], str]:
    """Give the frames there were and the error after them, if any."""
    found: list[bytes] = []
    try:
        source = Savefile(str(path))
    except ReadError as error:
        return found, str(error)
    try:
        for frame in frames(source):
            found.append(frame)
    except ReadError as error:
        return found, str(error)
    finally:
        source.close()
    return found, ""


def there(data: bytes) -> int:
    """How many whole packets the first bytes of CAPTURE hold."""
    size = len(captures.pcapng([]))
    count = 0
    for taken in some(300):
        size += len(captures.enhanced(taken))
        count += size <= len(data)
    return count


# --- compressed -----------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", PACKED)
def test_compressed_whole(tmp_path: Path, pack: Pack) -> None:
    path = tmp_path / "named.anything"  # told by its bytes, not by its name
    path.write_bytes(pack(CAPTURE))
    assert read(path) == (FRAMES, "")


def unpacked_gzip(data: bytes) -> bytes:
    return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data)


def unpacked_zstd(data: bytes) -> bytes:
    return zstd.ZstdDecompressor().decompress(data)


@pytest.mark.parametrize(
    ("pack", "unpack"), [(gzip.compress, unpacked_gzip), (zstd.compress, unpacked_zstd)]
)
def test_cut_while_compressed(tmp_path: Path, pack: Pack, unpack: Pack) -> None:
    packed, path = pack(CAPTURE), tmp_path / "cut"
    for size in range(20, len(packed), 37):
        path.write_bytes(packed[:size])
        found, error = read(path)
        assert found == FRAMES[: there(unpack(packed[:size]))]
        assert "cannot be decompressed" in error


@pytest.mark.parametrize("pack", PACKED)
def test_corrupt_while_compressed(tmp_path: Path, pack: Pack) -> None:
    packed, path = pack(CAPTURE), tmp_path / "bad"
    failed = 0
    for at in range(30, len(packed) - 8, 41):
        bad = bytearray(packed)
        bad[at] ^= 0x55
        path.write_bytes(bad)
        found, error = read(path)
        assert len(found) <= len(FRAMES)
        failed += bool(error)
        assert not error or "cannot be decompressed" in error or "damaged at byte" in error
    assert failed > 10


def test_a_damage_at_the_end_loses_no_packet(tmp_path: Path) -> None:
    path = tmp_path / "bad"
    packed = gzip.compress(CAPTURE)
    path.write_bytes(packed[:-8] + b"\0\0\0\0" + packed[-4:])  # the checksum
    found, error = read(path)
    assert found == FRAMES
    assert f"damaged at byte {len(CAPTURE)}: cannot be decompressed: CRC check failed" in error


def test_compressed_and_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.gz"
    path.write_bytes(gzip.compress(b""))
    assert read(path) == ([], f"{path}: an empty file, not a capture")


def test_a_compressed_file_cannot_be_followed(tmp_path: Path) -> None:
    path = tmp_path / "capture.gz"
    path.write_bytes(gzip.compress(CAPTURE))
    with pytest.raises(ReadError, match="compressed file cannot be followed"):
        Savefile(str(path), follow=True)


# --- pipes ----------------------------------------------------------------------------------------


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Make standard input a pipe; give the end to write to."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stdin:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
        yield writing


def send(writing: int, data: bytes, step: int) -> threading.Thread:
    """Write to a pipe beside the test, and close it."""

    def run() -> None:
        for at in range(0, len(data), step):
            os.write(writing, data[at : at + step])
        os.close(writing)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("data", [CAPTURE, captures.pcap(some(300)), gzip.compress(CAPTURE)])
@pytest.mark.parametrize("step", [1, 1000])
def test_a_pipe(pipe: int, data: bytes, step: int) -> None:
    thread = send(pipe, data, step)
    source = Savefile("-")
    assert (source.name, source.size, source.position) == ("stdin", 0, 0)
    assert source.interfaces[0].linktype == captures.VSOCK
    assert list(frames(source)) == FRAMES
    thread.join()


def test_a_pipe_that_is_followed_ends_all_the_same(pipe: int) -> None:
    thread = send(pipe, CAPTURE, 1000)
    source = Savefile("-", follow=True)
    assert list(frames(source)) == FRAMES
    thread.join()


def test_a_pipe_that_gives_nothing_more_can_be_left(pipe: int) -> None:
    os.write(pipe, captures.pcap(some(2)))
    source = Savefile("-")
    batches = source.batches()
    first = next(batches)
    assert first is not None
    assert len(first) == 2
    threading.Timer(0.05, source.stop).start()
    assert set(batches) <= {None}
    os.close(pipe)


def test_a_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    thread = threading.Thread(target=path.write_bytes, args=(CAPTURE,))
    thread.start()
    assert read(path) == (FRAMES, "")
    thread.join()


def test_standard_input_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "capture"
    path.write_bytes(CAPTURE)
    with path.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        source = Savefile("-")
        assert list(frames(source)) == FRAMES
        assert source.position == source.size == len(CAPTURE)
        source.close()
        os.fstat(stdin.fileno())  # which is not ours to close


# --- the window -----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 3, 4096])
def test_window_moves_over_its_stream(step: int) -> None:
    data = bytes(range(256)) * 40
    window = Window(Slow(data, step))
    seen = b""
    while window.fill():
        assert window.offset + window.begin == len(seen)
        take = (window.end - window.begin) // 2
        seen += window.data[window.begin : window.begin + take]
        window.begin += take
    assert seen + window.data[window.begin : window.end] == data


def test_window_grows_by_what_is_there() -> None:
    window = Window(io.BytesIO(bytes(3 * PIECE + 5)))
    while window.fill():
        assert len(window.data) <= 2 * max(window.end, PIECE)
    assert window.end == 3 * PIECE + 5


class Slow:
    """A stream that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._file = io.BytesIO(data)
        self._step = step

    def readinto(self, buffer: memoryview, /) -> int:
        return self._file.readinto(buffer[: self._step])


def test_reasons_are_the_systems_words() -> None:
    assert errors.reason(OSError(2, "whatever")) == "No such file or directory"
    assert errors.reason(OSError("Not a gzipped file")) == "Not a gzipped file"
    assert errors.reason(ValueError("x")) == "x"
