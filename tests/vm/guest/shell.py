"""SSH over AF_VSOCK, both ends of it dropbear's.

`python -m tests.vm.guest.shell PORT` joins stdin and stdout to a port: a client's proxy command.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from .connection import dial, in_background, listen

# Program -> Debian package.
NEEDED = dict.fromkeys(("dropbear", "dropbearkey", "dbclient"), "dropbear-bin")


def run(port: int, command: str, words: bytes = b"") -> bytes:
    """Log in, run a command that is told `words`, and give what it says."""
    with tempfile.TemporaryDirectory() as folder, listen(port) as listener:
        key = f"{folder}/key"
        subprocess.run(["dropbearkey", "-t", "ed25519", "-f", key], check=True, capture_output=True)
        allow(key)
        serving = in_background(partial(serve, listener, key))
        proxy = f"{sys.executable} -m tests.vm.guest.shell {port}"
        done = subprocess.run(
            ["dbclient", "-y", "-y", "-T", "-i", key, "-J", proxy, "root@vsock", command],
            input=words, capture_output=True, check=True, timeout=120,
        )  # fmt: skip
        serving.join()
    return done.stdout


def allow(key: str) -> None:
    """Let whoever has the key log in as the machine's root."""
    show = ["dropbearkey", "-y", "-f", key]
    shown = subprocess.run(show, check=True, capture_output=True, text=True).stdout
    home = Path("~root/.ssh").expanduser()
    home.mkdir(mode=0o700, exist_ok=True)
    keys = home / "authorized_keys"
    keys.write_text("".join(line for line in shown.splitlines(True) if line.startswith("ssh-")))
    keys.chmod(0o600)


def serve(listener: socket.socket, key: str) -> None:
    """Serve one login; dropbear takes any socket but a vsock one for its stdin."""
    session, _ = listener.accept()
    session.settimeout(None)
    ours, its = socket.socketpair()
    with session, ours, its:
        end = its.fileno()
        server = subprocess.Popen(["dropbear", "-i", "-r", key], stdin=end, stdout=end)
        its.close()
        in_background(partial(copy, session, ours))
        copy(ours, session)
        server.wait()


def copy(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def speak(there: socket.socket) -> None:
    while data := os.read(0, 65536):
        there.sendall(data)
    there.shutdown(socket.SHUT_WR)


def proxy(port: int) -> None:
    with dial(port) as there:
        there.settimeout(None)
        in_background(partial(speak, there))
        while data := there.recv(65536):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    proxy(int(sys.argv[1]))
