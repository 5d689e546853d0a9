"""The program as its users run it: another process, with its streams and its exit status."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PCAPS = ROOT / "pcaps"
ARGV = (sys.executable, "-m", "vsockdump")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TZ": "UTC", "COLUMNS": "100"}

Result = subprocess.CompletedProcess[bytes]


def vsockdump(*words: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> Result:
    """Run one command line to its end."""
    return run(*ARGV, *words, stdin=stdin, cwd=cwd)


def run(*words: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> Result:
    """Run any program to its end."""
    return subprocess.run(
        words, input=stdin, capture_output=True, cwd=cwd, env=ENVIRONMENT, timeout=60, check=False
    )


def start(
    *words: str | Path,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    before: str = "",
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Begin one command line; `before` is a shell's words in front of it, such as `nohup`."""
    argv = [*before.split(), *ARGV, *map(str, words)]
    return subprocess.Popen(
        argv, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, cwd=cwd, env=ENVIRONMENT
    )


def lines(result: Result) -> list[str]:
    """What was said on stderr."""
    return result.stderr.decode().splitlines()


class Waiting:
    """A run that has printed all its pipe gave, and waits for more."""

    def __init__(self, *words: str | Path, data: bytes, before: str = "") -> None:
        self.process = start("-r", "-", *words, stdin=subprocess.PIPE, before=before)
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def first_line(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def said(self) -> bytes:
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def end(self) -> tuple[int, bytes, bytes]:
        """Wait for its end: status, the rest of what was printed and of what was said."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        out, said = self.process.stdout.read(), self.process.stderr.read()
        assert self.process.stdin is not None
        self.process.stdin.close()
        status = self.process.wait(20)
        self.process.stdout.close()
        self.process.stderr.close()
        return status, out, said
