"""Where packets go, as the options say: the sinks of a run."""

import contextlib
import os
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vsockdump import options, privileges
from vsockdump.errors import OpenError, WriteError
from vsockdump.following import Following
from vsockdump.formats import pcapng
from vsockdump.interface import Interface
from vsockdump.options import Options
from vsockdump.pipeline import Choice, Sink
from vsockdump.screen import Printer, Screen, Shown
from vsockdump.writers.capture import (
    PCAPNG_SUFFIXES,
    CopyWriter,
    PcapngWriter,
    PcapWriter,
    Section,
    Writer,
)
from vsockdump.writers.output import Output, ReaderGone
from vsockdump.writers.recorder import Recorder

if TYPE_CHECKING:
    from vsockdump.engine.track import Tracker


class Outputs:
    """The sinks of one run; leaving `with` finishes the file, with the counts in `drops`."""

    def __init__(
        self,
        wanted: Options,
        interfaces: list[Interface],
        copied: bool,
        following: Following | None = None,
        shown: Choice | None = None,
    ) -> None:
        """Open what `wanted` names; `copied`: from a pcapng file, to be passed on as it is.

        What comes of `following` is printed in the place of packets if that is a report, and else
        beside them. Of the packets those are printed and counted that `shown` chooses. Raises
        OpenError, WriteError or UsageError.
        """
        self.first: list[Sink] = []  # those that see what is not taken, too
        self.sinks: list[Sink] = []
        self.recorder: Recorder | None = None
        self.drops: list[pcapng.Drops] = []
        self._wanted = wanted
        self._following = following
        if following is not None:
            (self.sinks if following.report else self.first).append(following)
        if wanted.write:
            self.recorder = self._record(wanted.write, interfaces, copied)
            self.sinks.append(self.recorder)
        self.shown = Shown(shown) if shown else None
        self.sinks += [self.shown] if self.shown else []
        if options.prints(wanted) and not (following and following.report):
            tracker = following.tracker if following else None
            self.sinks.append(Screen(printer(wanted, tracker)))

    def hand_over(self, to: privileges.Target) -> None:
        """Give the file to `to`, who must be able to make the ones that follow it.

        One that was there before keeps its owner: it may be somebody else's.
        """
        output = self.recorder.output if self.recorder is not None else None
        if output is not None and output.created:
            privileges.own(output.fd, to)

    def check_rotation(self) -> None:
        """Refuse, once privileges are dropped, files that could not be made later."""
        folder = os.path.dirname(self._wanted.write or "") or "."  # noqa: PTH120 - no pathlib here
        rotates = self.recorder is not None and self.recorder.rotates
        if rotates and not os.access(folder, os.W_OK | os.X_OK):
            raise OpenError(
                f"{folder}: the next file cannot be made there once privileges are dropped;"
                " -Z names another user, -Z root keeps them"
            )

    def to_the_end(self) -> AbstractContextManager[None]:
        """Have the report, if there is one, end when what is in `with` does."""
        return self._following.to_the_end() if self._following else contextlib.nullcontext()

    def flush(self) -> None:
        """Bring what was saved to the disk."""
        if self.recorder is not None:
            self.recorder.flush()

    def __enter__(self) -> Self:
        """Nothing more is opened."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, as far as that still goes after an error."""
        if self.recorder is None:
            return
        with contextlib.suppress(*(() if error is None else (WriteError, ReaderGone))):
            self.recorder.close(self.drops)

    def _record(self, path: str, interfaces: list[Interface], copied: bool) -> Recorder:
        rotation = options.rotation(self._wanted)
        section = Section() if rotation.size or rotation.seconds else None
        as_pcapng = path.endswith(PCAPNG_SUFFIXES)

        def open_writer(output: Output) -> Writer:
            if as_pcapng and copied:
                return CopyWriter(output, section)
            if as_pcapng:
                return PcapngWriter(output, interfaces)
            return PcapWriter(output, interfaces, self._wanted.nano)

        second = None if self._wanted.read else int(time.time())
        return Recorder(path, open_writer, rotation, second)


def printer(wanted: Options, tracker: "Tracker | None" = None) -> Printer:
    """Return what renders packets for standard output, with what `tracker` makes of them.

    Raises UsageError for an unknown field or a file of names that is none.
    """
    if wanted.format in ("text", "tcpdump"):
        from vsockdump.text import Text  # noqa: PLC0415 - saving and the commands start without

        return Text(options.style(wanted), options.names(wanted), tracker)
    from vsockdump import tables  # noqa: PLC0415 - text starts without

    return tables.table(wanted.format, [name for name in wanted.field.split(",") if name])
