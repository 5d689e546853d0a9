"""The terminal as Textual drives it, also when it has another size, or has gone away."""

import os
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, cast

from textual.drivers.linux_driver import LinuxDriver


class Driver(LinuxDriver):
    """Goes by the terminal itself, and ends in order where that was closed.

    Textual believes COLUMNS and LINES, which do not change with the terminal, and waits for ever
    for one that is gone to take what is left to write.
    """

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - Textual's
        """Take what Textual gives."""
        super().__init__(*given, **named)
        self._terminal = cast("TextIOWrapper", self._file)
        self._file = cast("TextIOWrapper", _Lasting(self._terminal))

    def _get_terminal_size(self) -> tuple[int, int]:
        with suppress(OSError):
            return os.get_terminal_size(self._terminal.fileno())
        return super()._get_terminal_size()


class _Lasting:
    """A file that takes everything, whether it can write it or not."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()
