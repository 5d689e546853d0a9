"""Capturing live on the stand-in: the highest rate without a loss, and what a packet costs.

Loss is what was sent less what stands in the file afterwards: no program's own count is believed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from .report import Figure

RATES = (50_000, 100_000, 200_000, 300_000, 400_000, 500_000, 0)  # a second; 0: no limit
COST_RATE = 100_000
READY = ("listening on", "File:")  # dumpcap names its file when it is ready
# libpcap takes up to a second to hand over the last packets, and loses them when it is ended.
SETTLE_S = 1.5


class Capturer(NamedTuple):
    """A program that captures `LINK` into `FILE`."""

    name: str
    command: Sequence[str]


class Capture(NamedTuple):
    """One run: packets sent, the rate that was reached, packets lost, CPU of the capturer."""

    sent: int
    rate: float
    lost: int
    cpu_s: float


class Result(NamedTuple):
    """What a program can do; `unbeaten` when the sender gave up first, not the program."""

    rate: float
    unbeaten: bool
    cpu_us: float

    @property
    def rate_text(self) -> str:
        return f"{self.rate / 1e3:.0f} kpps{' or more' if self.unbeaten else ''}"


class Sending(NamedTuple):
    """The sender, a process of its own on its own core."""

    process: subprocess.Popen[str]
    link: str

    def send(self, count: int, rate: int) -> float:
        """Send, and return the rate that was reached."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{count} {rate}\n")
        self.process.stdin.flush()
        return count * 1e9 / int(line(self.process))


def capturers() -> list[Capturer]:
    vsockdump = str(Path(sys.executable).parent / "vsockdump")
    return [
        Capturer("vsockdump", [vsockdump, "-i", "LINK", "-w", "FILE", "-Z", "root"]),
        Capturer("tcpdump", ["tcpdump", "-i", "LINK", "-w", "FILE", "-Z", "root"]),
        Capturer(
            "tcpdump -B 65536",
            ["tcpdump", "-i", "LINK", "-w", "FILE", "-Z", "root", "-B", "65536"],
        ),
        Capturer("dumpcap", ["dumpcap", "-q", "-i", "LINK", "-w", "FILE"]),
    ]


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    answer = process.stdout.readline().strip()
    if not answer:
        raise RuntimeError(f"the sender ended: exit {process.wait()}")
    return answer


@contextlib.contextmanager
def sending() -> Iterator[Sending]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.sender"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        yield Sending(process, line(process))


def wait_until_ready(process: subprocess.Popen[bytes], errors: IO[str]) -> None:
    """Wait for the program's own word, which is on its stderr."""
    limit = time.monotonic() + 10
    while time.monotonic() < limit and process.poll() is None:
        errors.seek(0)
        said = errors.read()
        if any(word in said for word in READY):
            return
        time.sleep(0.02)
    end(process)
    errors.seek(0)
    raise RuntimeError(errors.read().strip().splitlines()[-1:] or "it never said it was ready")


def end(process: subprocess.Popen[bytes]) -> float:
    """Interrupt and wait; return the CPU seconds it used."""
    if process.returncode is not None:
        return 0
    process.send_signal(signal.SIGINT)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def capture(sender: Sending, capturer: Capturer, file: Path, count: int, rate: int) -> Capture:
    file.unlink(missing_ok=True)
    words = {"LINK": sender.link, "FILE": str(file)}
    command = [words.get(word, word) for word in capturer.command]
    # Appending: the program has the same file offset, which reading from the start moves.
    with tempfile.TemporaryFile("a+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        wait_until_ready(process, errors)
        reached = sender.send(count, rate)
        time.sleep(SETTLE_S)
        cpu = end(process)
    return Capture(count, reached, count - packets(file), cpu)


def packets(file: Path) -> int:
    """Count what was written, with one and the same program for all."""
    command = ["tcpdump", "-r", str(file), "--count"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


def highest(sender: Sending, capturer: Capturer, file: Path, seconds: float) -> tuple[float, bool]:
    """Raise the rate until something is lost; return the last one without, and if it was the end.

    A sender that shares two cores does not reach every rate: what counts is what it reached.
    """
    best = 0.0
    for rate in RATES:
        run = capture(sender, capturer, file, int((rate or max(RATES)) * seconds), rate)
        asked = f"{rate:,}/s" if rate else "no limit"
        print(f"  {capturer.name}: {asked}: {run.rate:,.0f}/s sent, {run.lost:,} lost", flush=True)
        if run.lost:
            return best, False
        best = max(best, run.rate)
    return best, True


def cpu(sender: Sending, capturer: Capturer, file: Path, count: int) -> float:
    """Give the microseconds of CPU a packet costs, less those of a capture of nothing."""
    idle = statistics.median(capture(sender, capturer, file, 1, 0).cpu_s for _ in range(3))
    busy = [capture(sender, capturer, file, count, COST_RATE) for _ in range(3)]
    return (statistics.median(run.cpu_s for run in busy) - idle) / count * 1e6


def measure(folder: Path, quick: bool) -> list[Figure]:
    if os.geteuid() != 0 or not Path("/dev/net/tun").exists():
        return [Figure("live", skipped="needs root and /dev/net/tun")]
    found: dict[str, Result] = {}
    left_out: list[Figure] = []
    file = folder / "live.capture"
    seconds = 0.5 if quick else 3
    with sending() as sender:
        for capturer in capturers():
            try:
                best = highest(sender, capturer, file, seconds)
                cost = cpu(sender, capturer, file, int(COST_RATE * seconds))
                found[capturer.name] = Result(*best, cost)
            except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
                left_out.append(Figure("live", against=capturer.name, skipped=str(error)))
    file.unlink(missing_ok=True)
    return [*figures(found), *left_out]


def figures(found: dict[str, Result]) -> list[Figure]:
    """Set every program beside vsockdump; without vsockdump, the others alone."""
    ours = found.pop("vsockdump", None)
    shown: list[Figure] = []
    for name, other in found.items():
        mine = ours.rate_text if ours else ""
        shown.append(Figure("live, no loss up to", mine, name, other.rate_text))
        cost = f"{ours.cpu_us:.2f} us" if ours else ""
        ratio = ours.cpu_us / other.cpu_us if ours else None
        shown.append(
            Figure("live, CPU a packet", cost, name, f"{other.cpu_us:.2f} us", ratio=ratio)
        )
    return shown
