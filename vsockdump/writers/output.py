"""The file or pipe a capture goes to, and what to do when it takes no more."""

import os
import stat
import sys
from collections.abc import Callable
from itertools import accumulate

from vsockdump.errors import OpenError, WriteError, reason


class ReaderGone(Exception):  # noqa: N818 - the end of a run, not a failure
    """Whoever read our output at `path` ("-": standard output) has closed it."""

    def __init__(self, path: str, name: str) -> None:
        """Name the output as the user did, and as a message does."""
        super().__init__(f"{name}: the reader is gone")
        self.path = path


class Output:
    """A file created for its owner only (0600), or standard output for `-`.

    Whole records go in at once, unbuffered: what was handed over survives a crash of this process.
    """

    def __init__(self, path: str) -> None:
        """Create the file, or empty one that is there; raises OpenError."""
        self.name = "standard output" if path == "-" else path
        self._path = path
        self.size = 0
        try:
            self.fd, self.created = (sys.stdout.fileno(), False) if path == "-" else _create(path)
        except (OSError, ValueError) as error:
            raise OpenError(f"{self.name}: {reason(error)}") from error
        self._owned = path != "-"
        self._regular = stat.S_ISREG(os.fstat(self.fd).st_mode)

    def write(self, records: bytes | memoryview, sizes: Callable[[], list[int]] = list) -> None:
        """Write records, whose `sizes` are asked for at need; raises WriteError or ReaderGone.

        A file that cannot take them all is cut behind the last whole one, so that it stays
        readable.
        """
        view = memoryview(records).cast("B")
        written = 0
        try:
            while written < len(view):
                written += os.write(self.fd, view[written:])
        except BrokenPipeError as error:
            raise ReaderGone(self._path, self.name) from error
        except OSError as error:
            kept = self._cut_back(written, sizes())
            raise WriteError(f"{self.name}: {reason(error)}{kept}") from error
        self.size += written

    def sync(self) -> None:
        """Ask the system to bring what was written to the disk; raises WriteError."""
        try:
            if self._regular:
                os.fsync(self.fd)
        except OSError as error:
            raise WriteError(f"{self.name}: {reason(error)}") from error

    def close(self) -> None:
        """Close the file; raises WriteError where the system reports a late failure."""
        try:
            if self._owned:
                os.close(self.fd)
        except OSError as error:
            raise WriteError(f"{self.name}: {reason(error)}") from error

    def _cut_back(self, written: int, sizes: list[int]) -> str:
        """Leave only whole records behind, and say how much that is."""
        if not (self._regular and self._owned):
            return ""
        self.size += max((end for end in accumulate(sizes) if end <= written), default=0)
        os.ftruncate(self.fd, self.size)
        return f"; what fitted, {self.size} bytes, can be read"


def _create(path: str) -> tuple[int, bool]:
    """Open a file and tell whether it is new: only then it is ours to give away."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_EXCL, 0o600), True
    except FileExistsError:  # or a link, wherever it leads
        return os.open(path, flags | os.O_TRUNC, 0o600), False
