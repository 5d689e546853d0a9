"""Lines for standard output, in colours where somebody sees them."""

import io
import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console

SHADE = "░"
"""What a time is drawn in during which nothing could be sent."""

NARROWEST = 80

# Both colours where the background is set: nobody knows the terminal's own.
_STYLES = {
    "": "",
    "head": "bold",
    "full": "white on grey30",
    "stall": "bold white on dark_red",
    "quiet": "dim",
    "note": "cyan",
    "warn": "yellow",
    "problem": "bold red",
    "plot": "",
}
_FILLED = ("full", "stall")  # to the edge


class Line(NamedTuple):
    """One line of text, and what kind it is: see `_STYLES`."""

    text: str
    kind: str = ""


def width() -> int:
    """Return how wide lines may be: the terminal's width, or 120, and 80 at the least."""
    return max(shutil.get_terminal_size((120, 24)).columns, NARROWEST)


class Painter:
    """Prints lines; nothing is imported any more once there is one."""

    def __init__(self) -> None:
        """Find out whether a terminal is there, and load what it needs."""
        self.coloured = sys.stdout.isatty()
        if self.coloured:
            from rich.console import Console  # noqa: PLC0415 - a pipe need not wait for it

            _paint(Console(file=io.StringIO(), force_terminal=True), Line(SHADE, "plot"))
            self._console = Console()

    def put(self, lines: Iterable[Line]) -> None:
        """Print lines."""
        for line in lines:
            if self.coloured:
                _paint(self._console, line)
            else:
                sys.stdout.write(f"{line.text}\n")


def _paint(console: "Console", line: Line) -> None:
    from rich.text import Text  # noqa: PLC0415 - loaded with the console

    filled = line.kind in _FILLED
    text = Text(line.text.ljust(console.width) if filled else line.text, _STYLES[line.kind])
    if line.kind == "plot":
        text.highlight_regex(f"{SHADE}+", "red")
    console.print(text, soft_wrap=True)
