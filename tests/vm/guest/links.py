"""Watch what vsockdump does with its link when it ends, is killed, or the link is taken from it.

`python -m tests.vm.guest.links FOLDER` writes links.json: what was seen in each scenario. It judges
nothing: what must have been seen stands in test_link.py.
"""

from __future__ import annotations

import errno
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .capturer import SETTLE_S, Capturer
from .traffic import PORTS, hello

SCRATCH = Path("/run/links")
LINK = Path("/sys/class/net/vsockmon0")
Observed = dict[str, Any]


def start(name: str, *more: str) -> Capturer:
    file = str(SCRATCH / f"{name}.pcap")
    command = [sys.executable, "-m", "vsockdump", "-i", "vsockmon0", "-w", file, *more]
    capturer = Capturer(name, command, SCRATCH)
    capturer.wait_ready()
    return capturer


def ip_link(*words: str) -> None:
    subprocess.run(["ip", "link", *words], check=True)


def link_state() -> str:
    """Say "absent", "down" or "up"."""
    try:
        return "up" if int((LINK / "flags").read_text(), 16) & 1 else "down"
    except FileNotFoundError:
        return "absent"
    except OSError as error:
        if error.errno != errno.EINVAL:  # its directory is still there, its device is not
            raise
        return "absent"


def ended(capturer: Capturer, status: int, **seen: object) -> Observed:
    return {"status": status, "stderr": capturer.stderr, "after": link_state(), **seen}


def say_hello() -> None:
    """Make nine packets and let them arrive."""
    hello(PORTS["hello"])
    time.sleep(SETTLE_S)


def normal_end() -> Observed:
    """No link is there; -c ends the capture by itself."""
    capturer = start("normal-end", "-c", "5")
    during = link_state()
    hello(PORTS["hello"])
    return ended(capturer, capturer.wait(), during=during)


def sigterm() -> Observed:
    capturer = start("sigterm")
    say_hello()
    during = link_state()
    return ended(capturer, capturer.stop(signal.SIGTERM), during=during)


def sigkill() -> Observed:
    """SIGKILL leaves no time for anything."""
    capturer = start("sigkill")
    return ended(capturer, capturer.stop(signal.SIGKILL))


def after_sigkill() -> Observed:
    """The next run, on whatever the killed one left behind."""
    before = link_state()
    capturer = start("after-sigkill")
    say_hello()
    seen = ended(capturer, capturer.stop(), before=before)
    if link_state() != "absent":
        ip_link("delete", "vsockmon0")
    return seen


def was_down() -> Observed:
    """A link that is somebody else's, and down."""
    ip_link("add", "vsockmon0", "type", "vsockmon")
    capturer = start("was-down")
    during = link_state()
    say_hello()
    return ended(capturer, capturer.stop(), during=during)


def was_up() -> Observed:
    """A link that is somebody else's, and up."""
    ip_link("set", "vsockmon0", "up")
    capturer = start("was-up")
    say_hello()
    return ended(capturer, capturer.stop())


def down_and_up() -> Observed:
    """The link goes down during the capture, and comes back."""
    capturer = start("down-and-up")
    say_hello()
    told_before = capturer.stderr
    ip_link("set", "vsockmon0", "down")
    time.sleep(SETTLE_S)
    told_down = capturer.stderr.removeprefix(told_before)
    hello(PORTS["hello"])  # nobody can see this one
    ip_link("set", "vsockmon0", "up")
    say_hello()
    return ended(capturer, capturer.stop(), told_down=told_down)


def deleted() -> Observed:
    """The link is deleted during the capture."""
    capturer = start("deleted")
    say_hello()
    ip_link("delete", "vsockmon0")
    return ended(capturer, capturer.wait(20))


def without(capability: str) -> Callable[[], Observed]:
    """Run as root, less one capability."""

    def scenario() -> Observed:
        command = ["setpriv", f"--bounding-set=-{capability}", sys.executable, "-m", "vsockdump"]
        done = subprocess.run(
            [*command, "-i", "vsockmon0", "-c", "1"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return {"status": done.returncode, "stderr": done.stderr, "after": link_state()}

    return scenario


# In this order: some find what the one before them left.
SCENARIOS: dict[str, Callable[[], Observed]] = {
    "normal_end": normal_end,
    "sigterm": sigterm,
    "sigkill": sigkill,
    "after_sigkill": after_sigkill,
    "was_down": was_down,
    "was_up": was_up,
    "down_and_up": down_and_up,
    "deleted": deleted,
    "without_net_admin": without("net_admin"),
    "without_net_raw": without("net_raw"),
}


def observe(scenario: Callable[[], Observed]) -> Observed:
    """A scenario that breaks off is told as such: the others still count."""
    try:
        return scenario()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return {"broke_off": re.sub(r"\s+", " ", str(error))}


def main(folder: Path) -> None:
    SCRATCH.mkdir()
    subprocess.run(["modprobe", "vsock_loopback"], check=True)
    observed = {name: observe(scenario) for name, scenario in SCENARIOS.items()}
    (folder / "links.json").write_text(json.dumps(observed, indent=1))
    for file in SCRATCH.glob("*.pcap"):
        shutil.copy(file, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
