"""Which process has a socket: its inode, looked for in /proc/*/fd by a child with the rights to."""

import contextlib
import os
import signal
import struct
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from vsockdump.messages import printable

from .apart import stand_apart

if TYPE_CHECKING:
    from socket import socket

MOST = 1024
"""Sockets that can be asked for at once."""

_CAP_DAC_READ_SEARCH, _CAP_SYS_PTRACE = 2, 19  # linux/capability.h
_PATIENCE_S = 5.0  # an answer takes as long as _LOOK_S, and what a busy machine adds
_LOOK_S = 0.2
_KNOWN = 64  # processes that are looked at first: they had a socket that was asked for
_INODE = struct.Struct("=I")
_OWNER = struct.Struct("=I16s")  # PID, 0 for none; /proc/PID/comm (TASK_COMM_LEN)


class Process(NamedTuple):
    """A process; its command is safe to print."""

    pid: int
    command: str

    def __str__(self) -> str:
        """Return it as it is shown: python3[812]."""
        return f"{self.command}[{self.pid}]"


class Owners:
    """A child that tells which process has a socket, after this process has lost the right to look.

    Another user's /proc/PID/fd takes CAP_DAC_READ_SEARCH to list and CAP_SYS_PTRACE to read. The
    child keeps these alone, has nothing but its end of a socket pair, takes numbers and gives
    numbers and names: nothing can be asked of it that `ss -p` would not tell root. It ends with
    this process, however that ends.

    Make it before the capture's ring: a child keeps what was mapped when it was forked.
    """

    def __init__(self, proc: str = "/proc") -> None:
        """Start the child; `proc` is another folder in tests. Errors: OSError."""
        import socket  # noqa: PLC0415 - whoever only knows what a process is starts without

        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._pid = _fork(theirs, proc)
            except OSError:
                self._ours.close()
                raise
        self._ours.settimeout(_PATIENCE_S)

    def ask(self, inodes: Sequence[int]) -> list[Process | None]:
        """Return the process that has each of at most MOST sockets; None for one that none has.

        Of several that have it, it is any. Errors: OSError if the child is gone.
        """
        self._ours.send(b"".join(map(_INODE.pack, inodes)))
        answer = self._ours.recv(len(inodes) * _OWNER.size)
        if len(answer) != len(inodes) * _OWNER.size:
            raise ConnectionResetError("the child that looks for processes has ended")
        return [_process(pid, command) for pid, command in _OWNER.iter_unpack(answer)]

    def close(self) -> None:
        """End the child."""
        self._ours.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _process(pid: int, command: bytes) -> Process | None:
    name = command.rstrip(b"\0").decode("utf-8", "replace")
    return Process(pid, printable(name)) if pid else None


def _fork(theirs: "socket", proc: str) -> int:
    """Start the child with signals held back, so that none ends it before it ignores them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _child(theirs, proc)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _child(theirs: "socket", proc: str) -> None:
    try:
        stand_apart(theirs.fileno(), "vsockdump-owner", _CAP_DAC_READ_SEARCH, _CAP_SYS_PTRACE)
        _serve(theirs, Finder(proc))
    finally:
        os._exit(0)  # never back into the caller's stack, whatever happened


def _serve(theirs: "socket", finder: "Finder") -> None:
    while request := theirs.recv(MOST * _INODE.size):
        inodes = [inode for (inode,) in _INODE.iter_unpack(request)]
        found = finder.find(inodes, time.monotonic() + _LOOK_S)
        theirs.send(b"".join(_OWNER.pack(*found.get(inode, (0, b""))) for inode in inodes))


_Owner = tuple[int, bytes]  # PID, command


class Finder:
    """Looks for sockets in the files of all processes that this one may look into."""

    def __init__(self, proc: str = "/proc") -> None:
        """Look in `proc`, another folder in tests."""
        self._proc = proc
        self._known: dict[int, None] = {}  # the last is the one found last

    def find(self, inodes: Sequence[int], until: float) -> dict[int, _Owner]:
        """Return who has what of `inodes` is found before time.monotonic() is `until`."""
        left = {f"socket:[{inode}]": inode for inode in inodes}
        found: dict[int, _Owner] = {}
        for pid in self._order():
            if not left or time.monotonic() >= until:
                break
            with contextlib.suppress(OSError):  # it ended, or is not ours to look into
                self._look(pid, left, found, until)
        return found

    def _order(self) -> Iterator[int]:
        """Yield all processes, those that had a socket before first, then the youngest."""
        known = list(reversed(self._known))
        yield from known
        listed = os.listdir(self._proc)  # noqa: PTH208 - pathlib is slow
        others = {int(name) for name in listed if name.isdecimal()}.difference(known)
        yield from sorted(others, reverse=True)

    def _look(self, pid: int, left: dict[str, int], found: dict[int, _Owner], until: float) -> None:
        """Move from `left` to `found` what one process has."""
        folder = os.open(f"{self._proc}/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY)
        try:
            for link in _links(folder):
                if link in left:
                    found[left.pop(link)] = pid, _command(folder)
                    self._remember(pid)
                if not left or time.monotonic() >= until:
                    return
        finally:
            os.close(folder)

    def _remember(self, pid: int) -> None:
        self._known.pop(pid, None)
        self._known[pid] = None
        if len(self._known) > _KNOWN:
            del self._known[next(iter(self._known))]


def _links(folder: int) -> Iterator[str]:
    """Yield what the links in a folder name."""
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                link = os.readlink(entry.name, dir_fd=folder)
            except OSError:  # it was closed meanwhile
                continue
            yield link


def _command(folder: int) -> bytes:
    """Return the command of the process whose /proc/PID/fd this is, whoever has its PID now."""
    comm = os.open("../comm", os.O_RDONLY, dir_fd=folder)
    try:
        return os.read(comm, _OWNER.size).rstrip(b"\n")
    finally:
        os.close(comm)
