"""Connections that end in ways worth knowing: killed, unread, half closed, not answered."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from socket import SHUT_RD, SHUT_WR, SOCK_SEQPACKET

from .connection import connected, dial, listen, read_exactly
from .counter import counter
from .truth import PIECE, Truth, attempt, child, fill, now

HELD_S = 10.0  # longer than the 8 s after which Linux gives a close up
MEGABYTE = 1_000_000


def sender_killed(port: int) -> Truth:
    """The sender is killed while it waits for room; the receiver reads all there is."""

    def pour() -> None:
        with dial(port) as client:
            while True:
                client.sendall(counter(PIECE))

    with listen(port) as listener, child(pour) as kill:
        server, _ = listener.accept()
        with server:
            got = len(read_exactly(server, MEGABYTE))
            time.sleep(0.5)
            killed = now()
            kill()
            while more := server.recv(PIECE):
                got += len(more)
    return {"read": got, "killed": killed}


def receiver_killed(port: int) -> Truth:
    """The receiver reads a megabyte, then nothing, and is killed while the sender waits."""
    listener = listen(port)

    def sip() -> None:
        server, _ = listener.accept()
        read_exactly(server, MEGABYTE)
        time.sleep(60)

    with child(sip) as kill:
        listener.close()
        with dial(port) as client:
            for _ in range(20):  # a megabyte that ends where a packet does
                client.sendall(counter(MEGABYTE // 20))
            time.sleep(0.5)
            unread = fill(client)
            began = now()
            time.sleep(1.2)
            killed = now()
            kill()
            error = attempt(lambda: client.send(b"more"))
    return {"unread": unread, "began": began, "killed": killed, "error": error}


def message_cut(port: int) -> Truth:
    """A sender of messages is killed while its second waits for room."""

    def pour() -> None:
        with dial(port, SOCK_SEQPACKET) as client:
            client.send(bytes(200_000))
            client.send(bytes(200_000))

    with listen(port, SOCK_SEQPACKET) as listener, child(pour) as kill:
        server, _ = listener.accept()
        with server:
            time.sleep(1.2)
            kill()
            first, second = len(server.recv(400_000)), len(server.recv(400_000))
    return {"first": first, "second": second}


def unread_close(port: int) -> Truth:
    """The client sends 5000 bytes, the server closes without reading them."""
    with connected(port) as (client, server):
        client.sendall(counter(5000))
        time.sleep(0.2)
        server.close()
        return {"unread": 5000, "seen": len(client.recv(1))}


def client_half_closes(port: int) -> Truth:
    """The client sends no more; the server answers and closes."""
    with connected(port) as (client, server):
        client.sendall(b"question")
        client.shutdown(SHUT_WR)
        server.sendall(read_exactly(server, 100))
        server.close()
        return {"read": len(read_exactly(client, 100))}


def server_half_closes(port: int) -> Truth:
    """The server sends no more; the client sends on and closes."""
    with connected(port) as (client, server):
        server.sendall(b"all there is")
        server.shutdown(SHUT_WR)
        read_exactly(client, 100)
        client.sendall(bytes(100_000))
        client.close()
        return {"read": len(read_exactly(server, 200_000))}


def both_half_close(port: int) -> Truth:
    """Neither sends any more; then both close."""
    with connected(port) as (client, server):
        for one, other in ((client, server), (server, client)):
            one.sendall(b"last words")
            one.shutdown(SHUT_WR)
            read_exactly(other, 100)
    return {}


def deaf(port: int) -> Truth:
    """The server says that it receives no more; the client tries."""
    with connected(port) as (client, server):
        server.shutdown(SHUT_RD)
        time.sleep(0.2)
        return {"error": attempt(lambda: client.send(b"anybody there?"))}


def close_unanswered(port: int) -> Truth:
    """The client closes; the server has 1000 bytes to read and does nothing for HELD_S."""
    return close_and_read_after(port, HELD_S)


def close_answered_late(port: int) -> Truth:
    """As before, but the server reads and closes after 3 s."""
    return close_and_read_after(port, 3.0)


def close_and_read_after(port: int, delay_s: float) -> Truth:
    with connected(port) as (client, server):
        client.sendall(bytes(1000))
        time.sleep(0.2)
        closed = now()
        client.close()
        time.sleep(delay_s)
        return {"closed": closed, "read": attempt(lambda: len(read_all(server)))}


def read_all(sock: socket.socket) -> bytes:
    return read_exactly(sock, MEGABYTE)


def never_accepted(port: int) -> Truth:
    """The listener closes before it accepts; six bytes had been sent."""
    with listen(port) as listener, dial(port) as client:
        client.sendall(b"hello?")
        time.sleep(0.2)
        listener.close()
        return {"seen": attempt(lambda: len(client.recv(1)))}


ENDINGS: dict[str, Callable[[int], Truth]] = {
    "sender-killed": sender_killed,
    "receiver-killed": receiver_killed,
    "message-cut": message_cut,
    "unread-close": unread_close,
    "client-half-closes": client_half_closes,
    "server-half-closes": server_half_closes,
    "both-half-close": both_half_close,
    "deaf": deaf,
    "close-unanswered": close_unanswered,
    "close-answered-late": close_answered_late,
    "never-accepted": never_accepted,
}
