"""VSOCK_DIAG: what is asked, byte by byte, and what the answers say."""

import errno
import os
import socket
import struct
from typing import Self

import pytest

from vsockdump.sources import sockdiag
from vsockdump.sources.sockdiag import Holders, VsockSocket, sockets

ANY = 0xFFFF_FFFF


class Kernel:
    """A netlink socket that answers what it was given."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.asked: list[object] = []

    def __call__(self, *made: int) -> Self:
        self.asked += made
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.asked.append("closed")

    def sendto(self, data: bytes, address: tuple[int, int]) -> None:
        self.asked += [data, address]

    def recv(self, size: int) -> bytes:
        return self.answers.pop(0)[:size]


def message(kind: int, body: bytes, flags: int = 2) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


def listed(entry: VsockSocket, more: bytes = b"") -> bytes:
    head = struct.pack("=BBBB", 40, entry.type, entry.state, entry.shutdown)
    ends = struct.pack("=IIII", entry.src_cid, entry.src_port, entry.dst_cid, entry.dst_port)
    return message(20, head + ends + struct.pack("=III", entry.inode, 0xDEAD, 0xBEEF) + more)


DONE = message(3, bytes(4))
CLIENT = VsockSocket(1, 1, 0, ANY, 1024, 3, 5001, 4711)
SERVER = VsockSocket(5, 1, 3, 1, 5001, 1, 1024, 0)
LISTENER = VsockSocket(1, 10, 0, ANY, 5001, ANY, ANY, 2**32 - 1)


def test_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(DONE)
    monkeypatch.setattr(socket, "socket", kernel)
    assert sockets() == []
    request = struct.pack("=BBHIII8x", 40, 0, 0, 0xFFFF_FFFF, 0, 0)
    head = struct.pack("=IHHII", 16 + 24, 20, 0x301, 1, 0)
    asked = (socket.AF_NETLINK, socket.SOCK_RAW, 4, head + request, (0, 0), "closed")
    assert tuple(kernel.asked) == asked


def test_answers_in_several_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    other = message(99, bytes(32))
    pieces = (listed(CLIENT) + listed(SERVER), other + listed(LISTENER, b"more"), DONE)
    monkeypatch.setattr(socket, "socket", Kernel(*pieces))
    assert sockets() == [CLIENT, SERVER, LISTENER]
    assert LISTENER.state == sockdiag.LISTEN


def test_an_answer_that_is_cut_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", Kernel(message(20, bytes(28)) + DONE))
    assert sockets() == []


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EOPNOTSUPP, errno.EPERM])
@pytest.mark.parametrize("kind", [2, 3])
def test_the_kernel_refuses(kind: int, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = message(kind, struct.pack("=i", -code) + bytes(16))
    monkeypatch.setattr(socket, "socket", Kernel(listed(CLIENT) + refusal))
    with pytest.raises(OSError, match=os.strerror(code)) as raised:
        sockets()
    assert raised.value.errno == code


def test_holders_by_what_is_told_of_their_addresses() -> None:
    bound = CLIENT._replace(src_cid=7, src_port=2000, inode=5)
    held = SERVER._replace(inode=6)
    holders = Holders([CLIENT, SERVER, LISTENER, bound, held._replace(src_port=9), held])
    assert holders.connected(1, 1024, 3, 5001) == holders.connected(4, 1024, 3, 5001) == 4711
    assert holders.connected(7, 2000, 3, 5001) == 5
    assert holders.connected(1, 5001, 1, 1024) == 6
    other = [(1, 1025, 3, 5001), (1, 1024, 4, 5001), (1, 1024, 3, 5002), (8, 2000, 3, 5001)]
    assert [holders.connected(*ends) for ends in other] == [0] * 4


def test_an_own_address_goes_before_none() -> None:
    holders = Holders([CLIENT, CLIENT._replace(src_cid=1, inode=5)])
    assert holders.connected(1, 1024, 3, 5001) == 5
    assert holders.connected(2, 1024, 3, 5001) == 4711


def test_what_no_process_has_is_nobodys() -> None:
    assert Holders([SERVER]).connected(1, 5001, 1, 1024) == 0
    assert Holders([LISTENER._replace(inode=0)]).listening(1, 5001) == 0


def test_only_a_listener_listens() -> None:
    bound = LISTENER._replace(state=7, src_port=6000)
    local = LISTENER._replace(src_cid=1, inode=8)
    holders = Holders([LISTENER, bound, local, CLIENT])
    assert holders.listening(1, 5001) == 8
    assert holders.listening(2, 5001) == LISTENER.inode
    assert holders.listening(1, 6000) == holders.listening(ANY, 1024) == 0


def test_this_kernel_answers_or_says_that_it_cannot() -> None:
    """Where there is vsock_diag, a listening socket of ours is in the list."""
    try:
        before = sockets()
    except OSError as error:
        assert error.errno in (errno.ENOENT, errno.EPROTONOSUPPORT)
        return
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as listener:
        listener.bind((socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY))
        listener.listen()
        inode = os.fstat(listener.fileno()).st_ino
        (found,) = [entry for entry in sockets() if entry not in before and entry.inode == inode]
    port = found.src_port
    assert found == VsockSocket(socket.SOCK_STREAM, 10, 0, ANY, port, ANY, ANY, inode)
