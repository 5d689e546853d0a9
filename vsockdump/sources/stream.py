"""The bytes of a capture file: plain, compressed or from a pipe, a window at a time."""

import importlib
import io
import os
import select
import stat
import sys
from types import ModuleType
from typing import BinaryIO, Protocol

from vsockdump.errors import ReadError, WriteError, reason

PIECE = 1 << 19
"""Bytes read at once: fewer cost calls, more leave the second-level cache."""

_STEP = 1 << 21  # bytes a window grows by at the most: the old one and the new one stand together

WAIT_MS = 100
"""How long a pipe is waited for before a look at whether to go on."""

_HAS_ZSTD = sys.version_info >= (3, 14)

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"


class Stream(Protocol):
    """What a file and a decompressor have in common."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the front of `buffer` and return how many bytes; 0 at the end, None for not yet."""


class Window:
    """The part of a stream that is being looked at: `data[begin:end]`.

    `offset` is where `data` begins in the stream. The window grows by what is really there, never
    by what a length field announces.
    """

    def __init__(self, stream: Stream) -> None:
        """Look at `stream` from where it stands."""
        self.data = bytearray(PIECE)
        self.begin = self.end = self.offset = 0
        self.stream = stream

    def fill(self) -> bool:
        """Read on once, behind what is still in the window; False where nothing came."""
        left = self.end - self.begin
        if left == len(self.data):
            self.data = self.data + bytes(min(left, _STEP))
        elif self.begin:
            self.data[:left] = self.data[self.begin : self.end]
        self.offset += self.begin
        self.begin, self.end = 0, left
        came = self.stream.readinto(memoryview(self.data)[left:]) or 0
        self.end += came
        return came > 0

    def copy_to(self, copy: BinaryIO) -> None:
        """Write all of the stream to `copy`, too: what was read already, and what will be."""
        copy.write(self.data[: self.end])
        self.stream = _Copied(self.stream, copy)

    def fill_to(self, size: int) -> bytes:
        """Return the window's first `size` bytes, fewer where the stream ends."""
        while self.end - self.begin < size and self.fill():
            pass
        return bytes(self.data[self.begin : min(self.end, self.begin + size)])


class _Copied:
    """A stream that leaves a copy of what is read."""

    def __init__(self, stream: Stream, copy: BinaryIO) -> None:
        self._stream = stream
        self._copy = copy

    def readinto(self, buffer: memoryview, /) -> int | None:
        size = self._stream.readinto(buffer)
        try:
            self._copy.write(buffer[: size or 0])
            self._copy.flush()
        except OSError as error:
            raise WriteError(f"no room for a copy of what is read: {reason(error)}") from error
        return size


class Raw(io.FileIO):
    """An open file. Reading a pipe ends within WAIT_MS of stop(), as if it had been closed."""

    def __init__(self, file: str | int) -> None:
        """Open a path, or take a descriptor that stays open; raises OSError."""
        super().__init__(file, closefd=isinstance(file, str))
        self.regular = stat.S_ISREG(os.fstat(self.fileno()).st_mode)
        self.stopped = False
        self.taken = 0
        """Bytes read so far; tell() would wait while another thread reads."""
        self._poll = select.poll()
        self._poll.register(self.fileno(), select.POLLIN)

    def ready(self) -> bool:
        """Wait up to WAIT_MS for a pipe; whether reading would not wait any longer."""
        return self.regular or self.stopped or bool(self._poll.poll(WAIT_MS))

    def readinto(self, buffer: memoryview, /) -> int | None:  # type: ignore[override]
        """Fill the front of `buffer`; a signal alone would not end a read that waits (PEP 475)."""
        while not self.ready():
            pass
        size = 0 if self.stopped else super().readinto(buffer)
        self.taken += size or 0
        return size


def open_raw(path: str) -> Raw:
    """Open a file, or standard input for `-`; raises ReadError."""
    try:
        return Raw(sys.stdin.fileno() if path == "-" else path)
    except (OSError, ValueError) as error:
        raise ReadError(f"{path}: {reason(error)}") from error


def window(raw: Raw) -> tuple[Window, bool]:
    """Return a window on what the file holds and whether it had to be decompressed."""
    plain = Window(raw)
    head = plain.fill_to(4)
    if not head.startswith((GZIP, ZSTD)):
        return plain, False
    rest = bytes(plain.data[: plain.end])
    return Window(_Decompressed(head, io.BufferedReader(_Rewound(rest, raw), PIECE))), True


class _Rewound(io.RawIOBase):
    """A stream again from its start, after its first bytes were looked at."""

    def __init__(self, head: bytes, raw: Raw) -> None:
        self._head = head
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        if not self._head:
            return self._raw.readinto(buffer)
        size = min(len(buffer), len(self._head))
        buffer[:size], self._head = self._head[:size], self._head[size:]
        return size


class _Decompressed:
    """gzip or zstd, told by its first bytes. Raises ReadError where the file is damaged."""

    def __init__(self, head: bytes, packed: io.BufferedReader) -> None:
        self._stream: io.BufferedIOBase
        if head.startswith(GZIP):
            import gzip  # noqa: PLC0415 - few files need it, as zstd below
            import zlib  # noqa: PLC0415

            self._stream = gzip.GzipFile(fileobj=packed)
            self._errors: tuple[type[Exception], ...] = (EOFError, OSError, zlib.error)
        else:
            zstd = _zstd()
            self._stream = zstd.ZstdFile(packed)
            self._errors = (EOFError, OSError, zstd.ZstdError)

    def readinto(self, buffer: memoryview) -> int:
        """Fill the front of `buffer` with what one read gives: an error loses nothing before it."""
        try:
            return self._stream.readinto1(buffer)
        except self._errors as error:
            raise ReadError(f"cannot be decompressed: {reason(error)}") from error


def _zstd() -> ModuleType:
    """The standard library's module, or what it was made from; few files need either."""
    return importlib.import_module("compression.zstd" if _HAS_ZSTD else "backports.zstd")
