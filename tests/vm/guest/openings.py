"""Connections that do not come to be, and some that follow each other closely."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from socket import AF_VSOCK, SOCK_SEQPACKET, SOCK_STREAM, VMADDR_CID_HOST

from .connection import dial, dial_from, listen, read_exactly
from .truth import Truth, attempt, now

NOBODY = 77  # a CID that no machine here has
AGAIN = 10


def refused(port: int) -> Truth:
    """Nobody listens."""
    return {"error": attempt(lambda: dial(port))}


def refused_at_host(port: int) -> Truth:
    """Nobody listens at CID 2, which is the machine itself: the RST comes from there."""
    return {"error": attempt(lambda: dial(port, cid=VMADDR_CID_HOST))}


def wrong_type(port: int) -> Truth:
    """A SEQPACKET socket connects to one that listens for streams."""
    with listen(port):
        return {"error": attempt(lambda: dial(port, SOCK_SEQPACKET))}


def backlog_full(port: int) -> Truth:
    """Three connect to listen(1), which nobody accepts from: from 10000, 10001 and 10002 higher."""
    clients: list[object] = []
    with listen(port, backlog=1):
        for own in range(port + 10000, port + 10003):
            clients.append(attempt(partial(dial_from, port, own)))
        taken = [client for client in clients if isinstance(client, socket.socket)]
        for client in taken:
            client.close()
    return {"taken": len(taken), "error": clients[-1]}


def nobody(port: int) -> Truth:
    """Connect to a CID that is not there."""
    with socket.socket(AF_VSOCK, SOCK_STREAM) as client:
        client.settimeout(20)
        began = now()
        error = attempt(lambda: client.connect((NOBODY, port)))
        return {"error": error, "began": began, "ended": now()}


def reuse(port: int) -> Truth:
    """The same ports carry ten connections with no pause in between."""
    for _ in range(AGAIN):
        with listen(port) as listener, dial(port) as client:
            server, _ = listener.accept()
            with server:
                client.sendall(b"again")
                read_exactly(server, 5)
    return {"connections": AGAIN}


def reuse_server_first(port: int) -> Truth:
    """As before, but the server closes first."""
    for _ in range(AGAIN):
        with listen(port) as listener, dial(port) as client:
            server, _ = listener.accept()
            client.sendall(b"again")
            read_exactly(server, 5)
            server.close()
    return {"connections": AGAIN}


OPENINGS: dict[str, Callable[[int], Truth]] = {
    "refused": refused,
    "refused-at-host": refused_at_host,
    "wrong-type": wrong_type,
    "backlog-full": backlog_full,
    "nobody": nobody,
    "reuse": reuse,
    "reuse-server-first": reuse_server_first,
}
