"""A program on a terminal that nobody looks at: its screen, and when which part of it changed."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from .measure import ENVIRONMENT

WIDTH, HEIGHT = 120, 40
QUIET_S = 0.025  # without a byte: the answer to a key is over
LIMIT_S = 1.0  # for an answer
# What is drawn: a control sequence, an escape of another kind, or text.
PIECES = re.compile(r"\x1b\[([?<>=0-9;]*)(\$?[a-zA-Z])|\x1b\][^\x07\x1b]*\x07|\x1b[^]\[]|[^\x1b]")

Cell = tuple[str, str]
"""A character and the sequence that set its colours."""


class Answer(NamedTuple):
    """Seconds from a key to the first byte, and to the last one that changed what was looked at.

    `changed` is false where that never did.
    """

    first: float
    last: float
    changed: bool


class Terminal:
    """A program under a pty of 120 x 40; it answers no question of the program's."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self.cells: list[list[Cell]] = [[(" ", "")] * WIDTH for _ in range(HEIGHT)]
        self.begin = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if not self.pid:
            environment = {**ENVIRONMENT, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
            environment.pop("NO_COLOR", None)
            os.execve(command[0], [str(word) for word in command], environment)
        size = struct.pack("HHHH", HEIGHT, WIDTH, 0, 0)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, size)
        self._y = self._x = 0
        self._style = self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.cpu_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.kill(self.pid, signal.SIGTERM)
        end = time.perf_counter() + 5
        while not (done := os.wait4(self.pid, os.WNOHANG))[0] and time.perf_counter() < end:
            self.read(0.05)
        if not done[0]:
            os.kill(self.pid, signal.SIGKILL)
            done = os.wait4(self.pid, 0)
        self.cpu_s = done[2].ru_utime + done[2].ru_stime
        os.close(self.fd)

    # --- its screen ---------------------------------------------------------------------------

    def line(self, y: int) -> str:
        return "".join(char for char, _ in self.cells[y])

    def part(self, columns: int) -> list[list[Cell]]:
        """Return so much of the lines between the first and the last, which go on by themselves."""
        return [row[:columns] for row in self.cells[1:-1]]

    def read(self, wait: float) -> bool:
        """Take what is there within `wait` seconds; tell whether anything was."""
        data = self._take(wait)
        self._feed(data)
        return bool(data)

    def _take(self, wait: float) -> bytes:
        if not select.select([self.fd], [], [], wait)[0]:
            return b""
        try:
            return os.read(self.fd, 1 << 16)
        except OSError:  # it has ended
            time.sleep(wait)
            return b""

    def _feed(self, data: bytes) -> None:
        text = self._rest + self._decoder.decode(data)
        cut = text.rfind("\x1b")  # the last sequence may go on in what comes next
        self._rest = text[cut:] if cut >= 0 and not PIECES.match(text, cut) else ""
        for piece in PIECES.finditer(text[: len(text) - len(self._rest)]):
            self._draw(piece[0], piece[1] or "", piece[2])

    def _draw(self, piece: str, numbers: str, kind: str | None) -> None:
        if kind == "H":
            y, _, x = numbers.partition(";")
            self._y, self._x = int(y or 1) - 1, int(x or 1) - 1
        elif kind == "m":
            self._style = "" if numbers in ("", "0") else self._style + numbers
        elif piece == "\n":
            self._y, self._x = self._y + 1, 0
        elif piece == "\r":
            self._x = 0
        elif piece >= " ":
            if self._y < HEIGHT and self._x < WIDTH:
                self.cells[self._y][self._x] = (piece, self._style)
            self._x += 1

    # --- waiting ------------------------------------------------------------------------------

    def until(self, shown: Callable[[], bool], limit: float = 120) -> float:
        """Wait until something is shown, and return the seconds since the program was begun."""
        while not shown():
            if time.perf_counter() - self.begin > limit:
                raise RuntimeError(f"not shown: {[self.line(y) for y in (0, 1, HEIGHT - 1)]}")
            self.read(0.05)
        return time.perf_counter() - self.begin

    def settle(self, quiet: float = QUIET_S, limit: float = 1.0) -> None:
        """Wait until nothing is drawn for a while."""
        end = time.perf_counter() + limit
        while self.read(quiet) and time.perf_counter() < end:
            pass

    def press(self, key: str, columns: int = WIDTH - 1, quiet: float = QUIET_S) -> Answer:
        """Press a key; see what it does to so many columns, until nothing comes for `quiet`."""
        begin = time.perf_counter()
        os.write(self.fd, key.encode())
        first = last = 0.0
        while not last and time.perf_counter() - begin < LIMIT_S:
            came = list(self._burst(begin, quiet))  # drawing it here would take time, too
            first = first or (came[0][0] if came else 0.0)
            for at, data in came:
                before = self.part(columns)
                self._feed(data)
                last = at if self.part(columns) != before else last
        return Answer(first, last, bool(last))

    def _burst(self, begin: float, quiet: float) -> Iterator[tuple[float, bytes]]:
        """Yield what comes until nothing does for a while, each with its time since `begin`."""
        while (data := self._take(quiet)) and (at := time.perf_counter() - begin) < LIMIT_S:
            yield at, data

    # --- what it costs ------------------------------------------------------------------------

    @property
    def rss_kib(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    @property
    def cpu_now(self) -> float:
        """User and system CPU seconds until now."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
