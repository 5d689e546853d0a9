"""A progress bar on the terminal for a file that takes long to read."""

import io
import time
from typing import TYPE_CHECKING

from vsockdump.engine.batch import Batch
from vsockdump.messages import printable
from vsockdump.sources.savefile import Savefile

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

DELAY_S = 0.5
"""A file read faster than this shows no bar."""

WORTH_A_BAR = 1 << 20
"""Bytes; shorter files are read faster than that."""

_STEP_S = 0.1


class Bar:
    """A sink that draws on stderr how much of a file has been read."""

    def __init__(self, source: Savefile) -> None:
        """Prepare; nothing is drawn before DELAY_S.

        All of rich that is needed is loaded now: once privileges are dropped, the files it is in
        may not be readable any more.
        """
        self._source = source
        self._next = time.monotonic() + DELAY_S
        self._bar: Progress | None = None
        self._draw_nowhere()

    def feed(self, batch: Batch) -> None:
        """Draw again when it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _STEP_S
        self._bar = self._bar or self._begin()
        self._bar.update(self._bar.task_ids[0], completed=self._source.position, refresh=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _draw_nowhere(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - a short file need not wait for it

        with self._progress(Console(file=io.StringIO(), force_terminal=True)) as bar:
            bar.refresh()

    def _begin(self) -> "Progress":
        from rich.console import Console  # noqa: PLC0415

        bar = self._progress(Console(stderr=True))
        bar.start()
        return bar

    def _progress(self, console: "Console") -> "Progress":
        from rich.markup import escape  # noqa: PLC0415
        from rich.progress import Progress  # noqa: PLC0415

        bar = Progress(console=console, transient=True, auto_refresh=False)
        bar.add_task(escape(printable(self._source.name)), total=self._source.size)
        return bar
