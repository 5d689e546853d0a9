"""A stand-in for vsockmon on kernels without it: a TUN device that says it is one.

Frames *sent* on the device through AF_PACKET reach every capture socket as vsockmon's do: outgoing,
protocol 0, hatype 826, bytes untouched (net/core/dev.c, dev_queue_xmit_nit()).
"""

import contextlib
import errno
import fcntl
import os
import socket
import struct
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from vsockdump.errors import DeviceError

from . import netlink

MAX_FRAME = 65535
"""Bytes: a TUN device's largest MTU (drivers/net/tun.c, MAX_MTU); vsockmon's frames go to 65612."""

_TUN = "/dev/net/tun"
_TUNSETIFF, _TUNSETLINK = 0x400454CA, 0x400454CD  # linux/if_tun.h
_IFF_TUN = 0x1
_SIOCSIFMTU = 0x8922  # linux/sockios.h
# struct ifreq { char ifr_name[16]; union { short ifr_flags; int ifr_mtu; ... 24 bytes }; };
_IFREQ_FLAGS = struct.Struct("=16sH22x")
_IFREQ_MTU = struct.Struct("=16si20x")
_QUEUE_READ = MAX_FRAME + 4  # struct tun_pi before the frame


class Standin:
    """A link with vsockmon's type for as long as it is open; needs root and /dev/net/tun.

    Errors: DeviceError from `with`; OSError from `send` with EMSGSIZE above MAX_FRAME bytes.
    """

    def __init__(self, name: str = "vsockmon%d") -> None:
        """Take a name, in which the kernel makes a number of %d; `with` makes the device."""
        self.name = name
        self.ifindex = 0
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        """Make the device and raise it."""
        with contextlib.ExitStack() as undo:
            try:
                self._open(undo)
            except OSError as error:
                why = error.strerror
                raise DeviceError(f"cannot make a stand-in with {_TUN}: {why}") from error
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End a replay and remove the device."""
        self.stop()
        self._undo.close()

    def stop(self) -> None:
        """Have a replay, in another thread, end; there is none after it."""
        self._closing.set()

    def _open(self, undo: contextlib.ExitStack) -> None:
        self._tun = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        undo.callback(os.close, self._tun)  # the device goes with its descriptor
        request = _IFREQ_FLAGS.pack(self.name.encode(), _IFF_TUN)
        answer = fcntl.ioctl(self._tun, _TUNSETIFF, request)
        self.name = answer[:16].rstrip(b"\0").decode()
        fcntl.ioctl(self._tun, _TUNSETLINK, netlink.ARPHRD_VSOCKMON)  # refused once it is up
        self._socket = undo.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
        fcntl.ioctl(self._socket, _SIOCSIFMTU, _IFREQ_MTU.pack(self.name.encode(), MAX_FRAME))
        self.ifindex = socket.if_nametoindex(self.name)
        netlink.set_up(self.ifindex, True)
        self._socket.bind((self.name, 0))  # protocol 0: it sends with none and receives nothing

    def send(self, frame: bytes) -> None:
        """Send one frame: every capture socket on the link gets it before this returns."""
        try:
            self._socket.send(frame)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self._empty()
            self._socket.send(frame)

    def send_all(self, frames: Iterable[bytes]) -> int:
        """Send frames as fast as it goes; return how many."""
        count = 0
        for frame in frames:
            self.send(frame)
            count += 1
        self._empty()
        return count

    def replay(self, frames: Iterable[tuple[int, bytes]], speed: float = 1.0) -> int:
        """Send (nanoseconds, frame) pairs with their gaps, `speed` times as fast; return how many.

        It ends early when another thread calls `stop` or closes the link.
        """
        count, start, first = 0, time.monotonic_ns(), None
        for at, frame in frames:
            first = at if first is None else first
            due = start + int((at - first) / speed)
            if self._closing.wait(max(0, due - time.monotonic_ns()) / 1e9):
                break
            try:
                self.send(frame)
            except OSError:
                if self._closing.is_set():  # between the wait and the sending
                    break
                raise
            count += 1
        return count

    def _empty(self) -> None:
        """Throw away what the device queued for us.

        Kernels up to 6.18 drop when its queue of 500 is full, after the capture sockets had the
        frame. Newer ones may stop the queue before them, and go on when it is read.
        """
        with contextlib.suppress(BlockingIOError):
            while True:
                os.read(self._tun, _QUEUE_READ)
