"""The figures of a run as a table: on the terminal, and in Markdown."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .measure import Cost

HEAD = ("what", "vsockdump", "against", "that takes", "ratio", "bar", "met")


class Figure(NamedTuple):
    """One measurement; `skipped` says why there is none."""

    what: str
    ours: str = ""
    against: str = ""
    theirs: str = ""
    ratio: float | None = None
    bar: str = ""
    met: bool | None = None
    skipped: str = ""

    def cells(self) -> tuple[str, ...]:
        ratio = "" if self.ratio is None else f"{self.ratio:.3f}"
        met = "" if self.met is None else ("yes" if self.met else "NO")
        return (self.what, self.ours, self.against, self.theirs, ratio, self.bar, met)


def ratio(what: str, against: str, ours: Cost, theirs: Cost, bar: float | None = None) -> Figure:
    """Compare two wall-clock medians."""
    if failed := ours.failed or theirs.failed:
        return Figure(what, against=against, skipped=failed)
    found = ours.wall_s / theirs.wall_s
    limit = "" if bar is None else f"<= {bar:g}"
    met = None if bar is None else found <= bar
    return Figure(
        what, f"{ours.wall_s:.2f} s", against, f"{theirs.wall_s:.2f} s", found, limit, met
    )


def amount(what: str, ours: Cost, value: float, unit: str, bar: float | None = None) -> Figure:
    """Hold one of our own numbers against its bar."""
    if ours.failed:
        return Figure(what, skipped=ours.failed)
    limit = "" if bar is None else f"<= {bar:g} {unit}"
    return Figure(what, f"{value:.1f} {unit}", bar=limit, met=None if bar is None else value <= bar)


def plain(figures: Sequence[Figure]) -> str:
    rows = [HEAD, *(figure.cells() for figure in figures if not figure.skipped)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, *left_out(figures)])


def markdown(figures: Sequence[Figure]) -> str:
    rows = [HEAD, ("---",) * len(HEAD)]
    rows += [figure.cells() for figure in figures if not figure.skipped]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", *(f"- {line}" for line in left_out(figures))]) + "\n"


def left_out(figures: Sequence[Figure]) -> list[str]:
    return [f"not measured: {each.what}: {each.skipped}" for each in figures if each.skipped]


def machine() -> str:
    """Say what the figures were measured on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(": ")[2]
            break
    return f"{model}, Linux {platform.release()}, Python {platform.python_version()}"
