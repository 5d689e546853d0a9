"""What is shipped holds everything, builds from itself, and runs where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

PROJECT = Path(__file__).parents[1]
MADE = (".*", "build", "dist", "bench-data", "out", "*.egg-info", "*.so", "*.c", "__pycache__")
SHIPPED = (".py", ".pyi", ".pxd", ".typed", ".pcap")

# One worker builds; the others have no use for a second build.
pytestmark = pytest.mark.xdist_group("packaging")


class Built(NamedTuple):
    """The archives that users get."""

    sdist: Path
    wheel: Path
    wheel_from_sdist: Path


def run(command: Sequence[str | Path], folder: Path) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout


def build(source: Path, target: Path, kind: Sequence[str]) -> Path:
    """Run `build` with this environment's setuptools and Cython: no network is asked."""
    run([sys.executable, "-m", "build", "--no-isolation", *kind, "-o", target, source], source)
    (archive,) = target.glob("*.whl") if "--wheel" in kind else target.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build from a copy without anything that was made in the checkout."""
    work = tmp_path_factory.mktemp("packaging")
    clone, unpacked = work / "clone", work / "unpacked"
    shutil.copytree(PROJECT, clone, symlinks=True, ignore=shutil.ignore_patterns(*MADE))
    sdist = build(clone, work / "sdist", ["--sdist"])
    unpacked.mkdir()
    run(["tar", "-xf", sdist, "-C", unpacked], work)  # tarfile's filters came with 3.11.4
    (tree,) = unpacked.iterdir()
    return Built(
        sdist,
        build(clone, work / "wheel", ["--wheel"]),
        build(tree, work / "again", ["--wheel"]),
    )


def sources() -> set[str]:
    """Name what the wheel must hold: every module, stub, declaration and capture of ours."""
    package = PROJECT / "vsockdump"
    found = [*package.rglob("*"), *(package / "dissectors").rglob("*")]
    return {str(path.relative_to(PROJECT)) for path in found if path.suffix in SHIPPED}


def extensions() -> set[str]:
    """Name the compiled modules: one for each .pyx."""
    found = (PROJECT / "vsockdump").rglob("*.pyx")
    return {str(path.relative_to(PROJECT).with_suffix(".abi3.so")) for path in found}


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_sources_name_what_they_should() -> None:
    assert {
        "vsockdump/dissectors/virtio.py",
        "vsockdump/engine/layout.pxd",
        "vsockdump/engine/scan.pyi",
        "vsockdump/py.typed",
    } <= sources()
    assert "vsockdump/engine/scan.abi3.so" in extensions()


@pytest.mark.parametrize("which", ["wheel", "wheel_from_sdist"])
def test_wheel_holds_everything(built: Built, which: str) -> None:
    wheel: Path = getattr(built, which)
    assert sources() | extensions() <= names(wheel)
    assert re.fullmatch(r"vsockdump-[\d.]+-cp311-abi3-linux_\w+\.whl", wheel.name)


def test_wheel_holds_nothing_else(built: Built) -> None:
    ours = {name for name in names(built.wheel) if ".dist-info/" not in name}
    expected = {*sources(), *extensions(), *(n.replace(".abi3.so", ".pyx") for n in extensions())}
    assert ours - expected == set()


def test_both_wheels_hold_the_same(built: Built) -> None:
    assert names(built.wheel) == names(built.wheel_from_sdist)


def test_sdist_holds_the_sources(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "setup.py"} <= inside
    assert sources() <= inside
    assert not {name for name in inside if name.endswith((".so", ".c"))}


def environment(folder: Path, wheel: Path) -> Path:
    """Install a wheel alone into a new environment, and give its bin.

    The packages it depends on are lent by this environment, so that no network is asked. A plain
    path in a .pth lends them without the editable install: nested .pth files are not followed.
    """
    venv.create(folder, with_pip=False)
    python = folder / "bin/python"
    site = Path(
        run([python, "-c", "import site; print(site.getsitepackages()[0])"], folder).strip()
    )
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    run([*pip, "install", "--no-deps", "--no-index", wheel], folder)
    return folder / "bin"


@pytest.mark.parametrize("which", ["wheel", "wheel_from_sdist"])
def test_installed_wheel_runs(built: Built, which: str, tmp_path: Path) -> None:
    home = environment(tmp_path / "venv", getattr(built, which))
    version = re.escape(built.sdist.name.removeprefix("vsockdump-").removesuffix(".tar.gz"))
    assert re.search(
        rf"\bvsockdump\b.*\b{version}\b", run([home / "vsockdump", "--version"], tmp_path)
    )
    where = run([home / "python", "-c", "import vsockdump; print(vsockdump.__file__)"], tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("vsockdump", {"numpy", "rich", "scapy", "textual", "pyarrow", "socket", "vsockdump.cli"}),
        ("vsockdump.__main__", {"numpy", "scapy", "textual", "pyarrow"}),
    ],
)
def test_import_is_light(module: str, heavy: set[str], tmp_path: Path) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = set(run([sys.executable, "-c", code], tmp_path).split())
    assert module in loaded
    assert loaded & heavy == set()
