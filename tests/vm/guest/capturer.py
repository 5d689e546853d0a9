"""A capturing program inside the machine, from its first word to its end."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

# tcpdump is given a block of its ring when it is full or after a second, and leaves what is in an
# unfinished one behind: after 1 s it had 14 "captured" of 20 "received by filter", 0 "dropped".
SETTLE_S = 3
READY = re.compile(r"listening on|File: ")


class Counts(NamedTuple):
    """The three lines tcpdump ends with."""

    captured: int
    received: int
    dropped: int


class Capturer:
    """Runs `command`; its stdout and stderr go to files named for `name` in `folder`."""

    def __init__(self, name: str, command: Sequence[str], folder: Path) -> None:
        self.name = name
        self._stderr = folder / f"{name}.stderr"
        self.stdout = folder / f"{name}.stdout"
        with self._stderr.open("w") as err, self.stdout.open("w") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=err)

    @property
    def stderr(self) -> str:
        return self._stderr.read_text()

    def wait_ready(self, limit_s: float = 60) -> None:
        """Return when the program says that it captures."""
        self.wait_for(READY, limit_s)

    def wait_for(self, pattern: re.Pattern[str], limit_s: float) -> None:
        """Return when `pattern` is in stderr; raise when the program or the time ends first."""
        until = time.monotonic() + limit_s
        while not pattern.search(self.stderr):
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                said = f"{self.name} did not say {pattern.pattern!r}: {self.stderr}"
                raise RuntimeError(said)
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGINT, limit_s: float = 60) -> int:
        """Send a signal and give the exit status; a program that stays is killed."""
        self.process.send_signal(number)
        return self.wait(limit_s)

    def wait(self, limit_s: float = 60) -> int:
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def counts(self) -> Counts:
        numbers = re.findall(r"^(\d+) packets? (?:captured|received|dropped)", self.stderr, re.M)
        return Counts(*map(int, numbers))


def rx_packets(link: str = "vsockmon0") -> int:
    """Read how many packets the tap has given a link: a count that no ring can lose."""
    return int(Path(f"/sys/class/net/{link}/statistics/rx_packets").read_text())
