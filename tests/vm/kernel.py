"""Debian's kernel of a suite, made ready for QEMU: vmlinuz and an initrd with the modules we load.

`python -m tests.vm.kernel SUITE...` fills the cache ($VM_CACHE, or ~/.cache/vsockdump-vm).
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent

# What the initrd needs to reach the host's files, then what the tests load.
MODULES = (
    *("virtio_pci", "virtio_rng", "9pnet_virtio", "9p", "overlay"),
    *("vsockmon", "vsock_loopback", "vhost_vsock", "vsock_diag", "vmw_vsock_virtio_transport"),
)


class Kernel(NamedTuple):
    """A kernel QEMU can boot."""

    vmlinuz: Path
    initrd: Path


def cache_root() -> Path:
    default = Path.home() / ".cache" / "vsockdump-vm"
    return Path(os.environ.get("VM_CACHE") or default).absolute()


def kernel(suite: str) -> Kernel:
    """Give the kernel of `suite` ("bookworm", "trixie"), from the cache or made now."""
    place = cache_root() / f"{suite}-{_recipe()}"
    if not place.exists():
        with locked(suite):
            if not place.exists():
                _build(suite, place)
    return Kernel(place / "vmlinuz", place / "initrd")


def _recipe() -> str:
    """Name what an initrd is made of, so that a change of it is not answered from the cache."""
    parts = [Path(__file__), HERE / "init"]
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:10]


@contextmanager
def locked(suite: str) -> Iterator[None]:
    """Let one process at a time build a suite; the lock of a process that dies is free."""
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in cache_root().glob(f".{suite}-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _build(suite: str, place: Path) -> None:
    """Build beside `place` and rename: what is in the cache is whole, or not there."""
    with tempfile.TemporaryDirectory(dir=cache_root(), prefix=f".{suite}-") as name:
        work = Path(name)
        _unpack(_download(suite, work), work / "tree")
        done = work / "done"
        done.mkdir()
        shutil.copy(next((work / "tree").glob("boot/vmlinuz-*")), done / "vmlinuz")
        _fill_root(work / "tree", work / "root")
        (done / "initrd").write_bytes(archive(work / "root"))
        done.rename(place)


def _download(suite: str, work: Path) -> list[Path]:
    apt = own_apt(suite, work)
    run(["apt-get", *apt, "-qq", "update"])
    (image,) = depends(apt, "linux-image-amd64", r"linux-image-\d")
    # Newer Debian keeps the modules in packages of their own.
    parts = depends(apt, image, r"linux-(binary|modules)-\d")
    run(["apt-get", *apt, "-qq", "download", image, *parts], work)
    return sorted(work.glob("*.deb"))


def own_apt(suite: str, work: Path) -> list[str]:
    """Make apt read one suite from this machine's mirror, with lists of its own, without root."""
    for folder in ("lists/partial", "archives/partial"):
        (work / "apt" / folder).mkdir(parents=True)
    (work / "apt/sources.list").write_text(f"deb {_mirror()} {suite} main\n")
    settings = {
        "Dir::Etc::sourcelist": work / "apt/sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::Lists": work / "apt/lists",
        "Dir::Cache": work / "apt",
        "APT::Sandbox::User": "",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _mirror() -> str:
    """Find the Debian mirror this machine is set up with, as the start of a sources.list line."""
    etc = Path("/etc/apt")
    listed = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]
    for text in [path.read_text() for path in listed if path.is_file()]:
        one_line = re.search(r"^deb\s+(?:\[.*?\]\s+)?(\S+/debian/?)\s", text, re.M)
        stanza = re.search(r"^URIs:\s*(\S+)", text, re.M)
        if found := one_line or stanza:
            keyring = re.search(r"^Signed-By:\s*(/\S+)", text, re.M)
            return f"[signed-by={keyring[1]}] {found[1]}" if keyring else found[1]
    raise RuntimeError("no Debian mirror in /etc/apt/sources.list or sources.list.d")


def depends(apt: Sequence[str], package: str, pattern: str) -> list[str]:
    shown = run(["apt-cache", *apt, "show", "--no-all-versions", package])
    line = re.search(r"^Depends: (.*)$", shown, re.M)
    names = [part.split()[0] for part in line[1].split(",")] if line else []
    return [name for name in names if re.match(pattern, name)]


def _unpack(packages: Sequence[Path], tree: Path) -> None:
    for package in packages:
        run(["dpkg-deb", "-x", str(package), str(tree)])
    if not (tree / "lib/modules").exists():
        (tree / "lib").symlink_to("usr/lib")


def _fill_root(tree: Path, root: Path) -> None:
    """Lay out the initrd: busybox, the modules with their index, and init."""
    folders = ("bin", "dev", "proc", "sys", "host", "scratch", "new")
    for folder in folders:
        (root / folder).mkdir(parents=True)
    busybox = shutil.which("busybox")
    assert busybox is not None
    shutil.copy(busybox, root / "bin/busybox")
    shutil.copy(HERE / "init", root / "init")
    (root / "init").chmod(0o755)
    version = next((tree / "lib/modules").iterdir()).name
    _copy_modules(tree, root / "lib/modules" / version)
    run(["depmod", "-b", str(root), version])


def _copy_modules(tree: Path, target: Path) -> None:
    target.mkdir(parents=True)
    run(["depmod", "-b", str(tree), target.name])
    for index in (tree / "lib/modules" / target.name).glob("modules.[bo][ur]*"):
        shutil.copy(index, target)
    plan = run(["modprobe", "-d", str(tree), "-S", target.name, "-a", "-D", *MODULES])
    for module in {Path(line.split()[1]) for line in plan.splitlines() if line[:6] == "insmod"}:
        packed = module.suffix == ".xz"
        data = lzma.decompress(module.read_bytes()) if packed else module.read_bytes()
        (target / module.name.removesuffix(".xz")).write_bytes(data)


def archive(root: Path) -> bytes:
    """Pack a folder as an initramfs; the kernel takes several, one after the other."""
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    packed = subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"],
        input=names.encode(), cwd=root, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return gzip.compress(packed.stdout, 1)


def run(command: Sequence[str], folder: Path | None = None) -> str:
    """Run a program; what it says on stderr comes with the error."""
    # depmod and modprobe stand in /usr/sbin, which is not on everybody's path.
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        print(kernel(wanted).initrd)
