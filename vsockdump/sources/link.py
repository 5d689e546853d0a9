"""The vsockmon link a capture needs: found, made, raised, and put back as it was."""

import errno
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from vsockdump.errors import DeviceError
from vsockdump.privileges import CAP_NET_ADMIN

from . import netlink
from .apart import stand_apart
from .netlink import LinkInfo

DEFAULT_NAME = "vsockmon0"

_VSOCKMON_NAME = re.compile(r"vsockmon\d+")
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NAME_SIZE = 15  # IFNAMSIZ less the NUL (linux/if.h)


class Link:
    """Holds a vsockmon link up while it is open, and afterwards puts back what it changed.

    `name` None takes a vsockmon link that is up, else one that is down, else makes vsockmon0: every
    vsockmon link gets every packet of the machine, so any will do. A name that does not exist is
    made if it is vsockmonN or if `create`; a link that exists is never removed.

    Errors: DeviceError from `with`, saying what to do. `say` gets what goes wrong at the end.
    """

    def __init__(
        self, name: str | None = None, *, create: bool = False, say: Callable[[str], None] = print
    ) -> None:
        """Remember what is wanted; `with` does it."""
        self.name = name or ""
        self.ifindex = 0
        self.made = False  # it did not exist before
        self.raised = False  # it existed, and was down
        self._create = create
        self._say = say
        self._guard: _Guard | None = None

    def __enter__(self) -> Self:
        """Find or make the link, and raise it."""
        try:
            self._open()
        except BaseException:  # a signal's, too: nobody else puts the link back
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove it if it was made here, lower it if it was raised here."""
        if self._guard is not None and (problem := self._guard.release()):
            self._say(f"{self.name}: {problem}")
        self._guard = None

    def _open(self) -> None:
        found = _choose(self.name)
        self.name = found.name if found else self.name or DEFAULT_NAME
        if found is not None:
            self._take(found)
        elif not self._make():  # another capture was quicker: the link is its
            self._take(_found(self.name))

    def _make(self) -> bool:
        """Make the link and raise it; return whether it was not there yet."""
        if self.name == "any":  # libpcap's pseudo-device
            raise DeviceError("without -i every vsock packet is captured: there is no need for any")
        if not (self._create or _VSOCKMON_NAME.fullmatch(self.name)):
            raise DeviceError(
                f"{self.name}: no such link exists; name a vsockmon link such as {DEFAULT_NAME};"
                f" 'vsockdump -i {self.name} --create' makes one of this name"
            )
        with _undisturbed():
            try:
                self.ifindex = netlink.create(self.name)
            except FileExistsError:
                return False
            except OSError as error:
                raise DeviceError(_why_not(f"make {self.name}", error)) from error
            self.made = True
            self._hold(netlink.delete)
        self._raise_it()
        return True

    def _take(self, found: LinkInfo) -> None:
        if not found.is_vsockmon:
            raise DeviceError(
                f"{found.name}: not a vsockmon link (its type is {found.arphrd},"
                f" not {netlink.ARPHRD_VSOCKMON}); 'vsockdump -D' lists the links that are"
            )
        self.ifindex = found.ifindex
        if not found.is_up:
            self.raised = True
            with _undisturbed():
                self._hold(_lower)
            self._raise_it()

    def _hold(self, undo: Callable[[int], None]) -> None:
        """Have a guard; where there can be none, leave nothing to guard."""
        try:
            self._guard = _Guard(self.ifindex, undo)
        except OSError as error:
            undo(self.ifindex)
            raise DeviceError(_why_not(f"guard {self.name}", error)) from error

    def _raise_it(self) -> None:
        try:
            netlink.set_up(self.ifindex, True)
        except OSError as error:
            raise DeviceError(_why_not(f"raise {self.name}", error)) from error


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold back the signals that would end this process, until somebody puts the link back.

    The guard is forked with them held back, so that it is not ended before it ignores them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Guard:
    """A child that puts the link back when this process closes its pipe, or dies in any way.

    It is a child because netlink asks for CAP_NET_ADMIN of the sender as well as of the socket's
    opener (netlink_ns_capable()), so after the privileges are dropped no kept socket helps; and
    because nothing in this process runs after SIGKILL. It is forked, not executed: exec would
    lose capabilities that came from the file's attributes.
    """

    def __init__(self, index: int, undo: Callable[[int], None]) -> None:
        read, self._pipe = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _guard(read, index, undo)
        os.close(read)

    def release(self) -> str:
        """Have the link put back; return what went wrong, "" for nothing."""
        os.close(self._pipe)
        _, status = os.waitpid(self._pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code in (0, errno.ENODEV):  # somebody else removed it: nothing is left to undo
            return ""
        why = os.strerror(code) if code > 0 else signal.strsignal(-code)
        return f"could not be put back as it was ({why}); see 'ip link'"


def _guard(pipe: int, index: int, undo: Callable[[int], None]) -> None:
    """Wait for the end of `pipe`, undo, and leave with the error number as the exit status."""
    status = errno.EIO
    try:
        stand_apart(pipe, "vsockdump-link", CAP_NET_ADMIN)
        while os.read(pipe, 1):
            pass
        undo(index)
        status = 0
    except OSError as error:
        status = error.errno or errno.EIO
    finally:
        os._exit(status)  # never back into the caller's stack, whatever happened


def _lower(index: int) -> None:
    netlink.set_up(index, False)


def _choose(name: str) -> LinkInfo | None:
    if name:
        return netlink.find(name)
    candidates = [link for link in netlink.links() if link.is_vsockmon]
    return min(candidates, key=lambda link: not link.is_up, default=None)


def _found(name: str) -> LinkInfo:
    found = netlink.find(name)
    if found is None:
        raise DeviceError(f"{name}: somebody else made the link and removed it; try again")
    return found


def _why_not(doing: str, error: OSError) -> str:
    """Say in one sentence why a link could not be had and what to do about it."""
    match error.errno:
        case errno.EOPNOTSUPP:
            return (
                f"cannot {doing}: this kernel has no vsockmon; try 'modprobe vsockmon', and where"
                " there is no such module capture at the other end of the connection (for"
                " Firecracker, Cloud Hypervisor, libkrun and crosvm that is in the guest)"
            )
        case errno.EPERM:
            return (
                f"cannot {doing}: CAP_NET_ADMIN is missing; run as root, or 'setcap"
                f" cap_net_raw,cap_net_admin+ep {os.path.realpath(sys.executable)}',"
                " or capture on a vsockmon link that is up already"
            )
        case errno.EINVAL | errno.ERANGE:
            return (
                f"cannot {doing}: a link's name has 1 to {_NAME_SIZE} characters, no '/' or blank"
            )
        case _:
            return f"cannot {doing}: {error.strerror}"
