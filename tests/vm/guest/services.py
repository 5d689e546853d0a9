"""Real programs that talk over AF_VSOCK: HTTP, SSH and NBD. Nothing goes wrong in any of it.

`python -m tests.vm.guest.services FILE` writes what the programs saw as JSON, sizes in bytes.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import socketserver
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socket import AF_VSOCK, SOCK_STREAM, VMADDR_CID_ANY

from . import shell
from .connection import LOCAL, connected, in_background
from .truth import Truth

# Program -> Debian package, of what is not in the standard library.
NEEDED = {**shell.NEEDED, "nbdkit": "nbdkit", "nbdcopy": "libnbd-bin"}

BODIES = (1_000, 20_000, 300_000, 10_000_000)
UPLOAD = 3_000_000
SAID = 500_000
DISK = 4 << 20
MORE_THAN_A_COUNTER = 4_500_000_000  # fwd_cnt and tx_cnt begin anew at 2^32


class Bodies(BaseHTTPRequestHandler):
    """GET /N gives N bytes, POST says how many it got."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(bytes(int(self.path[1:])))

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.answer(str(len(self.rfile.read(size))).encode())

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Web(socketserver.ThreadingTCPServer):
    """An HTTP server over AF_VSOCK."""

    address_family = AF_VSOCK
    daemon_threads = True

    def __init__(self, port: int) -> None:
        self._port = port
        super().__init__(("", port), Bodies)

    def server_bind(self) -> None:
        self.socket.bind((VMADDR_CID_ANY, self._port))


def web(port: int) -> Truth:
    """Get every body on a connection of its own, then all on one, and upload something."""
    with Web(port) as server:
        in_background(server.serve_forever)
        got = [get(browser(port), size) for size in BODIES]
        kept = browser(port)
        got += [get(kept, size) for size in BODIES]
        kept.request("POST", "/", body=bytes(UPLOAD))
        uploaded = int(kept.getresponse().read())
        kept.close()
        server.shutdown()
    return {"bodies": got, "uploaded": uploaded}


def browser(port: int) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("vsock")
    connection.sock = socket.socket(AF_VSOCK, SOCK_STREAM)
    connection.sock.connect((LOCAL, port))
    return connection


def get(connection: http.client.HTTPConnection, size: int) -> int:
    connection.request("GET", f"/{size}")
    return len(connection.getresponse().read())


def login(port: int) -> Truth:
    """Log in by SSH twice: one command says a lot, the other hears a lot."""
    said = shell.run(port, f"head -c {SAID} /dev/zero")
    heard = shell.run(port, "wc -c", bytes(SAID))
    return {"said": len(said), "heard": int(heard)}


def disk(port: int) -> Truth:
    """Copy a disk of random bytes over NBD, and back."""
    with tempfile.TemporaryDirectory() as folder:
        there, here = f"{folder}/there", f"{folder}/here"
        Path(there).write_bytes(hashlib.shake_128(b"disk").digest(DISK))
        server = subprocess.Popen(["nbdkit", "-f", "--vsock", "-p", str(port), "file", there])
        time.sleep(3)
        uri = f"nbd+vsock://{LOCAL}:{port}/"
        for way in ((uri, here), (here, uri)):
            subprocess.run(["nbdcopy", *way], check=True, capture_output=True, timeout=120)
        server.terminate()
        server.wait()
        return {"same": Path(here).read_bytes() == Path(there).read_bytes()}


def wrap(port: int, size: int = MORE_THAN_A_COUNTER) -> None:
    """One connection carries more than 2^32 bytes: two minutes' work for an emulator."""
    piece, into = bytes(1 << 20), bytearray(1 << 20)
    with connected(port) as (client, server):
        in_background(partial(pour, client, piece, size))
        while size:
            size -= server.recv_into(into, min(size, len(into)))


def pour(client: socket.socket, piece: bytes, size: int) -> None:
    while size:
        size -= client.send(piece[: min(size, len(piece))])


SERVICES: dict[str, Callable[[int], Truth]] = {"web": web, "login": login, "disk": disk}
PORTS = {name: 7001 + number for number, name in enumerate(SERVICES)}


def observe(name: str) -> Truth:
    """Run one; one that breaks off is told as such: the others still count."""
    try:
        return SERVICES[name](PORTS[name])
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return {"broke_off": repr(error)}


def main(file: Path) -> None:
    file.write_text(json.dumps({name: observe(name) for name in SERVICES}, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
