"""Standard output: rendered packets, whole lines at a time."""

import sys
from typing import Protocol

from vsockdump.engine.batch import Batch
from vsockdump.pipeline import Choice
from vsockdump.writers.output import Output


class Printer(Protocol):
    """Whatever turns packets into text."""

    def render(self, batch: Batch) -> bytes:
        """Return whole lines for every packet of the batch."""


class Shown:
    """Leaves out of every batch what is not to be printed; those that come after it see the rest.

    `count` is how many were left in.
    """

    def __init__(self, choice: Choice) -> None:
        """Show what `choice` chooses."""
        self.count = 0
        self._choice = choice

    def feed(self, batch: Batch) -> None:
        """Choose."""
        batch.select(self._choice(batch))
        self.count += batch.count


class Screen:
    """Prints every batch as soon as it is there: what a pipe's reader sees is never held back."""

    def __init__(self, printer: Printer) -> None:
        """Print with `printer` to standard output."""
        self._printer = printer
        sys.stdout.flush()
        self._output = Output("-")

    def feed(self, batch: Batch) -> None:
        """Print the packets; raises ReaderGone or WriteError."""
        if batch.count:
            self._output.write(self._printer.render(batch))
