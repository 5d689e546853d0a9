"""The guests of this machine and their names, told from how their monitors were started."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

_LOWEST, _HIGHEST = 3, 0xFFFF_FFFE  # of a guest's CID: the others are taken (vm_sockets.h)
_MOST_WORDS = 1 << 18  # bytes of a command line
_MOST_CONFIG = 1 << 20  # bytes of a file that a command line names


class _Monitor(NamedTuple):
    """A process that may run a guest."""

    folder: str  # in /proc
    words: list[str]  # its command line

    def values(self, *options: str) -> Iterator[str]:
        """Yield what follows any of `options`, as a word of its own or behind "="."""
        for word, following in pairwise([*self.words, ""]):
            option, equals, value = word.partition("=")
            if option in options:
                yield value if equals else following


_Found = tuple[object, str]  # a CID as it was written, a name or ""


def guests(proc: str = "/proc") -> dict[int, str]:
    """Return the names of guests by their CIDs; one that has no name is called after its process.

    Whoever may start a process can make up guests: a CID that two claim under different names is
    left out. What cannot be read is passed over.
    """
    found: dict[int, set[str]] = {}
    for pid in filter(str.isdecimal, os.listdir(proc)):  # noqa: PTH208 - pathlib is slow
        cid, name = _guest(f"{proc}/{pid}", pid)
        if cid:
            found.setdefault(cid, set()).add(name)
    return {cid: names.pop() for cid, names in found.items() if len(names) == 1}


def _guest(folder: str, pid: str) -> tuple[int, str]:
    """Return the CID and the name of the guest that a process runs, 0 for none."""
    words = _read(f"{folder}/cmdline", _MOST_WORDS).decode("utf-8", "replace").split("\0")
    program = os.path.basename(words[0])  # noqa: PTH119 - and these are many
    ask = next((ask for part, ask in _MONITORS.items() if part in program), None)
    if ask is None:
        return 0, ""
    written, name = ask(_Monitor(folder, words))
    return _cid(written), name or f"{program}[{pid}]"


def _qemu(monitor: _Monitor) -> _Found:
    """-device vhost-vsock-pci,guest-cid=3 or, as libvirt writes it, as JSON; -name guest=web."""
    devices = map(_device, monitor.values("-device", "--device"))
    cid = next((device["guest-cid"] for device in devices if "guest-cid" in device), None)
    names = [_commas(value) for value in monitor.values("-name", "--name")]
    return cid, next((name.get("guest", name.get("", "")) for name in names), "")


def _device(value: str) -> dict[str, Any]:
    return _json(value) if value.startswith("{") else _commas(value)


def _cloud_hypervisor(monitor: _Monitor) -> _Found:
    """--vsock cid=3,socket=/tmp/vsock."""
    return next((_commas(value).get("cid") for value in monitor.values("--vsock")), None), ""


def _crosvm(monitor: _Monitor) -> _Found:
    """--vsock 3 or cid=3,device=/dev/vhost-vsock, once --cid 3; --name web."""
    values = map(_commas, monitor.values("--vsock", "--cid"))
    cid = next((value.get("cid", value.get("")) for value in values), None)
    return cid, next(monitor.values("--name"), "")


def _firecracker(monitor: _Monitor) -> _Found:
    """--config-file with {"vsock": {"guest_cid": 3}}; --id web."""
    path = next(monitor.values("--config-file"), "")
    inside = f"root{path}" if path.startswith("/") else f"cwd/{path}"  # of a jail, say
    vsock = _json(_read(f"{monitor.folder}/{inside}", _MOST_CONFIG)).get("vsock") if path else None
    cid = vsock.get("guest_cid") if isinstance(vsock, dict) else None
    return cid, next(monitor.values("--id"), "")


_MONITORS: dict[str, Callable[[_Monitor], _Found]] = {
    "qemu": _qemu,
    "kvm": _qemu,
    "cloud-hypervisor": _cloud_hypervisor,
    "crosvm": _crosvm,
    "firecracker": _firecracker,
}


def _commas(value: str) -> dict[str, str]:
    """Return the parts of "guest=web,process=x"; one without a name is called ""."""
    parts = (part.replace("\0", ",") for part in value.replace(",,", "\0").split(","))
    pairs = (part.partition("=") for part in parts)
    return {key if equals else "": text if equals else key for key, equals, text in pairs}


def _json(text: str | bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _cid(written: object) -> int:
    """Return a guest's CID, 0 for what is none."""
    try:
        cid = int(written, 0) if isinstance(written, str) else written
    except ValueError:
        return 0
    return cid if isinstance(cid, int) and _LOWEST <= cid <= _HIGHEST else 0


def _read(path: str, most: int) -> bytes:
    """Return the beginning of a file; of none, and of what is not a file, nothing.

    Others choose the path: to open a device may do something, and to open a pipe may take forever.
    """
    try:
        place = os.open(path, os.O_PATH)
    except (OSError, ValueError):
        return b""
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            return b""
        with open(f"/proc/self/fd/{place}", "rb") as file:  # noqa: PTH123 - as above
            return file.read(most)
    except OSError:
        return b""
    finally:
        os.close(place)
