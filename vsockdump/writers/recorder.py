"""Where packets are saved: one file, or a set of files that follow each other as tcpdump's do."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from typing import NamedTuple

from vsockdump.engine.batch import Batch
from vsockdump.errors import OpenError
from vsockdump.formats import pcapng

from .capture import Writer
from .output import Output

Open = Callable[[Output], Writer]


class Rotation(NamedTuple):
    """When the next file begins: tcpdump's -C (bytes), -G (seconds), -W (files) and -z.

    The clock of -G is the packets' own, so that a file read again rotates as it did live.
    """

    size: int = 0
    seconds: int = 0
    files: int = 0
    command: str = ""

    def name(self, path: str, number: int, second: int) -> str:
        """Return the name of file `number`, begun at `second` of 1970, as tcpdump names it."""
        if self.seconds:
            path = time.strftime(path, time.localtime(second))
        if not self.size or (number == 0 and not self.files):
            return path
        width = len(str(self.files - 1)) if self.files else 1
        return f"{path}{number:0{width}d}"


class Full(Exception):  # noqa: N818 - the end of a run, not a failure
    """-G with -W: the last file that may be written is finished."""


class Recorder:
    """Saves Batches. Closing it finishes the last file."""

    def __init__(self, path: str, open_writer: Open, rotation: Rotation, second: int) -> None:
        """Open the first file, begun at `second` of 1970; raises OpenError or WriteError."""
        self._path = path
        self._open_writer = open_writer
        self._rotation = rotation
        self._number = 0
        self._done = 0
        self._children: list[subprocess.Popen[bytes]] = []
        self._began = second * 1_000_000_000
        self._last = self._began
        self._writer = self._next(second)

    @property
    def output(self) -> Output:
        """The file being written."""
        return self._writer.output

    def feed(self, batch: Batch) -> None:
        """Save every packet of the batch; raises WriteError, ReaderGone or Full."""
        begin = 0
        if batch.count and (self._rotation.size or self._rotation.seconds):
            begin = self._feed_rotating(batch)
        self._writer.write(batch, begin, batch.count)
        if batch.count:
            self._last = batch.column("time")[batch.count - 1]

    def flush(self) -> None:
        """Ask the system to bring what was saved to the disk."""
        self._writer.output.sync()

    def close(self, drops: list[pcapng.Drops]) -> None:
        """Finish the last file, with the packet counts of each interface."""
        self._finish(drops)
        for child in self._children:
            child.wait()

    def _feed_rotating(self, batch: Batch) -> int:
        """Write the rows that end a file and begin the next one; return the first unwritten row."""
        begin, room = 0, self._rotation.size or 1 << 63
        times, sizes = batch.column("time"), self._writer.sizes(batch)
        size = self.output.size
        for row in range(batch.count):
            due = self._rotation.seconds and self._due(times[row])
            if size > room or due:
                self._writer.write(batch, begin, row)
                self._rotate(times[row], bool(due))
                begin, size = row, self.output.size
            size += sizes[row]
        return begin

    def _due(self, now: int) -> bool:
        return now - self._began >= self._rotation.seconds * 1_000_000_000

    def _rotate(self, now: int, due: bool) -> None:
        self._finish([])
        self._done += 1
        if due:
            if self._rotation.files and not self._rotation.size and self._done >= self._rotation.files:
                raise Full(f"{self._done} files are written")
            self._began, self._number = now, 0
        else:
            self._number += 1
            if self._rotation.files:
                self._number %= self._rotation.files
        self._writer = self._next(now // 1_000_000_000)

    def _next(self, second: int) -> Writer:
        name = self._rotation.name(self._path, self._number, second)
        return self._open_writer(Output(name))

    def _finish(self, drops: list[pcapng.Drops]) -> None:
        self._writer.finish(drops, self._last)
        self._writer.output.close()
        if self._rotation.command:
            self._start(self.output.name)

    def _start(self, name: str) -> None:
        """Run the -z command on a finished file, beside the capture and with the lowest priority."""
        self._children = [child for child in self._children if child.poll() is None]
        command = [*shlex.split(self._rotation.command), name]
        try:
            self._children.append(subprocess.Popen(command, preexec_fn=_step_back))
        except OSError as error:
            raise OpenError(f"-z {self._rotation.command}: {error.strerror}") from error


def _step_back() -> None:
    """Between fork and exec: lowest priority, and no signal of ours ignored."""
    os.nice(19)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
