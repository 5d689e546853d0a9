"""Make one behaviour of AF_VSOCK over loopback, and check that it happened.

`python -m tests.vm.guest.traffic BEHAVIOUR...`; a behaviour that goes otherwise ends with status 1.
Ports are fixed: the server's is in PORTS, the client's is 10000 higher.
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
from collections.abc import Callable
from socket import AF_VSOCK, SOCK_SEQPACKET

from .connection import LOCAL, connected, dial, dial_from, in_background, listen, read_exactly
from .counter import counter

PORTS = {
    name: 5001 + index
    for index, name in enumerate(
        (
            *("hello", "refused", "bulk", "slow-reader", "half-close", "seqpacket"),
            *("unread-close", "buffer-change", "backlog-full", "reuse", "to-host-cid"),
            "many-unread",
        )
    )
}
MESSAGES = (1, 128, 4096, 65536, 65537, 150000)
BULK_SIZE = 2_000_000
STALL_S = 2.0


class UnexpectedError(Exception):
    """The kernel did not behave as the behaviour's name says."""


def expect(true: bool, otherwise: str) -> None:
    if not true:
        raise UnexpectedError(otherwise)


def hello(port: int, cid: int = LOCAL) -> None:
    """The client sends 13 bytes, the server answers 7, the client closes first."""
    with connected(port, cid=cid) as (client, server):
        client.sendall(b"Hello, world!")
        expect(read_exactly(server, 13) == b"Hello, world!", "the server read something else")
        server.sendall(b"welcome")
        expect(read_exactly(client, 7) == b"welcome", "the client read something else")
        client.close()
        expect(server.recv(1) == b"", "the server saw no end")


def to_host_cid(port: int) -> None:
    """As hello, but to CID 2: the answers come from CID 1."""
    hello(port, socket.VMADDR_CID_HOST)


def refused(port: int) -> None:
    """Nobody listens."""
    try:
        dial(port).close()
    except ConnectionResetError:
        return
    raise UnexpectedError("somebody listened")


def bulk(port: int, size: int = BULK_SIZE) -> None:
    """The client sends `size` bytes of the counter; the server reads at once."""
    with connected(port) as (client, server):
        thread = in_background(lambda: client.sendall(counter(size)))
        expect(read_exactly(server, size) == counter(size), "not the counter")
        thread.join()


def slow_reader(port: int) -> None:
    """The client sends 300000 bytes into a window of 262144; nobody reads for 2 s."""
    with connected(port) as (client, server):
        began = time.monotonic()
        took: list[float] = []

        def send() -> None:
            client.sendall(counter(300_000))
            took.append(time.monotonic() - began)

        thread = in_background(send)
        time.sleep(STALL_S)
        expect(not took, "all was sent although nobody read")
        expect(read_exactly(server, 300_000) == counter(300_000), "not the counter")
        thread.join()


def half_close(port: int) -> None:
    """The client says it will send no more, and then gets all it sent back."""
    with connected(port) as (client, server):
        client.sendall(b"echo this")
        client.shutdown(socket.SHUT_WR)
        request = read_exactly(server, 100)
        server.sendall(request)
        server.close()
        expect(read_exactly(client, 100) == b"echo this", "another echo")


def seqpacket(port: int) -> None:
    """The client sends one message of each size in MESSAGES, the last with MSG_EOR."""
    with connected(port, SOCK_SEQPACKET) as (client, server):
        for size in MESSAGES:
            last = socket.MSG_EOR if size == MESSAGES[-1] else 0
            expect(client.send(counter(size), last) == size, f"{size} bytes were not taken")
            got, _, flags, _ = server.recvmsg(200_000)
            expect(got == counter(size), f"the message of {size} bytes is another")
            expect(flags & socket.MSG_EOR == last, f"MSG_EOR is wrong at {size} bytes")


def unread_close(port: int) -> None:
    """The client sends 5000 bytes, the server closes without reading; the client sees an end."""
    with connected(port) as (client, server):
        client.sendall(counter(5000))
        time.sleep(0.2)
        server.close()
        expect(client.recv(1) == b"", "no plain end for the sender")


def buffer_change(port: int) -> None:
    """The server's buffer is 262144, then 4096 below 100000 unread bytes, 1048576, and 128."""
    with connected(port) as (client, server):
        client.sendall(counter(100_000))
        _set_buffer(server, 4096)
        client.setblocking(False)
        try:
            client.send(b"no room")
            raise UnexpectedError("the sender was not stopped")
        except BlockingIOError:
            client.settimeout(20)
        server.setsockopt(AF_VSOCK, socket.SO_VM_SOCKETS_BUFFER_MAX_SIZE, 1 << 20)
        _set_buffer(server, 1 << 20)
        client.sendall(b"room again")
        _set_buffer(server, 128)
        expect(read_exactly(server, 100_010) == counter(100_000) + b"room again", "other bytes")


def _set_buffer(sock: socket.socket, size: int) -> None:
    # Newer kernels reset a connection when data still on its way does not fit any more.
    time.sleep(0.5)
    sock.setsockopt(AF_VSOCK, socket.SO_VM_SOCKETS_BUFFER_SIZE, size)
    now = sock.getsockopt(AF_VSOCK, socket.SO_VM_SOCKETS_BUFFER_SIZE)
    expect(now == size, f"the buffer is {now}, not {size}")
    time.sleep(0.2)  # the CREDIT_UPDATE is on its way to the peer


def backlog_full(port: int) -> None:
    """listen(1) takes two that nobody accepts; the third is reset."""
    with listen(port, backlog=1), dial(port), dial_from(port, 20001):
        try:
            dial_from(port, 20002).close()
        except ConnectionResetError:
            return
        raise UnexpectedError("a third connection was taken")


def reuse(port: int) -> None:
    """The same two ports carry three connections, one after the other."""
    for _ in range(3):
        hello(port)


def many_unread(port: int) -> None:
    """600 packets of 200 bytes before the server reads: well within credit."""
    with connected(port) as (client, server):
        for start in range(0, 120_000, 200):
            client.sendall(counter(120_000)[start : start + 200])
        time.sleep(0.5)
        expect(read_exactly(server, 120_000) == counter(120_000), "not the counter")


BEHAVIOURS: dict[str, Callable[[int], None]] = {
    "hello": hello,
    "refused": refused,
    "bulk": bulk,
    "slow-reader": slow_reader,
    "half-close": half_close,
    "seqpacket": seqpacket,
    "unread-close": unread_close,
    "buffer-change": buffer_change,
    "backlog-full": backlog_full,
    "reuse": reuse,
    "to-host-cid": to_host_cid,
    "many-unread": many_unread,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("behaviours", nargs="+", choices=BEHAVIOURS, metavar="BEHAVIOUR")
    for name in parser.parse_args().behaviours:
        try:
            BEHAVIOURS[name](PORTS[name])
        except (UnexpectedError, OSError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        print(f"{name}: as expected")
    return 0


if __name__ == "__main__":
    sys.exit(main())
