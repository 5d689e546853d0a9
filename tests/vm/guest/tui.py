"""Look at real traffic in a terminal, beside tcpdump, and write down what was to be seen.

`python -m tests.vm.guest.tui FOLDER [nested]`: tui.json and the captures. It judges nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.terminal import Terminal

from .capturer import SETTLE_S, Capturer, rx_packets
from .connection import connected, read_exactly
from .counter import counter
from .links import link_state
from .nested_host import run as run_second_guest
from .record import INNER
from .traffic import PORTS, hello

PATIENCE_S = 150
SCRATCH = Path("/run/tui")
OTHER = 5200
"""A port whose traffic has the time go on."""

Seen = dict[str, Any]


def main(folder: Path, *parts: str) -> None:
    SCRATCH.mkdir()
    subprocess.run(["modprobe", "-a", "vsock_loopback", "vhost_vsock"], check=True)
    seen = nested() if parts else {"loopback": loopback(), "killed": killed()}
    (folder / "tui.json").write_text(json.dumps(seen, indent=1))
    for file in SCRATCH.glob("*.pcap*"):
        shutil.copy(file, folder)


@contextmanager
def watched(*words: str) -> Iterator[Terminal]:
    """Have a terminal show what is captured."""
    with Terminal(PATIENCE_S) as terminal:
        terminal.run("tui", "-i", "vsockmon0", *words)
        terminal.wait(" live ")
        yield terminal


def beside(terminal: Terminal, act: Callable[[], Seen]) -> Seen:
    """Do something while tcpdump captures, too; tell how it all ended, and keep the files."""
    tcpdump = ["tcpdump", "-i", "vsockmon0", "-B", "65536", "-w", str(SCRATCH / "tcpdump.pcap")]
    other = Capturer("tcpdump", tcpdump, SCRATCH)
    other.wait_ready()
    seen = act()
    time.sleep(SETTLE_S)
    rx, status = rx_packets(), other.stop()
    terminal.press("1")
    seen |= {"rx": rx, "tcpdump": [status, *other.counts()]}
    seen["counted"] = terminal.wait(f"{rx} packets")
    terminal.press("q")
    seen |= {"status": terminal.status(), "said": terminal.history(), "after": link_state()}
    saved = re.search(r"saved in (\S+)", seen["said"])
    if saved:
        shutil.copy(saved[1], SCRATCH / "saved.pcapng")
    return seen


def views(terminal: Terminal) -> Seen:
    """Look at each view once."""
    screens = {}
    for key, text in zip("1234567", VIEWS, strict=True):
        terminal.press(key)
        screens[text] = terminal.wait(f" {key} {text}")
        time.sleep(SETTLE_S)
        screens[text] = terminal.screen()
    return screens


VIEWS = ("Flows", "Packets", "Ladder", "Credit", "Follow", "Problems", "Info")


def loopback() -> Seen:
    with watched() as terminal:
        during = link_state()

        def act() -> Seen:
            hello(PORTS["hello"])
            greeted = terminal.wait(f"local:{PORTS['hello']} SF")
            return {"greeted": greeted, **stalled(terminal)}

        return {"during": during, **beside(terminal, act)}


def stalled(terminal: Terminal) -> Seen:
    """Have nobody read until the screen says so."""
    port = PORTS["slow-reader"]
    with connected(port) as (client, server):
        size = fill(client)
        hello(OTHER)
        time.sleep(2)
        hello(OTHER)
        while_it_lasts = terminal.wait(f"local:{port + 10000}", " STALLED ")
        read_exactly(server, size)
        client.settimeout(20)
        client.sendall(b"room again")
        read_exactly(server, len(b"room again"))
    terminal.press("6")
    told = terminal.wait("could not send")
    return {"stalled": while_it_lasts, "told": told, "views": views(terminal)}


def fill(client: socket.socket) -> int:
    """Send until there is no room."""
    client.setblocking(False)
    sent = 0
    try:
        while True:
            sent += client.send(counter(65536))
    except BlockingIOError:
        return sent


def killed() -> Seen:
    """SIGKILL leaves no time for anything."""
    with watched("-w", str(SCRATCH / "killed.pcapng")) as terminal:
        hello(PORTS["hello"])
        terminal.wait("9 packets")
        during = link_state()
        os.kill(terminal.program(), signal.SIGKILL)
        until = time.monotonic() + PATIENCE_S
        while (after := link_state()) != "absent" and time.monotonic() < until:
            time.sleep(0.2)
    return {"during": during, "after": after}


def nested() -> Seen:
    with watched() as terminal:

        def act() -> Seen:
            as_expected = run_second_guest(*INNER, ["hello"])
            terminal.wait("123:19999", " SF ")
            return {"as_expected": as_expected, "views": views(terminal)}

        return beside(terminal, act)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
