"""The ladder and the ledger of every capture, as they were read and found true.

VSOCKDUMP_UPDATE_GOLDENS=1 writes them anew: `git diff` then shows what became of whom.
"""

import re
from pathlib import Path

import pytest

from .command import lines, vsockdump
from .test_goldens import CAPTURES, UPDATE, name, shortened

GOLDENS = Path(__file__).parent / "ladders"
COMMANDS = ("ladder", "credit")


def golden(path: Path, command: str) -> Path:
    """Say where what a command prints of a capture is kept."""
    return GOLDENS / f"{command}-{name(path, 0)}"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_text(path: Path, command: str) -> None:
    result = vsockdump(command, path)
    said = "".join(f"{line}\n" for line in lines(result))
    text = shortened(result.stdout.decode()) + said
    assert result.returncode == 0
    if UPDATE:
        golden(path, command).write_text(text)
    assert text == golden(path, command).read_text()


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_every_packet_stands_in_its_ledger(path: Path) -> None:
    """Every number of a connection's packets, and no other."""
    ladder = vsockdump("ladder", path, "--flow", "1", "--all", "--csv").stdout.decode()
    drawn = re.findall("^packet,([0-9]+),", ladder, re.M)
    ledger = vsockdump("credit", path, "--flow", "1", "--csv").stdout.decode()
    assert re.findall("^([0-9]+),", ledger, re.M) == drawn
    assert drawn


def test_no_golden_is_left_over() -> None:
    wanted = {golden(path, command) for path in CAPTURES for command in COMMANDS}
    assert set(GOLDENS.iterdir()) == wanted
