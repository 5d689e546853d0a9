"""Senders that have to wait, and receivers that read in unusual ways."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from functools import partial
from socket import AF_VSOCK, SOCK_SEQPACKET, SOCK_STREAM

from .connection import connected, dial, in_background, listen, read_exactly
from .counter import counter
from .truth import Truth, attempt, fill, now, wait_for_room

STALL_S = 2.0
SMALL_PACKETS = 500


def stall(port: int) -> Truth:
    """The sender fills the window; nobody reads for STALL_S."""
    with connected(port) as (client, server):
        sent = fill(client)
        thread = in_background(lambda: read_later(server, sent, STALL_S))
        waited = wait_for_room(client)
        thread.join()
    return {"sent": sent, **waited}


def read_later(receiver: socket.socket, size: int, delay_s: float) -> None:
    time.sleep(delay_s)
    read_exactly(receiver, size)


def stalls(port: int) -> Truth:
    """The sender fills the window five times, each time read 0.3 s later."""
    waits = []
    with connected(port) as (client, server):
        for _ in range(5):
            sent = fill(client)
            thread = in_background(partial(read_later, server, sent, 0.3))
            waits.append(wait_for_room(client))
            thread.join()
    return {"waits": waits}


def deadlock(port: int) -> Truth:
    """Both ends send and neither reads for STALL_S."""
    with connected(port) as (client, server):
        there, back = fill(client), fill(server)
        began = now()
        readers = [
            in_background(lambda: read_later(server, there, STALL_S)),
            in_background(lambda: read_later(client, back, STALL_S)),
        ]
        for reader in readers:
            reader.join()
    return {"began": began, "ended": now()}


def shrunk(port: int) -> Truth:
    """The server makes its buffer smaller than what it has not read, and large again."""
    with connected(port) as (client, server):
        client.sendall(counter(100_000))
        time.sleep(0.5)
        set_buffer(server, 4096)
        room = fill(client)
        set_buffer(server, 262144)
        client.settimeout(20)
        client.sendall(b"room again")
        got = len(read_exactly(server, 100_010))
    return {"sent": 100_010, "read": got, "room": room}


def set_buffer(sock: socket.socket, size: int) -> None:
    sock.setsockopt(AF_VSOCK, socket.SO_VM_SOCKETS_BUFFER_SIZE, size)
    time.sleep(0.2)  # the CREDIT_UPDATE is on its way


def small_packets(size: int, kind: int = SOCK_STREAM) -> Callable[[int], Truth]:
    """Send many small packets, and read when all are sent."""

    def fault(port: int) -> Truth:
        with connected(port, kind) as (client, server):
            sent = attempt(lambda: send_many(client, size))
            time.sleep(0.5)
            got = attempt(lambda: len(read_exactly(server, SMALL_PACKETS * size)))
        return {"packets": SMALL_PACKETS, "size": size, "sent": sent, "read": got}

    return fault


def send_many(client: socket.socket, size: int) -> int:
    return sum(client.send(bytes(size)) for _ in range(SMALL_PACKETS))


def tiny_buffer(port: int) -> Truth:
    """The server's buffer is smaller than what newer kernels count for one packet."""
    with listen(port) as listener:
        set_buffer(listener, 512)
        with dial(port) as client:
            server, _ = listener.accept()
            with server:
                client.sendall(bytes(100))
                time.sleep(0.2)
                return {"read": attempt(lambda: len(server.recv(100)))}


def small_reads(port: int) -> Truth:
    """A megabyte, read 1000 bytes at a time."""
    left = 1_000_000
    with connected(port) as (client, server):
        thread = in_background(lambda: client.sendall(bytes(1_000_000)))
        while left:
            left -= len(server.recv(min(left, 1000)))
        thread.join()
    return {}


def ping_pong(port: int) -> Truth:
    """A byte there and a byte back, 200 times."""
    with connected(port) as (client, server):
        for _ in range(200):
            client.sendall(b"?")
            server.sendall(server.recv(1))
            client.recv(1)
    return {}


def byte_by_byte(port: int) -> Truth:
    """A byte at a time, read at once: the kernel tells of every one of them."""
    with connected(port) as (client, server):
        for _ in range(200):
            client.sendall(b"!")
            server.recv(1)
    return {}


STALLS: dict[str, Callable[[int], Truth]] = {
    "stall": stall,
    "stalls": stalls,
    "deadlock": deadlock,
    "shrunk": shrunk,
    "small-200": small_packets(200),
    "small-60": small_packets(60),
    "small-messages": small_packets(60, SOCK_SEQPACKET),
    "tiny-buffer": tiny_buffer,
    "small-reads": small_reads,
    "ping-pong": ping_pong,
    "byte-by-byte": byte_by_byte,
}
