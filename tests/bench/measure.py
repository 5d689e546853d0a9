"""Run programs by turns and keep what each run cost."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

REFUSED = 127

# What is installed has its bytecode beside it, whatever is set where the benchmark runs.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


class Run(NamedTuple):
    """One run of a program, whole process: wall clock, user + system CPU, largest RSS."""

    wall_s: float
    cpu_s: float
    rss_kib: int
    status: int
    errors: str


class Cost(NamedTuple):
    """The medians of a program's runs; `failed` says why there are none."""

    wall_s: float
    cpu_s: float
    rss_mib: float
    failed: str = ""


class Program(NamedTuple):
    """A command line."""

    name: str
    command: Sequence[str | Path]
    output: Path | None = None  # written by the program, removed before each run


def run(program: Program) -> Run:
    """Run once, stdout to /dev/null.

    The kernel counts into a child's largest RSS what its parent held when it was made: whoever
    calls this has to be small itself.
    """
    if shutil.which(program.command[0]) is None:
        return Run(0, 0, 0, REFUSED, f"{program.command[0]} is not installed")
    if program.output:
        program.output.unlink(missing_ok=True)
    with tempfile.TemporaryFile("w+") as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            program.command, stdout=subprocess.DEVNULL, stderr=errors, env=ENVIRONMENT
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read()[-300:]
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss, process.returncode, said)


def compare(programs: Sequence[Program], repetitions: int) -> list[Cost]:
    """Run A B A B ..., after one round that fills the page cache and finds out who cannot run."""
    first = [run(program) for program in programs]
    kept: list[list[Run]] = [[] for _ in programs]
    for _ in range(repetitions):
        for program, warm, runs in zip(programs, first, kept, strict=True):
            if warm.status == 0:
                runs.append(run(program))
    for program in programs:
        if program.output:
            program.output.unlink(missing_ok=True)
    return [
        cost(program, warm, runs) for program, warm, runs in zip(programs, first, kept, strict=True)
    ]


def scaled(part: Cost, start: Cost, by: float) -> Cost:
    """Tell what the whole would have cost, from a part of it and from next to nothing."""
    if part.failed or start.failed:
        return part
    return part._replace(
        wall_s=start.wall_s + (part.wall_s - start.wall_s) * by,
        cpu_s=start.cpu_s + (part.cpu_s - start.cpu_s) * by,
    )


def cost(program: Program, warm: Run, runs: Sequence[Run]) -> Cost:
    failures = [each for each in (warm, *runs) if each.status]
    if failures:
        why = (failures[0].errors.strip() or "nothing said").splitlines()[-1]
        return Cost(0, 0, 0, f"{program.name}: exit {failures[0].status}: {why}")
    return Cost(
        statistics.median(each.wall_s for each in runs),
        statistics.median(each.cpu_s for each in runs),
        max(each.rss_kib for each in (warm, *runs)) / 1024,
    )
