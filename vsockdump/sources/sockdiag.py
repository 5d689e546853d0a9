"""VSOCK_DIAG: the VM sockets of this network namespace, as `ss --vsock` lists them."""

import socket
import struct
from collections.abc import Iterable
from typing import NamedTuple

from . import netlink
from .local import ANY

LISTEN = 10  # TCP_LISTEN (net/tcp_states.h)

_NETLINK_SOCK_DIAG = 4  # linux/netlink.h
_SOCK_DIAG_BY_FAMILY = 20  # linux/sock_diag.h
_ALL_STATES = 0xFFFF_FFFF

# struct vsock_diag_req { __u8 sdiag_family, sdiag_protocol; __u16 pad; __u32 vdiag_states;
#                         __u32 vdiag_ino, vdiag_show, vdiag_cookie[2]; }; linux/vm_sockets_diag.h
_REQUEST = struct.Struct("=BBHIIIII")
# struct vsock_diag_msg { __u8 vdiag_family, vdiag_type, vdiag_state, vdiag_shutdown;
#                         __u32 vdiag_src_cid, vdiag_src_port, vdiag_dst_cid, vdiag_dst_port;
#                         __u32 vdiag_ino, vdiag_cookie[2]; };
_MESSAGE = struct.Struct("=BBBBIIIIIII")


class VsockSocket(NamedTuple):
    """One socket. A CID or port that it does not have is 2^32-1 (VMADDR_CID_ANY).

    A client that was not bound to a CID has none of its own; an accepted socket has.
    """

    type: int  # SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET
    state: int  # TCP_*
    shutdown: int  # bits: 1 rcv, 2 send
    src_cid: int
    src_port: int
    dst_cid: int
    dst_port: int
    inode: int  # 0: no process has it, as before accept()


def sockets() -> list[VsockSocket]:
    """List the sockets; needs no privilege.

    Errors: OSError with ENOENT (the kernel has no vsock_diag, and could not load it),
    EPROTONOSUPPORT (nor any sock_diag).
    """
    request = _REQUEST.pack(socket.AF_VSOCK, 0, 0, _ALL_STATES, 0, 0, 0, 0)
    answers, _ = netlink.ask(_SOCK_DIAG_BY_FAMILY, netlink.NLM_F_DUMP, request, _NETLINK_SOCK_DIAG)
    return [
        VsockSocket(*_MESSAGE.unpack_from(body)[1:9])
        for kind, body in answers
        if kind == _SOCK_DIAG_BY_FAMILY and len(body) >= _MESSAGE.size
    ]


class Holders:
    """Finds the inodes of sockets by their addresses, which must not have been told in full."""

    def __init__(self, listed: Iterable[VsockSocket]) -> None:
        """Take the sockets there are; those that no process has are left out."""
        held = [entry for entry in listed if entry.inode]
        self._connected = {entry[3:7]: entry.inode for entry in held}
        self._listening = {entry[3:5]: entry.inode for entry in held if entry.state == LISTEN}

    def connected(self, cid: int, port: int, peer_cid: int, peer_port: int) -> int:
        """Return the socket of one end of a connection, 0 for none."""
        ends = (port, peer_cid, peer_port)
        return self._connected.get((cid, *ends), 0) or self._connected.get((ANY, *ends), 0)

    def listening(self, cid: int, port: int) -> int:
        """Return the socket that takes connections to an address, 0 for none."""
        return self._listening.get((cid, port), 0) or self._listening.get((ANY, port), 0)
