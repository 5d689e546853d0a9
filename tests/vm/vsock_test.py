"""The kernel's own tests of AF_VSOCK, built from Debian's linux-source: tools/testing/vsock.

`python -m tests.vm.vsock_test` builds them into the cache and prints where they are.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from .kernel import cache_root, depends, locked, own_apt, run

# Newer than bookworm's, with more than twice the tests; what 6.1 cannot do fails there.
SUITE = "trixie"
FOLDER = "tools/testing/vsock"


def vsock_test() -> Path:
    """Give the program `vsock_test`, from the cache or built now."""
    place = cache_root() / f"vsock_test-{_recipe()}"
    if not place.exists():
        with locked("vsock_test"):
            if not place.exists():
                _build(place)
    return place


def _recipe() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:10]


def _build(place: Path) -> None:
    """Fetch the source of the whole kernel (150 MB), and keep the one program."""
    with tempfile.TemporaryDirectory(dir=cache_root(), prefix=".vsock_test-") as name:
        work = Path(name)
        apt = own_apt(SUITE, work)
        run(["apt-get", *apt, "-qq", "update"])
        (source,) = depends(apt, "linux-source", r"linux-source-\d")
        run(["apt-get", *apt, "-qq", "download", source], work)
        folder = _unpack(next(work.glob("*.deb")), work)
        run(["make", "-C", str(folder), "vsock_test"])
        shutil.copy(folder / "vsock_test", work / "done")
        (work / "done").rename(place)


def _unpack(package: Path, work: Path) -> Path:
    """Lay out the tests, and those of the kernel's headers that they include."""
    run(["dpkg-deb", "-x", str(package), str(work)])
    packed = next(work.glob("usr/src/linux-source-*.tar.xz"))
    tree = packed.name.removesuffix(".tar.xz")
    wanted = [f"{tree}/{folder}" for folder in (FOLDER, "tools/include")]
    run(["tar", "-xf", str(packed), "-C", str(work), *wanted])
    return work / tree / FOLDER


if __name__ == "__main__":
    print(vsock_test())
