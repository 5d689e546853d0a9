"""Reading, printing and copying captures, against the programs people use now."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from . import generate
from .measure import Cost, Program, compare, scaled
from .report import Figure, amount, ratio

COUNT_BAR, TEXT_BAR, RSS_BAR_MIB, START_BAR_MS = 0.8, 0.35, 64, 60
TSHARK_FIELDS = (
    *("frame.time_epoch", "frame.len", "vsock.src_cid", "vsock.dst_cid", "vsock.src_port"),
    *("vsock.dst_port", "vsock.op", "vsock.trans", "vsock.trans_len", "vsock.virtio.src_cid"),
    *("vsock.virtio.dst_cid", "vsock.virtio.len", "vsock.virtio.type", "vsock.virtio.op"),
    *("vsock.virtio.flags", "vsock.virtio.buf_alloc", "vsock.virtio.fwd_cnt"),
)


def make(folder: Path, quick: bool) -> None:
    """Make the captures in a process of their own: see `measure.run` on size."""
    command = [sys.executable, "-m", "tests.bench.generate", str(folder)]
    subprocess.run([*command, *(["--quick"] * quick)], check=True)


def vsockdump() -> Path:
    return Path(sys.executable).parent / "vsockdump"


def measure(folder: Path, quick: bool, repetitions: int) -> list[Figure]:
    make(folder, quick)
    small, mixed = (folder / f"{shape.name}.pcap" for shape in generate.shapes(quick)[:2])
    return [
        *counts(small, repetitions, COUNT_BAR),
        *counts(mixed, repetitions, None),
        *texts(small, repetitions, TEXT_BAR),
        *copies(small, repetitions),
        *copies(mixed, repetitions),
        *start_up(folder / "ten.pcap"),
    ]


def counts(file: Path, repetitions: int, bar: float | None) -> list[Figure]:
    ours, theirs = compare(
        [
            Program("vsockdump", [vsockdump(), "-r", file, "--count"]),
            Program("tcpdump", ["tcpdump", "-r", file, "--count"]),
        ],
        repetitions,
    )
    return [
        ratio(f"count, {file.stem}", "tcpdump --count", ours, theirs, bar),
        memory(f"count, {file.stem}", ours),
    ]


def memory(what: str, ours: Cost, bar: float | None = RSS_BAR_MIB) -> Figure:
    return amount(f"memory, {what}", ours, ours.rss_mib, "MiB", bar)


def texts(file: Path, repetitions: int, bar: float) -> list[Figure]:
    ours, tcpdump = compare(
        [
            Program("vsockdump", [vsockdump(), "-r", file, "-n"]),
            Program("tcpdump", ["tcpdump", "-r", file, "-nn"]),
        ],
        repetitions,
    )
    return [
        ratio(f"text, {file.stem}", "tcpdump -nn", ours, tcpdump, bar),
        memory(f"text, {file.stem}", ours),
        *slow_ones(f"text, {file.stem}", rivals, file, ours),
    ]


def slow_ones(
    what: str, rivals: Callable[[Path], list[Program]], file: Path, ours: Cost
) -> list[Figure]:
    """Give the slow ones a slice, and multiply what that takes beyond their start."""
    part, ten = file.with_name("small-slice.pcap"), file.with_name("ten.pcap")
    by = file.stat().st_size / part.stat().st_size
    parts, starts = (compare(rivals(each), 3) for each in (part, ten))
    return [
        ratio(what, f"{program.name}, 1/{by:.0f} x {by:.0f}", ours, whole)
        for program, whole in zip(
            rivals(part),
            (scaled(*each, by) for each in zip(parts, starts, strict=True)),
            strict=True,
        )
    ]


def rivals(file: Path) -> list[Program]:
    fields = [word for field in TSHARK_FIELDS for word in ("-e", field)]
    return [
        Program("tshark", ["tshark", "-n", "-r", file, "-T", "fields", *fields]),
        *loops(file),
    ]


def loops(file: Path, *more: str) -> list[Program]:
    loop = [sys.executable, "-m", "tests.bench.rivals"]
    return [Program(name, [*loop, name, file, *more]) for name in ("dpkt", "scapy")]


def copies(file: Path, repetitions: int) -> list[Figure]:
    mine, other = file.with_suffix(".ours.pcap"), file.with_suffix(".theirs.pcap")
    # tcpdump as root writes as another user, who may not write here.
    user = ["-Z", "root"] if os.geteuid() == 0 else []
    ours, theirs = compare(
        [
            Program("vsockdump", [vsockdump(), "-r", file, "-w", mine, *user], output=mine),
            Program("tcpdump", ["tcpdump", "-r", file, "-w", other, *user], output=other),
        ],
        repetitions,
    )
    return [
        ratio(f"-r -w, {file.stem}", "tcpdump -r -w", ours, theirs),
        memory(f"-r -w, {file.stem}", ours),
    ]


def start_up(ten: Path) -> list[Figure]:
    version, read = compare(
        [
            Program("vsockdump", [vsockdump(), "--version"]),
            Program("vsockdump", [vsockdump(), "-r", ten]),
        ],
        15,
    )
    return [
        amount("CPU, --version", version, version.cpu_s * 1000, "ms", START_BAR_MS),
        amount("CPU, -r of 10 packets", read, read.cpu_s * 1000, "ms"),
    ]
