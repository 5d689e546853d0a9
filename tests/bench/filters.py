"""Choosing packets by an expression, against tcpdump's raw offsets.

`python -m tests.bench.filters EXPRESSION` prints the milliseconds that the import of the filter
takes, beyond what every run imports, and those from the expression to its program: of CPU.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from . import generate
from .files import make, memory, vsockdump
from .measure import ENVIRONMENT, Cost, Program, compare
from .report import Figure, amount, ratio

COUNT_BAR, IMPORT_BAR_MS, COMPILE_BAR_MS = 1.2, 10, 1
STARTS = 15

EXPRESSION = "cid 3 and port 1024 and op rw"
OFFSETS = (
    "(link[0:4] = 0x03000000 and link[4:4] = 0 or link[8:4] = 0x03000000 and link[12:4] = 0)"
    " and (link[16:4] = 0x00040000 or link[20:4] = 0x00040000)"
    " and link[26:2] = 0x0200 and link[62:2] = 0x0500"
)
"""The same for tcpdump, but that it does not ask for the length of the virtio header."""

# Without a bar: what nearly all match, and what no program can tell.
MORE = (
    ["port 1234"],
    ['payload contains "nowhere"'],
    ["payload matches /no+where/"],
    ["verdict SF"],
    ["-Y", "verdict stalled"],
)


def measure(folder: Path, quick: bool, repetitions: int) -> list[Figure]:
    make(folder, quick)
    small = folder / f"{generate.shapes(quick)[0].name}.pcap"
    return [*chosen(small, repetitions), *more(small, repetitions), *times()]


def count(file: Path, words: list[str]) -> Program:
    return Program("vsockdump", [vsockdump(), "-r", file, "--count", *words])


def tcpdump(file: Path, *words: str) -> Program:
    return Program("tcpdump", ["tcpdump", "-r", file, "--count", *words])


def chosen(file: Path, repetitions: int) -> list[Figure]:
    ours, theirs = compare([count(file, [EXPRESSION]), tcpdump(file, OFFSETS)], repetitions)
    what = f"'{EXPRESSION}', {file.stem}"
    return [
        ratio(what, "tcpdump --count 'link[...]'", ours, theirs, COUNT_BAR),
        memory(what, ours),
    ]


def more(file: Path, repetitions: int) -> list[Figure]:
    programs = [tcpdump(file), *(count(file, words) for words in MORE)]
    theirs, *ours = compare(programs, repetitions)
    return [
        ratio(f"'{' '.join(words)}', {file.stem}", "tcpdump --count", cost, theirs)
        for words, cost in zip(MORE, ours, strict=True)
    ]


def times() -> list[Figure]:
    """Give the medians of processes of their own: nothing is imported or compiled twice in one."""
    command = [sys.executable, "-m", "tests.bench.filters", EXPRESSION]
    runs = [
        subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True).stdout.split()
        for _ in range(STARTS)
    ]
    imported, compiled = (
        statistics.median(map(float, column)) for column in zip(*runs, strict=True)
    )
    nothing = Cost(0, 0, 0)
    return [
        amount("CPU, the filter's import", nothing, imported, "ms", IMPORT_BAR_MS),
        amount(f"CPU, '{EXPRESSION}' to its program", nothing, compiled, "ms", COMPILE_BAR_MS),
    ]


def main(expression: str) -> None:
    import vsockdump.cli  # noqa: PLC0415 - what every run imports
    import vsockdump.runs  # noqa: PLC0415

    begin = time.process_time()
    import vsockdump.choosing  # noqa: F401, PLC0415
    from vsockdump.filters.language import parse  # noqa: PLC0415
    from vsockdump.filters.program import compiled, packed  # noqa: PLC0415

    imported = time.process_time()
    packed(compiled(parse(expression)))
    print((imported - begin) * 1000, (time.process_time() - imported) * 1000)


if __name__ == "__main__":
    main(sys.argv[1])
