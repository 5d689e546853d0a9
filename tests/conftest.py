"""What several tests need: a network namespace of their own, a link in it, captures unpacked."""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from vsockdump.sources import netlink, stream
from vsockdump.sources.standin import Standin

# No test is timed: a busy machine is not a fault.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# Nor is one run from a background job, for which shells and nohup ignore these.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)

CLONE_NEWNET = 0x40000000  # linux/sched.h
SIOCSIFNAME = 0x8923  # linux/sockios.h
KINDS = ("dummy", "ifb", "bridge", "veth")  # links that are easily made; one is in most kernels


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have local times be UTC's."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Give a capture that any program can read: not compressed."""
    folder = tmp_path_factory.mktemp("plain")

    @cache
    def unpack(path: Path) -> Path:
        if path.suffix not in (".zst", ".gz"):
            return path
        target = folder / path.stem
        with closing(stream.open_raw(str(path))) as raw:
            target.write_bytes(stream.window(raw)[0].fill_to(1 << 30))
        return target

    return unpack


@pytest.fixture
def namespace() -> Iterator[None]:
    """Let the test make links where no other test sees them."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open("rb") as home:
        if libc.unshare(CLONE_NEWNET):
            pytest.skip(f"no network namespace to be had: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            assert libc.setns(home.fileno(), CLONE_NEWNET) == 0


@pytest.fixture
def tun(namespace: None) -> None:
    """Let the test make stand-ins."""
    if not Path("/dev/net/tun").exists():
        pytest.skip("needs /dev/net/tun")


@pytest.fixture
def standin(tun: None) -> Iterator[Standin]:
    """Give a link that looks like vsockmon's."""
    with Standin() as made:
        yield made


@pytest.fixture
def odd_name(standin: Standin) -> str:
    """Give the link a name that is not UTF-8 and would colour a terminal."""
    odd = b"mon\x1b[31m\xff"
    netlink.set_up(standin.ifindex, False)
    with socket.socket() as asked:
        request = struct.pack("16s16s8x", standin.name.encode(), odd)
        fcntl.ioctl(asked, SIOCSIFNAME, request)
    netlink.set_up(standin.ifindex, True)
    return os.fsdecode(odd)


@pytest.fixture
def kind(namespace: None) -> str:
    """Name a kind of link that this kernel can make."""
    for name in KINDS:
        try:
            netlink.delete(netlink.create("trial0", name))
        except OSError:
            continue
        return name
    pytest.skip(f"this kernel makes none of {', '.join(KINDS)}")


@pytest.fixture
def in_child() -> Callable[[Callable[[], object]], int]:
    """Run a function in a child that shares nothing back: its exit code, or minus its signal."""

    def run(function: Callable[[], object]) -> int:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                function()
                code = 0
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    return run
