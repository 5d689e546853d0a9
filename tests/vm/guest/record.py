"""Record the captures of pcaps/, one behaviour each, inside a test machine.

`python -m tests.vm.guest.record FOLDER NAME...`; every one is held against the link's own count of
packets, and against what tcpdump says it dropped: a capture with a hole is an error.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .capturer import SETTLE_S, Capturer, rx_packets
from .nested_host import run as run_second_guest
from .services import wrap
from .traffic import BEHAVIOURS, PORTS, bulk

TCPDUMP = "tcpdump -i vsockmon0 -B 65536"
WRAP_PORT = 5100
INNER = (Path("/mnt/out/inner-vmlinuz"), Path("/mnt/out/inner-initrd"))


class Recording(NamedTuple):
    """What is done while which program captures; it writes to the file named last."""

    command: str
    act: Callable[[], object]
    links: int = 1


def behaviour(name: str) -> Callable[[], None]:
    return lambda: BEHAVIOURS[name](PORTS[name])


def tcpdump(name: str) -> Recording:
    return Recording(f"{TCPDUMP} -w {name}.pcap", behaviour(name))


def small_bulk() -> None:
    bulk(PORTS["bulk"], 600_000)


def run_modes() -> None:
    """One boot of the second guest for three captures: it is what takes the time."""
    if not run_second_guest(*INNER, ["hello", "count", "messages"]):
        raise RuntimeError("the second guest saw something else")


ANY = "tcpdump -i any -B 65536"
DUMPCAP = "dumpcap -q -i vsockmon0 -B 64"
PLAIN = ("hello", "refused", "slow-reader", "half-close", "seqpacket", "unread-close")
LOOPBACK = {
    **{
        name: tcpdump(name)
        for name in (*PLAIN, "buffer-change", "backlog-full", "reuse", "many-unread")
    },
    "bulk": Recording(f"{TCPDUMP} -w bulk.pcap", small_bulk),
    "snaplen-96": Recording(f"{TCPDUMP} -s 96 -w snaplen-96.pcap", behaviour("bulk")),
    "loopback-to-cid-2": Recording(
        f"{TCPDUMP} -w loopback-to-cid-2.pcap", behaviour("to-host-cid")
    ),
    "any-sll1": Recording(f"{ANY} -y LINUX_SLL -w any-sll1.pcap", behaviour("hello"), links=2),
    "any-sll2": Recording(f"{ANY} -y LINUX_SLL2 -w any-sll2.pcap", behaviour("hello"), links=2),
    "wrap": Recording(f"{TCPDUMP} -s 76 -w wrap.pcap", lambda: wrap(WRAP_PORT)),
    "hello-dumpcap": Recording(f"{DUMPCAP} -w hello-dumpcap.pcapng", behaviour("hello")),
}


def record(recording: Recording, name: str, folder: Path) -> None:
    """Capture what `act` makes the kernel do, and check that all of it is there."""
    subprocess.run(["ip", "link", "add", "vsockmon1", "type", "vsockmon"], check=True)
    state = "up" if recording.links == 2 else "down"
    subprocess.run(["ip", "link", "set", "vsockmon1", state], check=True)
    before = rx_packets()
    with_capturer(name, recording.command, folder, recording.act)
    expected = recording.links * (rx_packets() - before)
    subprocess.run(["ip", "link", "delete", "vsockmon1"], check=True)
    written = packets(folder / recording.command.split()[-1])
    print(f"{name}: {written} packets, {recording.command}")
    if written != expected:
        raise RuntimeError(f"{name}: {written} packets in the file, the links had {expected}")


def with_capturer(name: str, command: str, folder: Path, act: Callable[[], object]) -> None:
    words = command.split()
    words[-1] = str(folder / words[-1])
    if words[0] == "tcpdump":
        words += ["-Z", "root"]  # the folder is root's
    capturer = Capturer(name, words, folder)
    capturer.wait_ready()
    act()
    time.sleep(SETTLE_S)
    status = capturer.stop()
    if status or re.search(r"^[1-9]\d* packets? dropped", capturer.stderr, re.M):
        raise RuntimeError(f"{name}: exit {status}, {capturer.stderr}")


def packets(file: Path) -> int:
    done = subprocess.run(
        ["tcpdump", "-r", str(file), "--count"], capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[0])


def record_nested(folder: Path) -> None:
    """Capture what the second guest says to three ports of its host, a file for each port."""
    files = {"nested-hello": 9999, "split": 9998, "split-seqpacket": 9997}
    capturers = []
    for name, port in files.items():
        swapped = int.from_bytes(port.to_bytes(4, "little"))
        ports = f"link[16:4] = {swapped:#x} or link[20:4] = {swapped:#x}"
        command = [*TCPDUMP.split(), "-Z", "root", "-w", str(folder / f"{name}.pcap"), ports]
        capturers.append(Capturer(name, command, folder))
    for capturer in capturers:
        capturer.wait_ready()
    before = rx_packets()
    run_modes()
    time.sleep(SETTLE_S)
    for capturer in capturers:
        capturer.stop()
        print(f"{capturer.name}: {capturer.counts()}")
    if sum(capturer.counts().captured for capturer in capturers) != rx_packets() - before:
        raise RuntimeError("some packets are in no file")


def main(folder: Path, names: Sequence[str]) -> None:
    folder.mkdir(exist_ok=True)
    subprocess.run(["modprobe", "-a", "vsockmon", "vsock_loopback"], check=True)
    subprocess.run(["ip", "link", "add", "vsockmon0", "type", "vsockmon"], check=True)
    subprocess.run(["ip", "link", "set", "vsockmon0", "up"], check=True)
    for name in LOOPBACK if "loopback" in names else ():
        record(LOOPBACK[name], name, folder)
    if "nested" in names:
        subprocess.run(["modprobe", "vhost_vsock"], check=True)
        record_nested(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
