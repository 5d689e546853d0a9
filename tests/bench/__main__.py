"""Measure everything in one run, print the table, and leave it in Markdown beside the captures."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import files, filters, flows, live, report, tui


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the packets")
    parser.add_argument("--only", choices=["files", "filters", "flows", "live", "tui"])
    parser.add_argument("--repetitions", type=int, default=5, help="runs behind a median")
    wanted = parser.parse_args()
    folder = Path("bench-data").absolute()
    folder.mkdir(exist_ok=True)
    figures: list[report.Figure] = []
    if wanted.only in (None, "files"):
        figures += files.measure(folder, wanted.quick, wanted.repetitions)
    if wanted.only in (None, "filters"):
        figures += filters.measure(folder, wanted.quick, wanted.repetitions)
    if wanted.only in (None, "flows"):
        figures += flows.measure(folder, wanted.quick, wanted.repetitions)
    if wanted.only in (None, "live"):
        figures += live.measure(folder, wanted.quick)
    if wanted.only in (None, "tui"):
        figures += tui.measure(folder, wanted.quick, wanted.repetitions)
    about = f"{'A tenth of the packets. ' * wanted.quick}{report.machine()}"
    print(f"\n{about}\n\n{report.plain(figures)}")
    (folder / "report.md").write_text(f"{about}\n\n{report.markdown(figures)}")


if __name__ == "__main__":
    main()
