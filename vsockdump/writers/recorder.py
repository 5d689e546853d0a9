"""Where packets are saved: one file, or a set of files that follow each other as tcpdump's do."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from vsockdump.engine.batch import Batch
from vsockdump.errors import OpenError
from vsockdump.formats import pcapng

from .capture import Writer
from .output import Output
from .rotation import Rotation

if TYPE_CHECKING:
    import subprocess

Open = Callable[[Output], Writer]


_MOST_BLOCKS = 1 << 20  # bytes of blocks that wait for a packet


class Full(Exception):  # noqa: N818 - the end of a run, not a failure
    """-G with -W: the last file that may be written is finished."""


class Recorder:
    """A sink that saves packets. Closing it finishes the last file."""

    def __init__(
        self, path: str, open_writer: Open, rotation: Rotation, second: int | None = None
    ) -> None:
        """Open the first file, begun at `second` of 1970; None: when the first packet is there.

        Raises OpenError or WriteError.
        """
        self.rotates = bool(rotation.size or rotation.seconds)
        self._path = path
        self._open_writer = open_writer
        self._rotation = rotation
        self._number = self._done = 0
        self._began = self._last = 0
        self._full = False
        self._blocks = b""
        self._children: list[subprocess.Popen[bytes]] = []
        self._writer: Writer | None = None
        if rotation.command:
            self._prepare()
        if second is not None or not rotation.seconds:
            self._begin((second or 0) * 1_000_000_000)

    @property
    def output(self) -> Output | None:
        """The file being written."""
        return self._writer.output if self._writer else None

    def feed(self, batch: Batch) -> None:
        """Save every packet of the batch; raises WriteError, ReaderGone or Full."""
        self._blocks += batch.blocks
        if not batch.count and self._writer is None and len(self._blocks) < _MOST_BLOCKS:
            return  # it is a packet that says when the first file begins
        writer = self._writer or self._begin(batch.column("time")[0] if batch.count else 0)
        self._pass_on(writer)
        begin = self._feed_rotating(writer, batch) if self.rotates and batch.count else 0
        if batch.count:
            (self._writer or writer).write(batch, begin, batch.count)
            self._last = batch.column("time")[batch.count - 1]

    def flush(self) -> None:
        """Ask the system to bring what was saved to the disk."""
        if self._writer is not None:
            self._writer.output.sync()

    def close(self, drops: list[pcapng.Drops]) -> None:
        """Finish the last file, with the packet counts of each interface."""
        if not self._full:
            writer = self._writer or self._begin(0)
            self._pass_on(writer)
            self._finish(writer, drops)
        for child in self._children:
            child.wait()

    def _pass_on(self, writer: Writer) -> None:
        if self._blocks:
            blocks, self._blocks = self._blocks, b""
            writer.pass_on(blocks)

    def _feed_rotating(self, writer: Writer, batch: Batch) -> int:
        """Write the rows that end a file and begin the next one; return the first unwritten row."""
        begin, room = 0, self._rotation.size or 1 << 63
        times, sizes = batch.column("time"), writer.sizes(batch)
        size = writer.output.size
        for row in range(batch.count):
            due = self._due(times[row])
            if size > room or due:
                writer.write(batch, begin, row)
                writer = self._rotate(writer, times[row], due)
                begin, size = row, writer.output.size
            size += sizes[row]
        return begin

    def _due(self, now: int) -> bool:
        interval = self._rotation.seconds * 1_000_000_000
        return interval > 0 and now - self._began >= interval

    def _rotate(self, writer: Writer, now: int, due: bool) -> Writer:
        self._last = now
        self._finish(writer, [])
        self._done += 1
        files = self._rotation.files
        if not due:
            self._number = (self._number + 1) % (files or 1 << 62)
            return self._open()
        if files and not self._rotation.size and self._done >= files:
            self._full = True
            raise Full(f"Maximum file limit reached: {files}")
        self._number = 0
        return self._begin(now)

    def _begin(self, now: int) -> Writer:
        """Begin the first file, or the first of another interval of -G."""
        self._began = now
        return self._open()

    def _open(self) -> Writer:
        name = self._rotation.name(self._path, self._number, self._began // 1_000_000_000)
        self._writer = self._open_writer(Output(name))
        return self._writer

    def _finish(self, writer: Writer, drops: list[pcapng.Drops]) -> None:
        writer.finish(drops, self._last)
        writer.output.close()
        if self._rotation.command:
            self._start(writer.output.name)

    def _prepare(self) -> None:
        """Load what only -z needs: once privileges are dropped, its files may not be readable."""
        import shlex  # noqa: F401, PLC0415
        import subprocess  # noqa: F401, PLC0415

    def _start(self, name: str) -> None:
        """Run the -z command on a finished file, beside the capture, with the lowest priority.

        In a session of its own: the terminal's Ctrl-C is for the capture.
        """
        import shlex  # noqa: PLC0415 - see _prepare
        import subprocess  # noqa: PLC0415

        self._children = [child for child in self._children if child.poll() is None]
        command = ["nice", "-n", "19", *shlex.split(self._rotation.command), name]
        try:
            self._children.append(subprocess.Popen(command, start_new_session=True))
        except OSError as error:
            raise OpenError(f"-z {self._rotation.command}: {error.strerror}") from error
