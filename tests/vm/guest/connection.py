"""Connections over AF_VSOCK: both ends in one process, on fixed ports."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import AF_VSOCK, SOCK_STREAM, VMADDR_CID_ANY

LOCAL = 1

Pair = tuple[socket.socket, socket.socket]


def listen(port: int, kind: int = SOCK_STREAM, backlog: int = 1) -> socket.socket:
    listener = socket.socket(AF_VSOCK, kind)
    listener.settimeout(20)
    listener.bind((VMADDR_CID_ANY, port))
    listener.listen(backlog)
    return listener


def dial(port: int, kind: int = SOCK_STREAM, cid: int = LOCAL) -> socket.socket:
    """Connect from a fixed port; one whose last connection is still ending is tried again."""
    client = socket.socket(AF_VSOCK, kind)
    client.settimeout(20)
    for _ in range(100):
        try:
            client.bind((VMADDR_CID_ANY, port + 10000))
            break
        except OSError:
            time.sleep(0.1)
    client.connect((cid, port))
    return client


@contextmanager
def connected(port: int, kind: int = SOCK_STREAM, cid: int = LOCAL) -> Iterator[Pair]:
    """Give (client, server). Connecting before accepting is fine: the kernel answers by itself."""
    with listen(port, kind) as listener, dial(port, kind, cid) as client:
        server, _ = listener.accept()
        server.settimeout(20)
        with server:
            yield client, server
    # The last RST may still be on its way: it would reset a new connection of the same two ports.
    time.sleep(0.2)


def read_exactly(sock: socket.socket, size: int) -> bytes:
    got = bytearray()
    while len(got) < size and (more := sock.recv(min(size - len(got), 65536))):
        got += more
    return bytes(got)


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def dial_from(port: int, own: int) -> socket.socket:
    client = socket.socket(AF_VSOCK, SOCK_STREAM)
    client.bind((VMADDR_CID_ANY, own))
    client.connect((LOCAL, port))
    return client
