"""Following connections, against programs that count packets or add up bytes."""

from __future__ import annotations

from pathlib import Path

from . import generate
from .files import loops, make, memory, rivals, slow_ones, vsockdump
from .measure import Program, compare
from .report import Figure, amount, ratio

COUNT_BAR, RSS_BAR_MIB = 1.0, 100


def measure(folder: Path, quick: bool, repetitions: int) -> list[Figure]:
    make(folder, quick)
    small = folder / f"{generate.shapes(quick)[0].name}.pcap"
    return [*followed(small, repetitions), *crowded(folder, quick, repetitions)]


def flows(file: Path) -> Program:
    return Program("vsockdump", [vsockdump(), "flows", "--top", "10", file])


def followed(file: Path, repetitions: int) -> list[Figure]:
    ours, theirs = compare(
        [flows(file), Program("tcpdump", ["tcpdump", "-r", file, "--count"])], repetitions
    )
    what = f"flows, {file.stem}"
    return [
        ratio(what, "tcpdump --count", ours, theirs, COUNT_BAR),
        memory(what, ours, RSS_BAR_MIB),
        *slow_ones(what, adders, file, ours),
    ]


def adders(file: Path) -> list[Program]:
    """Give what adds up bytes by connection; tshark, which cannot, prints what is added up."""
    tshark, *_ = rivals(file)
    return [tshark, *loops(file, "flows")]


def crowded(folder: Path, quick: bool, repetitions: int) -> list[Figure]:
    """Show whether a packet costs more among many connections than in a single one."""
    crowds = generate.crowds(quick)
    costs = compare([flows(folder / f"{crowd.name}.pcap") for crowd in crowds], repetitions)
    shown: list[Figure] = []
    for crowd, cost in zip(crowds, costs, strict=True):
        what = f"flows, {crowd.connections:,} at once"
        each = cost.wall_s * 1e9 / (crowd.connections * crowd.packets)
        shown += [
            amount(f"{what}, a packet", cost, each, "ns"),
            ratio(what, "a single one", cost, costs[0]),
            memory(what, cost, None),
        ]
    return shown
