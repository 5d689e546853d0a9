"""Which process has a socket: looked up in trees made here, and by the child in the real /proc."""

import itertools
import math
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from vsockdump import privileges
from vsockdump.sources import owners as module
from vsockdump.sources.owners import MOST, Finder, Owners, Process

Run = Callable[[Callable[[], object]], int]
Make = Callable[..., Path]

EVER, NEVER = math.inf, -math.inf
PATIENCE_S = 20

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Have a process with these files, and a command as /proc shows it."""
    (tmp_path / "self").mkdir()

    def begin(pid: int, *links: str, command: bytes = b"some\n") -> Path:
        folder = tmp_path / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "comm").write_bytes(command)
        for number, link in enumerate(links):
            (folder / "fd" / str(number)).symlink_to(link)
        return folder

    return begin


# --- looking ----------------------------------------------------------------------------------


def test_sockets_are_found(make: Make, tmp_path: Path) -> None:
    make(7, "/dev/null", "socket:[12]", "socket:[3]", command=b"one\n")
    make(8, "socket:[4]", "pipe:[5]", "anon_inode:[eventpoll]", command=b"two\xff\x1b\n")
    found = Finder(str(tmp_path)).find([4, 12, 5, 1], EVER)
    assert found == {12: (7, b"one"), 4: (8, b"two\xff\x1b")}
    assert Finder(str(tmp_path)).find([], EVER) == {}


def test_the_youngest_has_what_several_have(make: Make, tmp_path: Path) -> None:
    for pid in (9, 10, 100):
        make(pid, "socket:[3]")
    assert Finder(str(tmp_path)).find([3], EVER) == {3: (100, b"some")}


def test_who_had_one_before_is_looked_at_first(make: Make, tmp_path: Path) -> None:
    finder = Finder(str(tmp_path))
    make(7, "socket:[1]")
    make(8, "socket:[2]")
    assert finder.find([2], EVER) == {2: (8, b"some")}
    assert finder.find([1], EVER) == {1: (7, b"some")}
    make(9, "socket:[3]", "socket:[4]")
    for pid in (7, 8):
        (tmp_path / str(pid) / "fd" / "9").symlink_to("socket:[3]")
    assert finder.find([3, 4], EVER) == {3: (7, b"some"), 4: (9, b"some")}


def test_few_are_remembered(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KNOWN", 2)
    finder = Finder(str(tmp_path))
    for pid in (1, 2, 3):
        make(pid, f"socket:[{pid}]", "socket:[9]")
        finder.find([pid], EVER)
    make(4, "socket:[9]")
    for pid in (2, 3):
        (tmp_path / str(pid) / "fd" / "1").unlink()
    assert finder.find([9], EVER) == {9: (4, b"some")}, "1 was forgotten, 2 and 3 have it no more"


def test_what_ended_or_is_hidden_is_passed_over(make: Make, tmp_path: Path) -> None:
    finder = Finder(str(tmp_path))
    make(7, "socket:[1]")
    assert finder.find([1], EVER) == {1: (7, b"some")}
    (tmp_path / "7" / "fd").rename(tmp_path / "7" / "gone")
    (make(9, "socket:[1]") / "comm").unlink()
    (make(6) / "fd" / "0").write_text("a file")
    make(5, "socket:[1]")
    assert finder.find([1], EVER) == {1: (5, b"some")}


def test_time_is_not_spent_for_ever(make: Make, tmp_path: Path) -> None:
    make(7, "socket:[1]")
    assert Finder(str(tmp_path)).find([1], NEVER) == {}


def test_a_process_of_many_files_takes_no_longer(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(7, *["/dev/null"] * 9)
    clock = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    assert Finder(str(tmp_path)).find([1], 4) == {}
    assert next(clock) == 5, "asked before the process and behind each of four files, not of nine"


# --- the child --------------------------------------------------------------------------------


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


Pair = tuple[socket.socket, socket.socket]


def inode(sock: socket.socket) -> int:
    return os.fstat(sock.fileno()).st_ino


def myself() -> Process:
    return Process(os.getpid(), Path("/proc/self/comm").read_text().strip())


def test_our_own_sockets(pair: Pair) -> None:
    me = myself()
    with closing(Owners()) as owners:
        assert owners.ask([inode(pair[0]), 1, inode(pair[1])]) == [me, None, me]
        assert owners.ask([1] * MOST) == [None] * MOST
        assert owners.ask([inode(pair[1])] * 2) == [me, me]
    assert str(me) == f"{me.command}[{me.pid}]"


def test_commands_are_escaped(make: Make, tmp_path: Path) -> None:
    make(7, "socket:[1]", command=b"a\x1b[31m\xff[1]\n")
    make(8, "socket:[2]", command=b"sixteen bytes or more\n")
    make(2**22, "socket:[4294967295]", command="ü >".encode())
    with closing(Owners(str(tmp_path))) as owners:
        escaped, cut, last = owners.ask([1, 2, 2**32 - 1])
    assert escaped == Process(7, "a\\x1b[31m\ufffd[1]")
    assert cut == Process(8, "sixteen bytes or")
    assert last == Process(2**22, "ü >")


@root
def test_after_the_privileges_were_dropped(pair: Pair, in_child: Run) -> None:
    me, theirs = myself(), inode(pair[0])

    def act() -> None:
        for sock in pair:
            sock.close()
        with closing(Owners()) as owners:
            privileges.drop(privileges.target("nobody"))
            assert Finder().find([theirs], EVER) == {}, "else this would prove nothing"
            assert owners.ask([theirs]) == [me]

    assert in_child(act) == 0


def folder_of(owners: Owners) -> Path:
    """Return the child's folder in /proc, once it has answered and thus stands apart."""
    owners.ask([1])
    return Path("/proc", str(owners._pid))


def test_the_child_stands_apart() -> None:
    with closing(Owners()) as owners:
        folder = folder_of(owners)
        assert (folder / "comm").read_text() == "vsockdump-owner\n"
        assert len({os.readlink(fd) for fd in (folder / "fd").iterdir()}) == 1  # noqa: PTH115
        assert int((folder / "stat").read_text().split()[5]) == owners._pid  # its session
        assert os.readlink(folder / "cwd") == "/"  # noqa: PTH115
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(owners._pid, number)
        assert owners.ask([1]) == [None]
    assert not folder.exists()


@root
def test_the_child_has_two_capabilities() -> None:
    with closing(Owners()) as owners:
        status = (folder_of(owners) / "status").read_text()
    assert f"CapPrm:\t{1 << 2 | 1 << 19:016x}" in status
    assert f"CapEff:\t{1 << 2 | 1 << 19:016x}" in status


@root
def test_without_them_it_has_none_and_tells_of_its_own_user(pair: Pair, in_child: Run) -> None:
    theirs = inode(pair[0])

    def act() -> None:
        for sock in pair:
            sock.close()
        os.setresgid(456, 456, 456)
        os.setresuid(456, 456, 456)
        privileges.drop(privileges.target())
        one, other = socket.socketpair()
        with closing(Owners()) as owners, one, other:
            status = (folder_of(owners) / "status").read_text()
            assert f"CapPrm:\t{0:016x}" in status
            assert owners.ask([theirs]) == [None]

    assert in_child(act) == 0


def gone(pid: int) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_the_child_ends_with_its_parent(in_child: Run) -> None:
    read, write = os.pipe()

    def act() -> None:
        owners = Owners()
        folder_of(owners)
        os.write(write, str(owners._pid).encode())
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(act) == -signal.SIGKILL
    pid = int(os.read(read, 20))
    os.close(read)
    os.close(write)
    assert gone(pid)


def test_a_child_that_is_gone_is_an_error() -> None:
    with closing(Owners()) as owners:
        folder_of(owners)
        os.kill(owners._pid, signal.SIGKILL)
        assert gone(owners._pid)
        for _ in range(2):
            with pytest.raises(OSError, match=r"ended|Broken pipe|reset"):
                owners.ask([1])


def test_no_child_no_owners(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())

    def refuse() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(BlockingIOError):
        Owners()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
