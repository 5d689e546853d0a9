"""The second guest, that runs inside a test machine with CID 123: a real guest and a real host."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from .kernel import archive, kernel

GUEST = Path(__file__).parent / "guest"

# Whatever the host's: 6.12 now and then dies while it boots in an emulator inside an emulator.
SUITE = "bookworm"


def reason_to_skip() -> str | None:
    """Say why the second guest's program cannot be built here, or None when it can."""
    return None if shutil.which("gcc") else "no gcc here: apt-get install gcc libc6-dev"


def put_kernel(folder: Path) -> None:
    """Put the second guest's `inner-vmlinuz` and `inner-initrd` into a machine's out folder."""
    vmlinuz, initrd = kernel(SUITE)
    shutil.copy(vmlinuz, folder / "inner-vmlinuz")
    with tempfile.TemporaryDirectory() as name:
        _fill_root(Path(name))
        # The machine's own initrd has busybox and the modules; what comes later replaces its init.
        (folder / "inner-initrd").write_bytes(initrd.read_bytes() + archive(Path(name)))


def _fill_root(root: Path) -> None:
    (root / "bin").mkdir()
    shutil.copy(GUEST / "inner_init", root / "init")
    program = str(root / "bin/inner")
    subprocess.run(
        ["gcc", "-static", "-O1", "-Wall", "-Werror", "-o", program, str(GUEST / "inner.c")],
        check=True,
    )
