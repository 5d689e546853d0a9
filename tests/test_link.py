"""A link is found, made, raised, and put back whatever ends the capture."""

import errno
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vsockdump import privileges
from vsockdump.errors import DeviceError
from vsockdump.sources import apart, link, netlink
from vsockdump.sources.link import Link
from vsockdump.sources.standin import Standin

pytestmark = pytest.mark.standin

Run = Callable[[Callable[[], object]], int]
PATIENCE_S = 20


@pytest.fixture
def made(kind: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have links of another kind made where vsockmon's are wanted; return a fitting name."""
    create = netlink.create
    monkeypatch.setattr(netlink, "create", lambda name: create(name, kind))
    return "vsockmon7"


def state(name: str) -> str:
    found = netlink.find(name)
    return "absent" if found is None else "up" if found.is_up else "down"


def becomes(name: str, wanted: str) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while state(name) != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    return state(name) == wanted


def guard() -> Path:
    """Return the folder in /proc of our guard, once it stands apart."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for child in Path("/proc/thread-self/children").read_text().split():
            folder = Path("/proc", child)
            if (folder / "comm").read_text() == "vsockdump-link\n":
                return folder
        time.sleep(0.01)
    raise AssertionError("no guard")


def test_a_link_that_is_not_there_is_made_raised_and_removed(made: str) -> None:
    with Link(made) as held:
        assert state(made) == "up"
        assert (held.name, held.made, held.raised) == (made, True, False)
        assert held.ifindex == netlink.links()[-1].ifindex
    assert state(made) == "absent"


def test_it_is_removed_when_the_body_raises(made: str) -> None:
    with pytest.raises(ZeroDivisionError), Link(made):
        _ = 1 / 0
    assert state(made) == "absent"


def test_it_is_removed_after_the_privileges_were_dropped(made: str, in_child: Run) -> None:
    said: list[str] = []

    def act() -> None:
        with Link(made, say=said.append) as held:
            privileges.drop(privileges.target("nobody"))
            with pytest.raises(PermissionError):
                netlink.delete(held.ifindex)
        assert state(made) == "absent"
        assert not said

    assert in_child(act) == 0


def test_it_is_removed_after_sigkill(made: str, in_child: Run) -> None:
    def act() -> None:
        with Link(made):
            assert state(made) == "up"
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(act) == -signal.SIGKILL
    assert becomes(made, "absent")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_there_is_a_guard_leaves_nothing_behind(
    made: str, number: int, in_child: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = netlink.create

    def create_and_signal(name: str) -> int:
        index = create(name)
        os.kill(os.getpid(), number)
        return index

    monkeypatch.setattr(netlink, "create", create_and_signal)

    def act() -> None:
        signal.signal(number, signal.default_int_handler)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        with pytest.raises(KeyboardInterrupt), Link(made):
            pass
        assert state(made) == "absent"
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask

    assert in_child(act) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_the_guard_stands_apart_does_not_end_it(
    made: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_apart = apart.stand_apart

    def signal_first(pipe: int, *rest: Any) -> None:  # noqa: ANN401
        os.kill(os.getpid(), number)
        stand_apart(pipe, *rest)

    said: list[str] = []
    monkeypatch.setattr(link, "stand_apart", signal_first)
    with Link(made, say=said.append):
        assert state(made) == "up"
    assert (state(made), said) == ("absent", [])


def test_without_a_guard_there_is_no_link(made: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(DeviceError, match=f"^cannot guard {made}: "), Link(made):
        pass
    assert state(made) == "absent"


def test_the_guard_stands_apart(made: str) -> None:
    with Link(made):
        folder = guard()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(int(folder.name), number)
        assert len({os.readlink(fd) for fd in (folder / "fd").iterdir()}) == 1  # noqa: PTH115
        assert f"CapEff:\t{1 << privileges.CAP_NET_ADMIN:016x}" in (folder / "status").read_text()
        assert int((folder / "stat").read_text().split()[5]) == int(folder.name)  # its session
        assert os.readlink(folder / "cwd") == "/"  # noqa: PTH115
    assert state(made) == "absent"


def test_another_name_is_made_only_if_asked_for(made: str) -> None:
    with pytest.raises(DeviceError, match=r"^tap0: no such link exists; .*--create"), Link("tap0"):
        pass
    with Link("tap0", create=True) as held:
        assert (held.made, state("tap0")) == (True, "up")
    assert state("tap0") == "absent"


def test_without_a_name_and_a_link_one_is_made(made: str) -> None:
    with Link() as held:
        assert (held.name, state("vsockmon0")) == ("vsockmon0", "up")
    assert state("vsockmon0") == "absent"


def test_one_removed_meanwhile_is_no_trouble(made: str) -> None:
    said: list[str] = []
    with Link(made, say=said.append) as held:
        netlink.delete(held.ifindex)
    assert not said


def test_what_cannot_be_removed_is_said(made: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(index: int) -> None:
        raise OSError(errno.EBUSY, "busy")

    said: list[str] = []
    monkeypatch.setattr(netlink, "delete", refuse)
    with Link(made, say=said.append):
        pass
    busy = os.strerror(errno.EBUSY)
    assert said == [f"{made}: could not be put back as it was ({busy}); see 'ip link'"]


def test_a_killed_guard_is_said(made: str) -> None:
    said: list[str] = []
    with Link(made, say=said.append):
        os.kill(int(guard().name), signal.SIGKILL)
    assert said == [f"{made}: could not be put back as it was (Killed); see 'ip link'"]


def test_what_cannot_be_raised_is_removed_again(made: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(index: int, up: bool) -> None:
        raise OSError(errno.EPERM, "no")

    monkeypatch.setattr(netlink, "set_up", refuse)
    with pytest.raises(DeviceError, match=f"^cannot raise {made}: CAP_NET_ADMIN"), Link(made):
        pass
    assert state(made) == "absent"


def test_a_link_that_was_down_is_raised_and_lowered(standin: Standin) -> None:
    netlink.set_up(standin.ifindex, False)
    with Link(standin.name) as held:
        assert (held.made, held.raised, state(standin.name)) == (False, True, "up")
    assert state(standin.name) == "down"


def test_one_that_was_down_is_lowered_after_sigkill(standin: Standin, in_child: Run) -> None:
    netlink.set_up(standin.ifindex, False)

    def act() -> None:
        with Link(standin.name):
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(act) == -signal.SIGKILL
    assert becomes(standin.name, "down")


def test_a_link_that_was_up_is_left_alone(standin: Standin) -> None:
    with Link(standin.name) as held:
        assert (held.made, held.raised) == (False, False)
    assert state(standin.name) == "up"


def test_without_a_name_a_link_that_is_up_is_preferred(standin: Standin) -> None:
    with Standin() as second:
        netlink.set_up(standin.ifindex, False)
        with Link() as held:
            assert held.name == second.name
        assert state(standin.name) == "down"


def test_a_link_that_another_capture_makes_meanwhile_is_left_to_it(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [None, netlink.find(standin.name)]
    monkeypatch.setattr(netlink, "find", lambda name: answers.pop(0))
    with Link(standin.name) as held:
        assert (held.made, held.raised, held.ifindex) == (False, False, standin.ifindex)
    assert standin.name in [found.name for found in netlink.links()]


def test_another_type_of_link_is_refused(namespace: None) -> None:
    with (
        pytest.raises(DeviceError, match=r"^lo: not a vsockmon link \(its type is 772"),
        Link("lo"),
    ):
        pass


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.EOPNOTSUPP, "modprobe vsockmon.*in the guest"),
        (errno.EPERM, r"CAP_NET_ADMIN.*run as root.*setcap cap_net_raw,cap_net_admin\+ep /"),
        (errno.EINVAL, "1 to 15 characters"),
        (errno.ENOMEM, os.strerror(errno.ENOMEM)),
    ],
)
def test_why_none_can_be_made(
    code: int, remedy: str, namespace: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(netlink, "create", refuse)
    with pytest.raises(DeviceError, match=f"^cannot make vsockmon0: .*{remedy}"), Link("vsockmon0"):
        pass
