"""Saves what a connection carried to files: one for each side's bytes."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import NamedTuple

from vsockdump.messages import plural
from vsockdump.writers.output import Output

from .kept import closed, target
from .opened import Opened
from .streams import Stream

Progress = Callable[[int], None]
"""Hears how many bytes were written so far."""


class Saved(NamedTuple):
    """What was written, and what should have been."""

    bytes: int
    missing: int  # bytes
    holes: int  # of any size, known or not

    def __str__(self) -> str:
        """Say it."""
        if not self.holes:
            return plural(self.bytes, "byte")
        missing = f"{self.missing} that were" if self.missing else "what was"
        return f"{plural(self.bytes, 'byte')}, without {missing} not captured"


def save(
    opened: Opened,
    flow: int,
    paths: Mapping[int, str],
    progress: Progress = lambda done: None,
) -> Saved:
    """Write the bytes of each side of a connection that has a path, as far as they are there now.

    What was not captured is left out. Raises OpenError, WriteError or ReadError.
    """
    reading = Stream(opened, flow)
    size = missing = holes = 0
    with ExitStack() as stack:
        outputs = {
            side: stack.enter_context(closed(Output(target(opened, path))))
            for side, path in paths.items()
        }
        while parts := reading.read():
            for part in parts:
                if part.side in outputs:
                    outputs[part.side].write(part.data)
                    size += len(part.data)
                    missing += part.size or 0 if part.hole else 0
                    holes += part.hole
            progress(size)
    return Saved(size, missing, holes)
