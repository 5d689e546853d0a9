"""The connections, problems and figures of every capture, as they were read and found true.

VSOCKDUMP_UPDATE_GOLDENS=1 writes them anew: `git diff` then shows what became of whom.
"""

from pathlib import Path

import pytest

from .command import ROOT, lines, vsockdump
from .test_goldens import CAPTURES, UPDATE, name

GOLDENS = Path(__file__).parent / "reports"
COMMANDS = ("flows", "problems", "stats")


def golden(path: Path, command: str) -> Path:
    """Say where what a command prints of a capture is kept."""
    return GOLDENS / f"{command}-{name(path, 0)}"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_text(path: Path, command: str) -> None:
    result = vsockdump(command, path.relative_to(ROOT), cwd=ROOT)
    text = result.stdout.decode() + "".join(f"{line}\n" for line in lines(result))
    assert result.returncode == 0
    if UPDATE:
        golden(path, command).write_text(text)
    assert text == golden(path, command).read_text()


def test_no_golden_is_left_over() -> None:
    wanted = {golden(path, command) for path in CAPTURES for command in COMMANDS}
    assert set(GOLDENS.iterdir()) == wanted
