"""Record pcaps/ anew: `python -m tests.vm.record FOLDER [SUITE...]`.

FOLDER/SUITE gets the captures of Debian's kernel of that suite, and the output of the programs
that made them. Which of them stand in pcaps/, and under what name, is a person's choice.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from .machine import Machine
from .nested import put_kernel


def record(suite: str, folder: Path) -> str:
    """Boot once, record everything, and give what was said about it."""
    folder.mkdir(parents=True, exist_ok=True)
    put_kernel(folder)
    python = shlex.quote(sys.executable)
    script = f'cd "$PROJECT"; uname -rv; {python} -m tests.vm.guest.record /mnt/out loopback nested'
    result = Machine(suite, limit_s=900).run(script, folder)
    if result.status:
        raise RuntimeError(result.console)
    return result.console


if __name__ == "__main__":
    for wanted in sys.argv[2:] or ("bookworm", "trixie"):
        print(record(wanted, Path(sys.argv[1]) / wanted))
