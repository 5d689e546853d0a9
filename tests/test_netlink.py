"""rtnetlink: what it lists, makes and refuses; pyroute2 is the oracle."""

import errno
import os
import socket
import struct
from collections.abc import Callable
from typing import Any, Self

import pytest

from vsockdump.sources import netlink
from vsockdump.sources.standin import Standin

Run = Callable[[Callable[[], object]], int]


def oracle() -> list[tuple[Any, ...]]:
    pyroute2 = pytest.importorskip("pyroute2")
    with pyroute2.IPRoute() as route:
        return [
            (
                link.get_attr("IFLA_IFNAME"),
                link["index"],
                link["ifi_type"],
                link["flags"],
                (link.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") or ""),
                link.get_attr("IFLA_MTU"),
                link.get_attr("IFLA_STATS64")["rx_packets"],
                link.get_attr("IFLA_STATS64")["rx_bytes"],
            )
            for link in route.get_links()
        ]


@pytest.mark.standin
def test_lists_what_pyroute2_lists(standin: Standin) -> None:
    netlink.set_up(1, True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"counted", ("127.0.0.1", 9))
    links = netlink.links()
    assert [tuple(link) for link in links] == oracle()
    assert [(link.name, link.is_vsockmon) for link in links] == [
        ("lo", False),
        (standin.name, True),
    ]
    assert links[0].rx_packets >= 1
    assert links[1].kind == "tun"


def test_lists_without_root() -> None:
    assert "lo" in [link.name for link in netlink.links()]


@pytest.mark.standin
def test_makes_raises_lowers_removes(kind: str) -> None:
    index = netlink.create("made0", kind)
    made = netlink.find("made0")
    assert made is not None
    assert (made.ifindex, made.kind, made.is_up) == (index, kind, False)
    for up in (True, False):
        netlink.set_up(index, up)
        assert netlink.links()[-1].is_up is up
    netlink.delete(index)
    assert netlink.find("made0") is None


@pytest.mark.standin
@pytest.mark.parametrize(
    ("code", "act"),
    [
        (errno.EOPNOTSUPP, lambda kind: netlink.create("x0", "nosuchkind")),
        (errno.EEXIST, lambda kind: netlink.create("lo", kind)),
        (errno.EINVAL, lambda kind: netlink.create("a/b", kind)),
        (errno.ERANGE, lambda kind: netlink.create("n" * 16, kind)),
        (errno.ENODEV, lambda kind: netlink.delete(4711)),
        (errno.ENODEV, lambda kind: netlink.set_up(4711, True)),
        (errno.EOPNOTSUPP, lambda kind: netlink.delete(1)),  # lo
    ],
)
def test_the_kernel_refuses(kind: str, code: int, act: Callable[[str], object]) -> None:
    with pytest.raises(OSError, match=r"\[Errno \d+\] \w") as raised:
        act(kind)
    assert raised.value.errno == code


@pytest.mark.standin
def test_a_user_may_not(namespace: None, in_child: Run) -> None:
    def act() -> None:
        os.setresuid(65534, 65534, 65534)
        with pytest.raises(PermissionError):
            netlink.create("x0")
        with pytest.raises(PermissionError):
            netlink.set_up(1, True)

    assert in_child(act) == 0


class Canned:
    """A socket that answers what it was given, one answer a connection."""

    def __init__(self, answers: list[list[bytes]]) -> None:
        self.answers = answers
        self.pieces: list[bytes] = []

    def __call__(self, *_: int) -> Self:
        self.pieces = self.answers.pop(0)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert not self.pieces

    def sendto(self, data: bytes, address: tuple[int, int]) -> None:
        assert struct.unpack_from("=I", data)[0] == len(data)
        assert address == (0, 0)

    def recv(self, size: int) -> bytes:
        return self.pieces.pop(0)


def message(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


def link(name: bytes, index: int) -> bytes:
    """A message as the kernel's, with an attribute that is not known and one of odd length."""
    body = struct.pack("=BxHiII", 0, 826, index, 1, 0)
    body += struct.pack("=HH", 4 + len(name), 3) + name + bytes(-len(name) % 4)
    body += struct.pack("=HHI", 8, 4, 65568) + struct.pack("=HHI", 8, 0x3F00, 7)
    return body


def test_a_list_that_changed_meanwhile_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done = message(3, 0, bytes(4))
    interrupted = [message(16, 0x12, link(b"old\0", 2)) + done]
    whole = [message(16, 2, link(b"a\0", 2)) + message(16, 2, link(b"bcd\0", 3)), done]
    monkeypatch.setattr(socket, "socket", Canned([interrupted, whole]))
    assert [(found.name, found.ifindex, found.mtu) for found in netlink.links()] == [
        ("a", 2, 65568),
        ("bcd", 3, 65568),
    ]
