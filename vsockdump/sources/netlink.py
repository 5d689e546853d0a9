"""Netlink: asking the kernel, and the little of rtnetlink(7) that making one link needs."""

import os
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

ARPHRD_VSOCKMON = 826  # linux/if_arp.h
IFF_UP = 0x1  # linux/if.h
NLM_F_DUMP = 0x300  # linux/netlink.h: NLM_F_ROOT | NLM_F_MATCH

_NLMSG_ERROR, _NLMSG_DONE = 2, 3  # linux/netlink.h
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_DUMP_INTR = 0x1, 0x4, 0x10
_NLM_F_EXCL, _NLM_F_CREATE = 0x200, 0x400
_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK = 16, 17, 18  # linux/rtnetlink.h
_IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _IFLA_STATS64 = 3, 4, 18, 23  # linux/if_link.h
_IFLA_INFO_KIND = 1
_NLA_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER

# A dump's message is at most 32 KiB, one link's answer is smaller unless it has many virtual
# functions (rtnetlink.c, if_nlmsg_size()); too small a buffer would cut it silently.
_RECEIVE = 1 << 20

# struct nlmsghdr { __u32 nlmsg_len; __u16 nlmsg_type, nlmsg_flags; __u32 nlmsg_seq, nlmsg_pid; };
_NLMSGHDR = struct.Struct("=IHHII")
# struct ifinfomsg { unsigned char ifi_family, __ifi_pad; unsigned short ifi_type;
#                    int ifi_index; unsigned ifi_flags, ifi_change; };
_IFINFOMSG = struct.Struct("=BxHiII")
_RTATTR = struct.Struct("=HH")


class LinkInfo(NamedTuple):
    """A network link as the kernel lists it; the counters run since the link was made."""

    name: str
    ifindex: int
    arphrd: int  # ARPHRD_*
    flags: int  # IFF_*
    kind: str  # rtnl kind: "vsockmon", "tun"; "" for hardware and lo
    mtu: int  # bytes
    rx_packets: int
    rx_bytes: int

    @property
    def is_up(self) -> bool:
        """Whether it is administratively up: a vsockmon link taps only then."""
        return bool(self.flags & IFF_UP)

    @property
    def is_vsockmon(self) -> bool:
        """Whether its frames are LINKTYPE_VSOCK: by type, so that a stand-in counts too."""
        return self.arphrd == ARPHRD_VSOCKMON


def links() -> list[LinkInfo]:
    """List the links of this network namespace; needs no privilege. Errors: OSError."""
    while True:
        answers, whole = ask(_RTM_GETLINK, NLM_F_DUMP, _IFINFOMSG.pack(0, 0, 0, 0, 0))
        if whole:
            return [_link(body) for kind, body in answers if kind == _RTM_NEWLINK]


def find(name: str) -> LinkInfo | None:
    """Return the link called `name`, None where there is none. Errors: OSError."""
    return next((link for link in links() if link.name == name), None)


def create(name: str, kind: str = "vsockmon") -> int:
    """Make a link, down, and return its index.

    Errors: OSError with EOPNOTSUPP (the kernel has no such kind), EPERM, EEXIST, EINVAL (name).
    """
    info = _attribute(_IFLA_LINKINFO, _attribute(_IFLA_INFO_KIND, kind.encode()))
    body = _IFINFOMSG.pack(0, 0, 0, 0, 0) + _attribute(_IFLA_IFNAME, os.fsencode(name) + b"\0")
    ask(_RTM_NEWLINK, _NLM_F_ACK | _NLM_F_CREATE | _NLM_F_EXCL, body + info)
    return socket.if_nametoindex(name)


def delete(index: int) -> None:
    """Remove a link. Errors: OSError with ENODEV, EPERM, EOPNOTSUPP (hardware)."""
    ask(_RTM_DELLINK, _NLM_F_ACK, _IFINFOMSG.pack(0, 0, index, 0, 0))


def set_up(index: int, up: bool) -> None:
    """Raise a link or lower it. Errors: OSError with ENODEV, EPERM."""
    ask(_RTM_NEWLINK, _NLM_F_ACK, _IFINFOMSG.pack(0, 0, index, IFF_UP if up else 0, IFF_UP))


def ask(
    kind: int, flags: int, body: bytes, protocol: int = socket.NETLINK_ROUTE
) -> tuple[list[tuple[int, bytes]], bool]:
    """Send one request; return its answers, (type, body), and whether the list stayed as it was.

    Errors: OSError with what the kernel answers.
    """
    size = _NLMSGHDR.size + len(body)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as sock:
        sock.sendto(_NLMSGHDR.pack(size, kind, flags | _NLM_F_REQUEST, 1, 0) + body, (0, 0))
        return _collect(sock)


def _collect(sock: socket.socket) -> tuple[list[tuple[int, bytes]], bool]:
    answers: list[tuple[int, bytes]] = []
    whole = True
    while True:
        for kind, flags, body in _messages(sock.recv(_RECEIVE)):
            whole = whole and not flags & _NLM_F_DUMP_INTR
            if kind in (_NLMSG_DONE, _NLMSG_ERROR):  # errno 0: an acknowledgement, or no trouble
                _raise(-struct.unpack_from("=i", body)[0])
                return answers, whole
            answers.append((kind, body))


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + _NLMSGHDR.size <= len(data):
        size, kind, flags, _, _ = _NLMSGHDR.unpack_from(data, at)
        yield kind, flags, data[at + _NLMSGHDR.size : at + size]
        at += _align(size)


def _raise(errno: int) -> None:
    if errno:
        raise OSError(errno, os.strerror(errno))


def _link(body: bytes) -> LinkInfo:
    _, arphrd, index, flags, _ = _IFINFOMSG.unpack_from(body)
    found = _attributes(body[_IFINFOMSG.size :])
    kind = _attributes(found.get(_IFLA_LINKINFO, b"")).get(_IFLA_INFO_KIND, b"")
    # struct rtnl_link_stats64 { __u64 rx_packets, tx_packets, rx_bytes, ... };
    rx_packets, _, rx_bytes = struct.unpack_from("=QQQ", found.get(_IFLA_STATS64, bytes(24)))
    (mtu,) = struct.unpack("=I", found[_IFLA_MTU])
    name = os.fsdecode(found[_IFLA_IFNAME].rstrip(b"\0"))
    kind_name = kind.rstrip(b"\0").decode()
    return LinkInfo(name, index, arphrd, flags, kind_name, mtu, rx_packets, rx_bytes)


def _attribute(kind: int, value: bytes) -> bytes:
    padding = bytes(_align(len(value)) - len(value))
    return _RTATTR.pack(_RTATTR.size + len(value), kind) + value + padding


def _attributes(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + _RTATTR.size <= len(data):
        size, kind = _RTATTR.unpack_from(data, at)
        found[kind & _NLA_TYPE_MASK] = data[at + _RTATTR.size : at + size]
        at += _align(max(size, _RTATTR.size))
    return found


def _align(size: int) -> int:
    return size + 3 & ~3  # NLMSG_ALIGNTO and RTA_ALIGNTO are both 4
