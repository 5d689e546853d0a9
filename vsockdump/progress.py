"""A progress bar on the terminal for a file that takes long to read."""

import time
from typing import TYPE_CHECKING

from vsockdump.engine.batch import Batch
from vsockdump.sources.savefile import Savefile

if TYPE_CHECKING:
    from rich.progress import Progress

DELAY_S = 0.5
"""A file read faster than this shows no bar."""

_STEP_S = 0.1


class Bar:
    """A sink that draws on stderr how much of a file has been read."""

    def __init__(self, source: Savefile) -> None:
        """Prepare; nothing is drawn before DELAY_S."""
        self._source = source
        self._next = time.monotonic() + DELAY_S
        self._bar: Progress | None = None

    def feed(self, batch: Batch) -> None:
        """Draw again when it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _STEP_S
        self._bar = self._bar or self._begin()
        self._bar.update(self._bar.task_ids[0], completed=self._source.position)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _begin(self) -> "Progress":
        from rich.console import Console  # noqa: PLC0415 - a short file need not wait for it
        from rich.progress import Progress  # noqa: PLC0415

        bar = Progress(console=Console(stderr=True), transient=True)
        bar.add_task(self._source.name, total=self._source.size)
        bar.start()
        return bar
