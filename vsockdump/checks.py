"""What this machine can see of vsock, and why not: one row a fact, nothing changed by looking."""

import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from vsockdump import kernels, modules
from vsockdump.messages import printable
from vsockdump.modules import State
from vsockdump.sources import local, netlink

Verdict = Literal["ok", "warn", "no"]

_CAP_NET_ADMIN, _CAP_NET_RAW = 12, 13  # linux/capability.h
_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000  # linux/sched.h
_NO_ANSWER = 255  # the probe's child could not get itself a namespace

# Monitors whose guests' host side is an AF_UNIX socket: the host's kernel has no vsock packet. The
# names as /proc/PID/comm cuts them (TASK_COMM_LEN).
_USERSPACE = ("firecracker", "cloud-hyperviso", "crosvm", "krunvm", "libkrun", "vhost-device-vs")
_NEVER_TAPPED = ("hv_sock", "vmw_vsock_vmci_transport")


class Row(NamedTuple):
    """One fact, what to think of it, and one sentence of consequence or remedy."""

    what: str
    value: str
    verdict: Verdict
    advice: str = ""


class Means(NamedTuple):
    """What a capture needs."""

    raw: bool  # CAP_NET_RAW
    admin: bool  # CAP_NET_ADMIN
    vsockmon: bool | None  # whether a link can be made; None where it cannot be found out
    links: tuple[netlink.LinkInfo, ...]  # the vsockmon links

    @property
    def possible(self) -> bool:
        """Whether a capture can begin: on a link that is up, or on one to be raised or made."""
        makes = self.admin and (bool(self.links) or self.vsockmon is not False)
        return self.raw and (makes or any(link.is_up for link in self.links))


def examine(root: Path = Path("/")) -> tuple[list[Row], bool]:
    """Return the rows, and whether a capture is possible; `root` is another than / in tests."""
    uname = os.uname()
    states = modules.states(root, uname.release)
    links = tuple(link for link in netlink.links() if link.is_vsockmon)
    vsockmon, how = _can_make(states["vsockmon"], links)
    means = Means(*_rights(root), vsockmon, links)
    kernel = kernels.running()
    rows = [
        Row("kernel", kernel, "ok"),
        *(_module(module, states[module.name]) for module in modules.MODULES),
        _local_cid(root),
        _vhost(root),
        _vsockmon(vsockmon, how),
        *_links(means),
        *_namespaces(root),
        *_monitors(root),
        *(Row("tap defect " + d.key, _sure(d), "warn", d.symptom) for d in kernels.defects(kernel)),
        *_capabilities(means),
        _capture(means),
    ]
    return rows, means.possible


def _sure(finding: kernels.Finding) -> str:
    return "present" if finding.certain else "possible"


def _module(module: modules.Module, state: State) -> Row:
    what = f"module {module.name}"
    if module.name in _NEVER_TAPPED:
        advice = f"for {module.purpose}: never tapped, no capture shows it"
        return Row(what, state, "warn" if state is State.LOADED else "ok", advice)
    if state.usable:
        return Row(what, state, "ok", f"for {module.purpose}")
    if state is State.AVAILABLE:
        return Row(what, state, "ok", f"for {module.purpose}; 'modprobe {module.name}' loads it")
    return Row(what, state, "warn", f"needed for {module.purpose}")


def _local_cid(root: Path) -> Row:
    try:
        cid = local.local_cid(str(root / "dev/vsock"))
    except OSError as error:
        code = error.errno or errno.EIO
        hidden = code in (errno.EACCES, errno.EPERM)
        advice = (
            "only root may ask for the local CID" if hidden else "no VM socket can be used here"
        )
        return Row("/dev/vsock", os.strerror(code).lower(), "warn", advice)
    return Row("/dev/vsock", *_cid(cid))


def _cid(cid: int) -> tuple[str, Verdict, str]:
    match cid:
        case local.ANY:
            return "no local CID", "warn", "no transport is loaded: nothing can be sent"
        case local.HOST:
            return "local CID 2", "ok", "a host: its guests' traffic is seen once they run"
        case local.LOCAL:
            return "local CID 1", "ok", "loopback only: this machine with itself"
        case _:
            return f"local CID {cid}", "ok", "a guest: its traffic with the host is seen"


def _vhost(root: Path) -> Row:
    # Only a look: opening it would load the module.
    if (root / "dev/vhost-vsock").exists():
        return Row("/dev/vhost-vsock", "present", "ok", "guests with vhost-vsock can be seen")
    return Row("/dev/vhost-vsock", "absent", "ok", "this machine is no host of vhost-vsock guests")


def _can_make(state: State, links: tuple[netlink.LinkInfo, ...]) -> tuple[bool | None, str]:
    """Return whether a vsockmon link can be made, and how that was found out."""
    if any(link.kind == "vsockmon" for link in links):
        return True, "there is one"
    if state is State.AVAILABLE:  # trying would load it
        return True, "the module is installed, making a link loads it"
    match _probe():
        case 0:
            return True, "a link was made in a namespace of its own, and removed"
        case errno.EOPNOTSUPP:
            return False, "the kernel refused to make a link"
        case _ if state.usable or state is State.MISSING:
            return state.usable, "by the list of modules"
        case _:
            return None, "trying needs root, and the kernel does not list its modules"


def _probe() -> int:
    """Make a vsockmon link where nobody sees it; return the error number, 0 for success."""
    unshare = ctypes.CDLL(None).unshare  # os.unshare is new in Python 3.12
    child = os.fork()
    if child == 0:
        code = _NO_ANSWER
        try:
            # Without root, a user namespace gives the right to have a network namespace.
            if unshare(_CLONE_NEWNET) == 0 or unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
                netlink.create("vsockmon0")
                code = 0
        except OSError as error:
            code = error.errno or _NO_ANSWER
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _vsockmon(possible: bool | None, how: str) -> Row:
    match possible:
        case True:
            return Row("vsockmon", "possible", "ok", how)
        case None:
            return Row("vsockmon", "unknown", "warn", how)
        case _:
            advice = f"{how}: capture at the other end, or with another kernel"
            return Row("vsockmon", "not possible", "no", advice)


def _links(means: Means) -> Iterator[Row]:
    if not means.links:
        advice = "a capture makes one and removes it" if means.vsockmon is not False else ""
        yield Row("links", "none", "ok", advice)
    for link in means.links:
        kind = "" if link.kind == "vsockmon" else f", a {link.kind} device"
        state = f"{'up' if link.is_up else 'down'}, {link.rx_packets} packets{kind}"
        advice = "" if link.is_up else "nothing is tapped while it is down; a capture raises it"
        yield Row(f"link {printable(link.name)}", state, "ok", advice)


def _namespaces(root: Path) -> Iterator[Row]:
    folder = root / "proc/sys/net/vsock"
    try:
        mode = (folder / "ns_mode").read_text(encoding="ascii").strip()
        child = (folder / "child_ns_mode").read_text(encoding="ascii").strip()
    except OSError:
        advice = "this kernel has one vsock for all of its network namespaces"
        yield Row("netns mode", "global", "ok", advice)
        return
    local = "local" in (mode, child)
    advice = "the tap sees every namespace, and does not say which" if local else ""
    yield Row("netns mode", f"{mode}, new ones {child}", "warn" if local else "ok", advice)


def _monitors(root: Path) -> Iterator[Row]:
    for path in sorted((root / "proc").glob("[0-9]*/comm")):
        try:
            comm = path.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:  # it is gone
            continue
        if comm in _USERSPACE:
            advice = "its vsock is a Unix socket here, no packet to tap: capture in its guest"
            yield Row(f"process {path.parent.name}", comm, "warn", advice)


def _rights(root: Path) -> tuple[bool, bool]:
    """Return whether this process has CAP_NET_RAW and CAP_NET_ADMIN."""
    status = (root / "proc/self/status").read_text(encoding="utf-8", errors="replace")
    line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    effective = int(line.split()[1], 16)
    return bool(effective >> _CAP_NET_RAW & 1), bool(effective >> _CAP_NET_ADMIN & 1)


def _capabilities(means: Means) -> Iterator[Row]:
    up = any(link.is_up for link in means.links)
    yield _right("CAP_NET_RAW", means.raw, "no", "a capture")
    yield _right("CAP_NET_ADMIN", means.admin, "warn" if up else "no", "making or raising a link")


def _right(name: str, held: bool, lack: Verdict, purpose: str) -> Row:
    if held:
        return Row(name, "held", "ok")
    remedy = "run as root, or 'setcap cap_net_raw,cap_net_admin+ep' the interpreter"
    return Row(name, "not held", lack, f"{purpose} needs it: {remedy}")


def _capture(means: Means) -> Row:
    if means.possible:
        sure = means.vsockmon is not None or bool(means.links)
        return Row("capture", "possible" if sure else "perhaps possible", "ok" if sure else "warn")
    if not means.raw:
        return Row("capture", "not possible", "no", "CAP_NET_RAW is missing")
    if means.vsockmon is False and not means.links:
        return Row("capture", "not possible", "no", "the kernel has no vsockmon")
    return Row("capture", "not possible", "no", "no vsockmon link is up, and CAP_NET_ADMIN missing")
