"""The engine keeps to its layer too: import-linter, which holds the others, cannot read Cython."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[1] / "vsockdump/engine"
SOURCES = sorted([*ENGINE.glob("*.pyx"), *ENGINE.glob("*.pxd")])
# C, Cython, itself, and what is below it.
ALLOWED = {
    "array", "cython", "cpython", "heapq", "libc", "vsockdump", "vsockdump.dissectors",
    "vsockdump.errors", "vsockdump.flows", "vsockdump.states", ".",
}  # fmt: skip


def imported(source: str) -> set[str]:
    """Name the modules that Cython source imports: `.` for its own, two names of ours."""
    lines = re.findall(r"^\s*(?:from\s+(\S+)\s+c?import|c?import\s+([\w., ]+))", source, re.M)
    names = {name.strip() for by_from, plain in lines for name in (by_from or plain).split(",")}
    return {top(name) for name in names}


def top(name: str) -> str:
    if name.startswith("."):
        return "." if not name.startswith("..") else name
    depth = 2 if name.startswith("vsockdump.") else 1
    return ".".join(name.split(".")[:depth])


def test_there_are_sources() -> None:
    assert {"scan.pyx", "layout.pxd"} <= {path.name for path in SOURCES}


@pytest.mark.parametrize("path", SOURCES, ids=[path.name for path in SOURCES])
def test_engine_imports_only_what_is_below_it(path: Path) -> None:
    assert imported(path.read_text()) - ALLOWED == set()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import time, os.path", {"time", "os"}),
        ("    from socket import AF_VSOCK", {"socket"}),
        ("from vsockdump.text import Text", {"vsockdump.text"}),
        ("from .batch cimport Batch\nfrom ..text import Text", {".", "..text"}),
        ("cimport cython\nfrom libc.stdint cimport (\n    uint8_t)", {"cython", "libc"}),
        ("# import time\nimported = 1", set()),
    ],
)
def test_imports_are_found(source: str, names: set[str]) -> None:
    assert imported(source) == names
