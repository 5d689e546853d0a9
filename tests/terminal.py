"""A shell in a terminal, tmux's: what its user types, sees, and is left with."""

import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.command import ARGV, ENVIRONMENT

PATIENCE_S = 60
PROMPT = "ready> "
VSOCKDUMP = shlex.join(ARGV)

_STATE = ("alternate_on", "cursor_flag", "mouse_any_flag", "insert_flag", "wrap_flag")


class Terminal:
    """A terminal of 80 by 24 with a shell in it; `written` is all that programs wrote to it."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        """Take how long to wait for what must come."""
        self._patience_s = patience_s

    def __enter__(self) -> Self:
        """Start the shell, of which nobody's settings change anything."""
        self._folder = tempfile.TemporaryDirectory(prefix="vsockdump-")
        self.written = Path(self._folder.name, "written")
        fixed = ["LINES=24", "COLUMNS=80"]  # as some shells export them, whatever becomes of it
        shell = ["env", f"PS1={PROMPT}", *fixed, "bash", "--noprofile", "--norc", "-i"]
        self._tmux("-f", os.devnull, "new-session", "-d", "-x", "80", "-y", "24", *shell)
        self._tmux("pipe-pane", f"cat > {shlex.quote(str(self.written))}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the terminal away."""
        self.close()
        self._folder.cleanup()

    def close(self) -> None:
        """Close it: what runs in it is hung up."""
        self._run("kill-server")

    def _run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["tmux", "-u", "-S", f"{self._folder.name}/tmux", *words],
            capture_output=True, encoding="utf-8", check=False, timeout=60,
            env={**ENVIRONMENT, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    def _tmux(self, *words: str) -> str:
        done = self._run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # --- its user's hands -------------------------------------------------------------------------

    def run(self, *words: str | Path) -> None:
        """Have the shell run a command line of vsockdump's."""
        self.line(f"{VSOCKDUMP} {shlex.join(map(str, words))}")

    def line(self, text: str) -> None:
        """Type a line."""
        self.type(text)
        self.press("Enter")

    def type(self, text: str) -> None:
        """Type a text."""
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys at once, by tmux's names."""
        self._tmux("send-keys", *keys)

    def resize(self, columns: int, lines: int) -> None:
        """Drag a corner of it."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    # --- and eyes ---------------------------------------------------------------------------------

    def screen(self) -> str:
        """Return what is to be seen."""
        return self._tmux("capture-pane", "-p")

    def history(self) -> str:
        """Return that and what was above it; a long line is one again."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-")

    def state(self) -> dict[str, str]:
        """Return what programs have made of it."""
        told = self._tmux("display-message", "-p", " ".join(f"#{{{name}}}" for name in _STATE))
        return dict(zip(_STATE, told.split(), strict=True))

    def program(self) -> int:
        """Return the number of the process that the shell waits for."""
        shell = int(self._tmux("display-message", "-p", "#{pane_pid}"))
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])

    def wait(self, *texts: str, gone: str = "") -> str:
        """Return the screen once all these texts are on it, and one is not."""

        def there(screen: str) -> bool:
            return all(text in screen for text in texts) and not (gone and gone in screen)

        return self.wait_until(there, f"{texts} without {gone!r}")

    def wait_until(self, right: Callable[[str], bool], what: str) -> str:
        """Return the screen once it is right."""
        until = time.monotonic() + self._patience_s
        while not right(screen := self.screen()):
            assert time.monotonic() < until, f"never seen: {what}\n{screen}"
            time.sleep(0.1)
        return screen

    def status(self) -> int:
        """Return the exit status of what ran last, once it has left the terminal to the shell."""
        # What is typed before that is for the program, and may be thrown away.
        self.wait_until(
            lambda screen: (
                screen.rstrip().endswith(PROMPT.rstrip()) and self.state()["alternate_on"] == "0"
            ),
            "the shell",
        )
        self.line("echo status=$?.")
        screen = self.wait("\nstatus=")
        return int(screen.rpartition("\nstatus=")[2].partition(".")[0])
