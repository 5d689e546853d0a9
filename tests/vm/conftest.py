"""Machines for the tests: one boot for each kernel, and one with a second guest inside."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import machine, nested
from .machine import Machine, Result

KERNELS = ("bookworm", "trixie")  # 6.1, which has defect A1, and 6.12, which has it mended
Run = Callable[..., Path]


def or_skip(reason: str | None) -> None:
    """Skip for `reason`, or fail where a skip would go unseen."""
    if reason is None:
        return
    if machine.must_run():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    or_skip(machine.reason_to_skip())
    return tmp_path_factory.mktemp("vm")


def boot(suite: str, script: str, folder: Path, limit_s: int = 300) -> Result:
    return Machine(suite, limit_s=limit_s).run(f'cd "$PROJECT"; {script}', folder)


def guest(module: str, *words: str) -> str:
    """Write the command line that runs a guest program inside a machine."""
    program = [sys.executable, "-m", f"tests.vm.guest.{module}", *words]
    return " ".join(shlex.quote(word) for word in program)


class Observed:
    """What one boot left: files, and what the guest programs saw."""

    def __init__(self, folder: Path, result: Result) -> None:
        self.folder = folder
        self.result = result

    def __call__(self, name: str) -> dict[str, Any]:
        """Read NAME.json; without it, the console is the reason."""
        file = self.folder / f"{name}.json"
        assert file.exists(), f"no {file.name}:\n{self.result.console}"
        seen: dict[str, Any] = json.loads(file.read_text())
        return seen


@pytest.fixture(scope="session", params=KERNELS)
def loopback(request: pytest.FixtureRequest, out: Path) -> Observed:
    """Boot a kernel once for everything that talks over CID 1."""
    # Each part leaves its own file, so that one that breaks off does not hide the others.
    parts = (guest("links", "/mnt/out"), guest("side_by_side", "/mnt/out"))
    folder = out / request.param
    return Observed(folder, boot(request.param, "; ".join(parts), folder))


@pytest.fixture(scope="session")
def second_guest(out: Path) -> Observed:
    """Boot 6.1 with a guest of its own, CID 123, that talks to it, is stopped, and killed."""
    or_skip(nested.reason_to_skip())
    folder = out / "second-guest"
    folder.mkdir()
    nested.put_kernel(folder)
    script = guest("nested_capture", "/mnt/out")
    return Observed(folder, boot("bookworm", script, folder, limit_s=550))
