"""What a view says while it has nothing to show: what is done about it, or can be."""

from vsockdump.browsing.opened import Opened, Reading
from vsockdump.messages import printable

_ADVICE = (
    "No packets yet.",
    "Whatever this machine sends and receives over vsock is seen here as soon as it does. If you"
    " know that it does, and nothing comes:",
    "• The kernel has to have the packets: capture in the guest, or on the host of QEMU with"
    " vhost-vsock. With Firecracker, Cloud Hypervisor, crosvm and libkrun the host's end is a Unix"
    " socket, so capture in the guest. Hyper-V's and VMware's transports are never tapped.",
    "• Of calls to a guest that has not started its driver nothing is seen.",
    "• What is captured may be only what an expression takes.",
    "What `vsockdump doctor` says of this machine stands in Info (7).",
)


def nothing(opened: Opened, filtered: bool, what: str) -> str:
    """Return the text where there is no `what`, such as connection; `filtered`: that matches."""
    if opened.state is Reading.BEGUN:
        return _reading(opened)
    if filtered and opened.count:
        return f"No {what} matches the display filter."
    if opened.state is Reading.FOLLOWING and not opened.count:
        return "\n\n".join(_ADVICE)
    return f"There is no {what if opened.count else 'packet'} in it."


def _reading(opened: Opened) -> str:
    progress = opened.progress
    far = "" if progress is None else f": {progress:.0%}"
    name = "standard input" if opened.path == "-" else printable(opened.path)
    return f"reading {name}{far}"
