"""What a view says while it has nothing to show: what is done about it, or can be."""

from vsockdump.browsing.opened import Opened, Reading
from vsockdump.messages import printable

_ADVICE = """\
No packets yet.

Whatever the machine sends and receives over vsock is seen here as soon as it does. If you know that
it does, and nothing comes:

  * The kernel has to have the packets: capture in the guest, or on the host of QEMU with
    vhost-vsock. With Firecracker, Cloud Hypervisor, crosvm and libkrun the host's end is a Unix
    socket, so capture in the guest. Hyper-V's and VMware's transports are never tapped.
  * A guest that has not started its driver answers nothing, and nothing is seen of those who call.
  * What is captured may be only what an expression takes.

`vsockdump doctor`, the table in Info (7), says what this machine can see."""


def nothing(opened: Opened, filtered: bool, what: str) -> str:
    """Return the text where there is no `what`, such as connection; `filtered`: that matches."""
    if opened.state is Reading.BEGUN:
        return _reading(opened)
    if filtered and opened.count:
        return f"No {what} matches the display filter."
    if opened.state is Reading.FOLLOWING and not opened.count:
        return _ADVICE
    return f"There is no {what if opened.count else 'packet'} in it."


def _reading(opened: Opened) -> str:
    progress = opened.progress
    far = "" if progress is None else f": {progress:.0%}"
    return f"reading {printable(opened.path)}{far}"
