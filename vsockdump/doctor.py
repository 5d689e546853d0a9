"""`vsockdump doctor`: say what this machine can see, and why not more."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TextIO

from vsockdump import checks
from vsockdump.checks import Row

_COLOURS = {"ok": "green", "warn": "yellow", "no": "red"}


def main(argv: Sequence[str]) -> int:
    """Print the rows; return 0 when a capture is possible, 1 when not."""
    parser = argparse.ArgumentParser(
        prog="vsockdump doctor",
        description="Say what this machine can see of vsock, and why not more."
        " Exits with 0 when a capture is possible, with 1 when not.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wanted = parser.parse_args(argv)
    rows, possible = checks.examine()
    if wanted.json:
        print(as_json(rows, possible))
    elif sys.stdout.isatty():
        draw(rows)
    else:
        write(rows, sys.stdout)
    return 0 if possible else 1


def as_json(rows: Sequence[Row], possible: bool) -> str:
    """Return {"possible": bool, "rows": [{"what", "value", "verdict", "advice"}, ...]}."""
    return json.dumps({"possible": possible, "rows": [row._asdict() for row in rows]}, indent=2)


def write(rows: Sequence[Row], out: TextIO) -> None:
    """Write aligned lines: verdict, what, value, advice."""
    what = max(len(row.what) for row in rows)
    value = max(len(row.value) for row in rows)
    for row in rows:
        line = f"{row.verdict:4}  {row.what:{what}}  {row.value:{value}}  {row.advice}"
        print(line.rstrip(), file=out)


def draw(rows: Sequence[Row]) -> None:
    """Draw a table on the terminal."""
    from rich.console import Console  # noqa: PLC0415 - costs more than all the rest
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(
        "", "what", "value", "what it means", box=None, header_style="bold", padding=(0, 1)
    )
    for row in rows:
        verdict = Text(row.verdict, style=_COLOURS[row.verdict])
        table.add_row(verdict, Text(row.what), Text(row.value), Text(row.advice, style="dim"))
    Console().print(table)
