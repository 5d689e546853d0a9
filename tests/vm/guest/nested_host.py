"""Be the host of the second guest: serve its ports, boot it, and check what it says.

`python -m tests.vm.guest.nested_host VMLINUZ INITRD MODE...`; what a mode is stands in inner.c.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from socket import SOCK_SEQPACKET, SOCK_STREAM
from typing import NamedTuple

from .connection import in_background, listen, read_exactly
from .counter import counter

GUEST_CID = 123
LIMIT_S = 400
# A kernel that dies before it says a word has met the emulator, not vsock: it is booted again.
BOOTS = 2
SERIAL = Path("/run/inner-serial")

Guest = subprocess.Popen[bytes]


def hello(guest: socket.socket) -> None:
    if read_exactly(guest, 13) == b"Hello, world!":
        guest.sendall(b"welcome")


def count(guest: socket.socket) -> None:
    guest.sendall(counter(150_000))


def messages(guest: socket.socket) -> None:
    guest.send(b"small")
    guest.send(b"M" * 10_000, socket.MSG_EOR)
    guest.send(b"L" * 70_000)


class Service(NamedTuple):
    """What one port of the host does with the connection it gets."""

    port: int
    kind: int
    serve: Callable[[socket.socket], None]


SERVICES = {
    "hello": Service(9999, SOCK_STREAM, hello),
    "count": Service(9998, SOCK_STREAM, count),
    "messages": Service(9997, SOCK_SEQPACKET, messages),
}


def serve(service: Service) -> None:
    """Serve one connection in the background, to the end the guest gives it."""
    listener = listen(service.port, service.kind)
    listener.settimeout(LIMIT_S)

    def one() -> None:
        guest, _ = listener.accept()
        with guest, listener:
            service.serve(guest)
            guest.recv(1)

    in_background(one)


def start(vmlinuz: Path, initrd: Path, modes: Sequence[str]) -> Guest:
    """Boot the second guest; what it says goes to SERIAL."""
    hardware = f"-accel tcg -cpu max -smp 1 -m 192 -device vhost-vsock-pci,guest-cid={GUEST_CID}"
    append = f"console=ttyS0 quiet panic=-1 mitigations=off modes={','.join(modes)}"
    quiet = "-nodefaults -display none -no-reboot"
    command = ["qemu-system-x86_64", *hardware.split(), *quiet.split(), "-append", append]
    command += ["-serial", f"file:{SERIAL}", "-kernel", str(vmlinuz), "-initrd", str(initrd)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


def wait(guest: Guest) -> None:
    """Let the guest run to its end."""
    guest.wait(LIMIT_S)


def run(
    vmlinuz: Path, initrd: Path, modes: Sequence[str], attend: Callable[[Guest], None] = wait
) -> bool:
    """Tell whether the guest said of every mode with a service that it went as expected."""
    served = [mode for mode in modes if mode in SERVICES]
    for mode in served:
        serve(SERVICES[mode])
    said = ""
    for _ in range(BOOTS):
        guest = start(vmlinuz, initrd, modes)
        try:
            attend(guest)
        finally:
            guest.kill()
            guest.wait()
        said = SERIAL.read_text(errors="replace")
        print(said)
        if "inner " in said:
            break
    return all(f"inner {mode}: as expected" in said for mode in served)


if __name__ == "__main__":
    sys.exit(not run(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
