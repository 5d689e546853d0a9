"""Which of the kernel's vsock modules there are, told from files alone: nothing is loaded."""

import gzip
import os
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple


class State(StrEnum):
    """What is known of a module."""

    LOADED = "loaded"
    BUILT_IN = "built in"
    AVAILABLE = "not loaded"
    MISSING = "missing"
    UNKNOWN = "unknown"  # a container, say, sees neither the modules nor the kernel's configuration

    @property
    def usable(self) -> bool:
        """Whether the kernel can do it now."""
        return self in (State.LOADED, State.BUILT_IN)


class Module(NamedTuple):
    """A module, the CONFIG_ option that builds it, and what it is good for."""

    name: str
    option: str
    purpose: str


MODULES = (
    Module("vsock", "VSOCKETS", "every VM socket"),
    Module("vsockmon", "VSOCKMON", "the tap: every capture"),
    Module("vsock_loopback", "VSOCKETS_LOOPBACK", "CID 1: this machine with itself"),
    Module("vhost_vsock", "VHOST_VSOCK", "a host of QEMU guests"),
    Module(
        "vmw_vsock_virtio_transport",
        "VIRTIO_VSOCKETS",
        "a guest of QEMU, Firecracker and other virtio hosts",
    ),
    Module("vsock_diag", "VSOCKETS_DIAG", "telling which process has a socket"),
    Module("hv_sock", "HYPERV_VSOCKETS", "a guest of Hyper-V, WSL included"),
    Module("vmw_vsock_vmci_transport", "VMWARE_VMCI_VSOCKETS", "a guest of VMware"),
)


def states(root: Path, release: str) -> dict[str, State]:
    """Return the state of each of MODULES by its name; `root` is / but in tests."""
    loaded = {line.split()[0] for line in _text(root / "proc/modules").splitlines()}
    folder = root / "lib/modules" / release
    builtin = _names(folder / "modules.builtin")
    installed = _names(folder / "modules.dep")
    config = _config(root, release)
    return {
        module.name: _state(module, root, loaded, builtin, installed, config) for module in MODULES
    }


def _state(  # noqa: PLR0913, PLR0917 - the files that may tell, each read once
    module: Module,
    root: Path,
    loaded: set[str],
    builtin: set[str],
    installed: set[str],
    config: dict[str, str],
) -> State:
    if module.name in loaded:
        return State.LOADED
    chosen = config.get(f"CONFIG_{module.option}", "")
    if module.name in builtin or chosen == "y" or (root / "sys/module" / module.name).is_dir():
        return State.BUILT_IN
    if module.name in installed:
        return State.AVAILABLE
    known = bool(installed) or (bool(config) and chosen != "m")
    return State.MISSING if known else State.UNKNOWN


def _names(listing: Path) -> set[str]:
    """Return the modules of modules.builtin or modules.dep ("kernel/net/.../x.ko.xz: ...")."""
    paths = (line.split(":")[0] for line in _text(listing).splitlines())
    return {os.path.basename(path).split(".ko")[0].replace("-", "_") for path in paths}  # noqa: PTH119


def _config(root: Path, release: str) -> dict[str, str]:
    """Return the kernel's CONFIG_ options, empty where it does not tell."""
    text = _text(root / f"boot/config-{release}")
    packed = root / "proc/config.gz"
    if not text and packed.exists():
        text = gzip.decompress(packed.read_bytes()).decode()
    pairs = (line.split("=", 1) for line in text.splitlines() if line.startswith("CONFIG_"))
    return {pair[0]: pair[1] for pair in pairs}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
