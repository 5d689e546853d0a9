"""Live capture from a link: an AF_PACKET socket, its ring, and what happens to the link."""

import contextlib
import errno
import fcntl
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from vsockdump import kernels
from vsockdump.dissectors import LINKTYPE_VSOCK
from vsockdump.engine.batch import Batch
from vsockdump.engine.scan import Scanner
from vsockdump.errors import DeviceError
from vsockdump.interface import SNAPLEN, Interface
from vsockdump.messages import plural

from .ring import Ring, Statistics, accept, attach, instructions, take_statistics

RING_KIB = 65536
IDLE_MS = 250
"""The longest `Live.batches` keeps its caller waiting without a packet."""

_ETH_P_ALL = 0x0003  # linux/if_ether.h
_ETH_P_NONE = 0xFFFF  # reserved (RFC 1701): no frame has this type
_RETIRE_MS, _RETIRE_IMMEDIATE_MS = 10, 1
_LAST_RETIREMENT_S = 1.0  # longer than any timer takes: only a broken kernel needs the bound
_SIOCGIFFLAGS, _IFF_UP = 0x8913, 0x1  # linux/sockios.h, linux/if.h
_IFREQ_FLAGS = struct.Struct("=16sH22x")  # struct ifreq with ifr_flags

# sk_attach_filter() (net/core/filter.c)
_REFUSALS = {
    errno.EINVAL: "the kernel refused the filter's program",
    errno.ENOMEM: "the filter's program of {} is larger than net.core.optmem_max allows;"
    " raise that, or ask for less",
}


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)


class Live:
    """A capture from one link, from `with` on; `batches` gives what arrives.

    `ring_kib` is the ring's size; `program` a classic BPF program (struct sock_filter[] in host
    byte order) whose result is the number of bytes to keep; without one, up to `snaplen` are kept.
    `say` gets what happens to the link. Errors: DeviceError from `with`.
    """

    def __init__(  # noqa: PLR0913 - each is one of the command line's options
        self,
        name: str,
        *,
        snaplen: int = SNAPLEN,
        ring_kib: int = RING_KIB,
        immediate: bool = False,
        program: bytes = b"",
        filter_text: str = "",
        say: Callable[[str], None] = _to_stderr,
    ) -> None:
        """Remember what is wanted; `with` opens the socket."""
        self.name = name
        self.interfaces = [Interface(LINKTYPE_VSOCK, name, snaplen, kernels.running(), filter_text)]
        self.ended = ""  # why `batches` ended of itself, in words
        self._program = program or accept(snaplen)
        self._ring_kib = ring_kib
        self._retire_ms = _RETIRE_IMMEDIATE_MS if immediate else _RETIRE_MS
        self._say = say
        self._counts = Statistics(0, 0, 0)
        self._down = False
        self._stopping = False
        self._wake = -1

    def __enter__(self) -> Self:
        """Begin the capture."""
        with contextlib.ExitStack() as undo:
            try:
                self._open(undo)
            except OSError as error:
                raise DeviceError(self._why_not(error)) from error
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the socket; a Batch that is still held stays readable."""
        self._close_tap()  # the ring keeps the socket alive while a Batch looks into it
        self.statistics()
        self._wake = -1  # whoever still calls `stop` must not write to what has its number next
        self._undo.close()
        del self._ring

    def _open(self, undo: contextlib.ExitStack) -> None:
        """Give the socket its filter and ring before its link, so that nothing unfiltered gets in.

        PACKET_IGNORE_OUTGOING stays off: the tap sends on the link, so every packet is outgoing.
        """
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        undo.callback(os.close, self._wake)
        self._socket = undo.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
        self._attach()
        self._ring = Ring(self._socket, self._ring_kib, self._retire_ms)
        self._bind()
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        self._poll.register(self._socket, select.POLLIN)

    def _attach(self) -> None:
        """Give the socket its filter for good: whoever else gets the socket cannot see more."""
        try:
            attach(self._socket, self._program)
        except OSError as error:
            if error.errno not in _REFUSALS:
                raise
            size = plural(instructions(self._program), "instruction")
            why = _REFUSALS[error.errno].format(size)
            raise DeviceError(f"{self.name}: {why}") from error

    def _bind(self) -> None:
        """Hook the socket in; frames that go out reach sockets of this type alone."""
        try:
            self._socket.bind((self.name, _ETH_P_ALL))
        except UnicodeError as error:  # a name is any bytes to the kernel, UTF-8 to the socket
            raise DeviceError(
                f"{self.name}: the link's name is not UTF-8; give it another with 'ip link set'"
            ) from error

    def stop(self) -> None:
        """Have `batches` hand over what was captured until now, and end.

        A signal handler may call it, also after the end.
        """
        self._stopping = True
        if self._wake < 0:
            return
        with contextlib.suppress(OSError):  # woken 2**64 - 2 times and never asleep
            os.eventfd_write(self._wake, 1)

    def statistics(self) -> Statistics:
        """Return the counts since the beginning; after `with` those of its end."""
        if self._socket.fileno() >= 0:
            self._counts = self._counts.plus(take_statistics(self._socket))
        return self._counts

    def batches(self) -> Iterator[Batch | None]:
        """Yield what arrives, each Batch valid until the next is asked for; None when idle.

        None comes at least every IDLE_MS without packets. It ends after `stop` or, with the reason
        in `ended`, when the link is gone: both times after everything that was captured.
        """
        scanner = Scanner()
        interface = scanner.add_interface(LINKTYPE_VSOCK, snaplen=self.interfaces[0].snaplen)
        for block in self._retired():
            if block is None:
                yield None
            else:
                yield from scanner.ring(block, interface)

    def _retired(self) -> Iterator[memoryview | None]:
        """Yield each block the kernel hands over; it is given back on the next call."""
        while not (self._stopping or self.ended):
            yield from self._ready()
            self._wait()
            if self._ring.ready() is None and not self._stopping:
                yield None
        yield from self._rest()

    def _ready(self) -> Iterator[memoryview]:
        while (block := self._ring.ready()) is not None:
            yield block
            self._ring.release()
            if self._stopping:
                break

    def _rest(self) -> Iterator[memoryview]:
        """Close the tap, then yield everything until the block being filled has been retired."""
        self._close_tap()
        deadline = time.monotonic() + _LAST_RETIREMENT_S
        while self._ring.ready() is not None or self._ring.filling():
            yield from self._ready()
            if self._ring.ready() is None:
                if time.monotonic() > deadline:
                    break
                time.sleep(self._retire_ms / 1000)

    def _close_tap(self) -> None:
        """Let no more packets in, and wait for those under way.

        Binding to another type unhooks the socket and waits until no processor is in its hook
        (packet_do_bind(), synchronize_net()); a filter that refuses everything would not wait.
        """
        with contextlib.suppress(OSError):  # the link is gone, and the hook with it
            self._socket.bind((self.name, _ETH_P_NONE))

    def _wait(self) -> None:
        if self._stopping:
            return
        for fd, event in self._poll.poll(IDLE_MS):
            if fd != self._wake and event & select.POLLERR:
                self._look_at_link()
        if self._down and self._is_up():
            self._down = False
            self._say(f"{self.name}: the link is up again")

    def _look_at_link(self) -> None:
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not self._socket.getsockname()[0]:  # unbound by the kernel (NETDEV_UNREGISTER)
            self.ended = f"{self.name}: the link was removed"
        elif code == errno.ENETDOWN:
            self._down = True
            self._say(f"{self.name}: the link is down; going on when it is up again")
        elif code:
            self._say(f"{self.name}: {os.strerror(code)}")

    def _is_up(self) -> bool:
        with contextlib.suppress(OSError):
            name = self._socket.getsockname()[0]
            answer = fcntl.ioctl(self._socket, _SIOCGIFFLAGS, _IFREQ_FLAGS.pack(name.encode(), 0))
            return bool(_IFREQ_FLAGS.unpack(answer)[1] & _IFF_UP)
        return False

    def _why_not(self, error: OSError) -> str:
        """Say in one sentence why the capture cannot begin and what to do about it."""
        match error.errno:
            case errno.EPERM | errno.EACCES:
                return (
                    f"cannot capture on {self.name}: CAP_NET_RAW is missing; run as root, or"
                    f" 'setcap cap_net_raw,cap_net_admin+ep {os.path.realpath(sys.executable)}'"
                )
            case errno.ENODEV | errno.ENXIO:
                return f"{self.name}: no such link exists; 'vsockdump -D' lists those that do"
            case errno.ENOMEM | errno.EINVAL:
                return (
                    f"cannot capture on {self.name}: no memory for a ring of {self._ring_kib} KiB;"
                    " ask for less with -B"
                )
            case errno.EAFNOSUPPORT:
                return f"cannot capture on {self.name}: this kernel has no AF_PACKET sockets"
            case _:
                return f"cannot capture on {self.name}: {error.strerror}"
