"""Where packets are saved: one file, or a set of files that follow each other as tcpdump's do."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from vsockdump.engine.batch import Batch
from vsockdump.formats import pcapng

from .capture import Writer
from .output import Output
from .rotation import Rotation

if TYPE_CHECKING:
    from .postrotate import Postrotate

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
        self._begun = False
        self._blocks = b""
        self._writer: Writer | None = None  # also between two files, and behind the last
        self._postrotate = _postrotate(rotation.command)
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
        if not self._begun:
            self._begin(0)
        if self._writer is not None:
            self._pass_on(self._writer)
            self._finish(self._writer, drops)
        if self._postrotate is not None:
            self._postrotate.wait()

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
        if self._postrotate is not None:  # as in tcpdump: not on a file that none follows
            self._postrotate.start(writer.output.name)
        self._done += 1
        files = self._rotation.files
        if not due:
            self._number = (self._number + 1) % (files or 1 << 62)
            return self._open()
        if files and not self._rotation.size and self._done >= files:
            raise Full(f"Maximum file limit reached: {files}")
        self._number = 0
        return self._begin(now)

    def _begin(self, now: int) -> Writer:
        """Begin the first file, or the first of another interval of -G."""
        self._began = now
        self._begun = True
        return self._open()

    def _open(self) -> Writer:
        name = self._rotation.name(self._path, self._number, self._began // 1_000_000_000)
        self._writer = self._open_writer(Output(name))
        return self._writer

    def _finish(self, writer: Writer, drops: list[pcapng.Drops]) -> None:
        self._writer = None  # a signal's flush must not find a file that is closed
        writer.finish(drops, self._last)
        writer.output.close()


def _postrotate(command: tuple[str, ...]) -> "Postrotate | None":
    if not command:
        return None
    from .postrotate import Postrotate  # noqa: PLC0415 - few ask for it: subprocess takes 10 ms

    return Postrotate(command)
