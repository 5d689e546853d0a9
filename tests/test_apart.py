"""A child stands apart: nothing of its parent's is left but one file and the rights it needs."""

import ctypes
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from vsockdump import privileges
from vsockdump.sources.apart import stand_apart

Act = Callable[[], object]

PR_SET_DUMPABLE = 4  # linux/prctl.h
CAP_KILL, CAP_NET_ADMIN = 5, 12

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def status(before: Act, *capabilities: int) -> dict[str, str]:
    """Return /proc/PID/status of a child that has done `before` and then stood apart."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        pid = os.fork()
        if pid == 0:
            try:
                before()
                stand_apart(theirs.fileno(), "a-name-of-more-than-15", *capabilities)
                files = " ".join(sorted(os.listdir("/proc/thread-self/fd"), key=int))  # noqa: PTH208
                more = f"Files:\t{files}\nFolder:\t{os.getcwd()}\nSession:\t{os.getsid(0)}\n"  # noqa: PTH109
                with open("/proc/thread-self/status", "rb") as file:  # noqa: PTH123
                    theirs.send(file.read() + more.encode())
            finally:
                os._exit(0)
        theirs.close()
        text = ours.recv(65536).decode()
        assert os.waitpid(pid, 0) == (pid, 0)
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def test_what_is_left() -> None:
    ignored = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGQUIT)
    with Path("/dev/null").open():  # which the child has, too
        seen = status(lambda: None)
    assert seen["Name"] == "a-name-of-more-"
    assert (seen["Folder"], seen["Session"]) == ("/", seen["Pid"])
    mask = int(seen["SigIgn"], 16)
    assert all(mask >> number - 1 & 1 for number in ignored)
    assert len(seen["Files"].split()) == 5, "the standard ones, its own, and the listing itself"


@root
@pytest.mark.parametrize("wanted", [(), (CAP_KILL,), (CAP_KILL, CAP_NET_ADMIN)])
def test_only_the_rights_that_are_wanted_stay(wanted: tuple[int, ...]) -> None:
    seen = status(lambda: None, *wanted)
    mask = f"{sum(1 << number for number in wanted):016x}"
    assert (seen["CapPrm"], seen["CapEff"]) == (mask, mask)


@root
def test_who_lacks_one_keeps_none() -> None:
    seen = status(lambda: privileges.keep_only(CAP_KILL), CAP_KILL, CAP_NET_ADMIN)
    assert (seen["CapPrm"], seen["CapEff"]) == ("0" * 16, "0" * 16)


@root
def test_a_user_whose_program_file_has_capabilities() -> None:
    """The kernel gives the files in such a process's /proc/self to root."""

    def become() -> None:
        os.setresuid(65534, 65534, 65534)
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)

    seen = status(become, CAP_NET_ADMIN)
    assert (seen["Name"], seen["CapPrm"]) == ("a-name-of-more-", "0" * 16)
