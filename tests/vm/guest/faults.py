"""Make what goes wrong on connections, and note what their own ends saw of it.

`python -m tests.vm.guest.faults FILE FAULT...` writes the truth of each as JSON. Nothing is judged
here. Ports are fixed: the server's is in PORTS, the client's is 10000 higher.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .endings import ENDINGS
from .openings import OPENINGS
from .stalls import STALLS
from .truth import Truth

FAULTS = {**OPENINGS, **STALLS, **ENDINGS}
PORTS = {name: 6010 + number * 10 for number, name in enumerate(FAULTS)}
# Those that mostly wait: they can be made while others are.
SLEEPY = ("close-unanswered", "close-answered-late")


def observe(name: str) -> Truth:
    """Make one; one that breaks off is told as such: the others still count."""
    try:
        return FAULTS[name](PORTS[name])
    except (OSError, RuntimeError) as error:
        return {"broke_off": repr(error)}


def main(file: Path, names: list[str]) -> None:
    file.write_text(json.dumps({name: observe(name) for name in names}, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
