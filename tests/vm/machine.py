"""A throw-away QEMU machine with Debian's kernel, that runs one script as root and is gone.

Inside, / is the host's / under an overlay: the project and its .venv are at their own paths, and
only what is written to /mnt/out stays. `modprobe vsockmon` works, and so does autoloading.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .kernel import kernel

PROJECT = Path(__file__).parents[2]

# Program -> Debian package. Debian's `busybox` is dynamic, and useless as the first process.
NEEDED = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "depmod": "kmod",
    "apt-get": "apt",
}


class Result(NamedTuple):
    """What the script ended with and said (stdout and stderr)."""

    status: int
    console: str


class GuestError(Exception):
    """The machine ended, or was ended at its limit, before the script did."""


def reason_to_skip() -> str | None:
    """Say which programs are missing here, or None when a machine can be booted."""
    missing = [program for program in NEEDED if not _find(program)]
    if not missing:
        return None
    packages = " ".join(NEEDED[program] for program in missing)
    return f"no {', '.join(missing)} here: apt-get install {packages}"


def must_run() -> bool:
    """Tell whether a machine that cannot be booted is a failure: nobody reads a skip in CI."""
    return bool(os.environ.get("CI")) or os.environ.get("VSOCKDUMP_VM_REQUIRED") == "1"


@dataclass(frozen=True)
class Machine:
    """One boot for each `run`."""

    suite: str
    memory_mib: int = 2048
    limit_s: int = 300

    def run(self, script: str, out: Path) -> Result:
        """Boot, run `script` in bash as root with `out` as its folder, and give how it ended."""
        out.mkdir(parents=True, exist_ok=True)
        for old in ("status", "console", "serial"):
            (out / old).unlink(missing_ok=True)
        (out / "script").write_text(_prelude() + script + "\n")
        ended = self._boot(out)
        if not (out / "console").exists() and "by itself" in ended:
            # The emulator now and then kills a kernel before the script has begun.
            ended = self._boot(out)
        console = _text(out / "console")
        if not (out / "status").exists():
            raise GuestError(
                f"{self.suite}: {ended}\n{_tail(console)}\n{_tail(_text(out / 'serial'))}"
            )
        return Result(int(_text(out / "status")), console)

    def _boot(self, out: Path) -> str:
        """Run QEMU to its end and say what that was."""
        try:
            qemu = subprocess.run(
                self._command(out),
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=self.limit_s, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"not finished after {self.limit_s} s, ended"
        return f"the machine went down by itself (QEMU exit {qemu.returncode}) {qemu.stderr}"

    def _command(self, out: Path) -> list[str]:
        vmlinuz, initrd = kernel(self.suite)
        # Software emulation everywhere: it needs no /dev/kvm and is the same on every machine.
        hardware = f"-accel tcg,thread=multi -cpu max -smp 2 -m {self.memory_mib}"
        quiet = "-nodefaults -display none -no-reboot -device virtio-rng-pci"
        return [
            "qemu-system-x86_64", *hardware.split(), *quiet.split(),
            "-serial", f"file:{_quoted(out / 'serial')}",
            "-kernel", str(vmlinuz), "-initrd", str(initrd),
            "-append", "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off",
            *_shared(Path("/"), "host", "readonly=on,multidevs=remap"),
            *_shared(out, "out", "multidevs=remap"),
        ]  # fmt: skip


def _find(program: str) -> str | None:
    # depmod stands in /usr/sbin, which is not on everybody's path.
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _prelude() -> str:
    """Give the script the caller's environment as far as tools need it, and its folders."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    names = {"HOME": str(Path.home()), "PATH": path, "TERM": "dumb", "PROJECT": str(PROJECT)}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in names.items()]
    # A .pyc written over a slow overlay only costs time.
    return "\n".join([*exports, "export PYTHONDONTWRITEBYTECODE=1", "cd /mnt/out", ""])


def _shared(folder: Path, tag: str, options: str) -> list[str]:
    place = f"local,path={_quoted(folder)},mount_tag={tag},security_model=none,{options}"
    return ["-virtfs", place]


def _quoted(path: Path) -> str:
    """Double the commas: QEMU's way of having one in a value."""
    return str(path.absolute()).replace(",", ",,")


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-80:])
