"""After the drop nothing can be opened any more, and the files are the user's."""

import ctypes
import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vsockdump import privileges
from vsockdump.errors import DeviceError, UsageError
from vsockdump.privileges import Target

Run = Callable[[Callable[[], object]], int]
NOBODY = pwd.getpwnam("nobody")
DAEMON = pwd.getpwnam("daemon")

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def status() -> dict[str, str]:
    lines = Path("/proc/thread-self/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


@root
@pytest.mark.parametrize(
    ("user", "environment", "uid", "gid"),
    [
        (None, {}, NOBODY.pw_uid, NOBODY.pw_gid),
        (None, {"SUDO_UID": "0", "SUDO_GID": "0"}, NOBODY.pw_uid, NOBODY.pw_gid),
        (None, {"SUDO_UID": "", "SUDO_GID": ""}, NOBODY.pw_uid, NOBODY.pw_gid),
        (None, {"SUDO_UID": str(DAEMON.pw_uid)}, DAEMON.pw_uid, DAEMON.pw_gid),
        (None, {"SUDO_UID": "54321", "SUDO_GID": "54322"}, 54321, 54322),
        (None, {"SUDO_UID": "54321"}, 54321, 54321),
        ("daemon", {"SUDO_UID": "54321"}, DAEMON.pw_uid, DAEMON.pw_gid),
        ("root", {"SUDO_UID": "54321"}, 0, 0),
    ],
)
def test_target(user: str | None, environment: dict[str, str], uid: int, gid: int) -> None:
    chosen = privileges.target(user, environment)
    assert (chosen.uid, chosen.gid) == (uid, gid)
    assert gid in chosen.groups


@root
def test_an_unknown_user() -> None:
    with pytest.raises(UsageError, match=r"^-Z no-such-user: there is no such user$"):
        privileges.target("no-such-user")


@root
def test_who_is_not_root_stays_who_he_is(in_child: Run) -> None:
    def act() -> None:
        os.setgroups([7])
        os.setresgid(123, 123, 123)
        os.setresuid(456, 456, 456)
        chosen = privileges.target("daemon")
        assert chosen == Target(456, 123, (7,), "")
        privileges.drop(chosen)
        assert os.getresuid() == (456, 456, 456)
        assert status()["NoNewPrivs"] == "1"

    assert in_child(act) == 0


@root
def test_after_the_drop_nothing_is_left(in_child: Run) -> None:
    def act() -> None:
        privileges.drop(privileges.target("nobody"))
        now = status()
        assert os.getresuid() == (NOBODY.pw_uid,) * 3
        assert os.getresgid() == (NOBODY.pw_gid,) * 3
        assert os.getgroups() == os.getgrouplist("nobody", NOBODY.pw_gid)
        assert {now[f"Cap{which}"] for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
        assert now["NoNewPrivs"] == "1"
        with pytest.raises(PermissionError):
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        with pytest.raises(PermissionError):
            os.setuid(0)

    assert in_child(act) == 0


@root
def test_capabilities_of_the_file_are_cleared(in_child: Run) -> None:
    """As after setcap: a user's process with capabilities, here by PR_SET_KEEPCAPS."""

    def act() -> None:
        ctypes.CDLL(None).prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
        os.setresuid(456, 456, 456)
        privileges.keep_only(privileges.CAP_NET_ADMIN, 13)
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
        privileges.drop(privileges.target())
        assert (status()["CapPrm"], status()["CapEff"]) == ("0" * 16, "0" * 16)
        with pytest.raises(PermissionError):
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)

    assert in_child(act) == 0


@root
def test_no_program_gives_the_rights_back(tmp_path: Path, in_child: Run) -> None:
    shell = tmp_path / "id"
    shell.write_bytes(Path("/usr/bin/id").read_bytes())
    shell.chmod(0o4755)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o111)

    def act() -> None:
        os.setresuid(NOBODY.pw_uid, NOBODY.pw_uid, NOBODY.pw_uid)
        before = subprocess.run([shell, "-u"], capture_output=True, text=True, check=True)
        privileges.drop(privileges.target())
        after = subprocess.run([shell, "-u"], capture_output=True, text=True, check=True)
        assert (before.stdout, after.stdout) == ("0\n", f"{NOBODY.pw_uid}\n")

    assert in_child(act) == 0


@root
def test_root_stays_root(in_child: Run) -> None:
    def act() -> None:
        before = status()
        privileges.drop(privileges.target("root"))
        now = status()
        assert (now["Uid"], now["CapEff"]) == (before["Uid"], before["CapEff"])
        assert now["NoNewPrivs"] == "1"

    assert in_child(act) == 0


@root
def test_a_drop_that_fails_is_said(in_child: Run) -> None:
    def act() -> None:
        privileges.keep_only()  # root without CAP_SETGID
        with pytest.raises(
            DeviceError, match=r"^cannot give up root's rights to become nobody: .*-Z"
        ):
            privileges.drop(privileges.target("nobody"))

    assert in_child(act) == 0


@root
def test_files_belong_to_the_target(tmp_path: Path) -> None:
    by_path, by_number, linked = (tmp_path / name for name in ("path", "number", "linked"))
    target = Target(NOBODY.pw_uid, NOBODY.pw_gid, (), "nobody")
    by_path.touch()
    linked.symlink_to(by_path)
    with by_number.open("w") as file:
        privileges.own(file.fileno(), target)
    privileges.own(linked, target)
    assert by_path.stat().st_uid == 0
    privileges.own(by_path, target)
    for path in (by_path, by_number):
        assert (path.stat().st_uid, path.stat().st_gid) == (target.uid, target.gid)


@root
def test_devices_and_roots_files_stay_as_they_are(tmp_path: Path) -> None:
    null = Path("/dev/null")
    before = null.stat()
    with null.open("w") as file:
        privileges.own(file.fileno(), Target(4711, 4712, (), ""))
    privileges.own(null, Target(4711, 4712, (), ""))
    assert (null.stat().st_uid, null.stat().st_gid) == (before.st_uid, before.st_gid)
    path = tmp_path / "file"
    path.touch()
    os.chown(path, 4711, 4712)
    privileges.own(path, Target(0, 0, (), "root"))
    assert (path.stat().st_uid, path.stat().st_gid) == (4711, 4712)


def test_a_capture_in_a_process_of_its_own() -> None:
    """The same through a new interpreter: nothing of this one's state helps."""
    script = (
        "import socket; from vsockdump import privileges as p; p.drop(p.target())\n"
        "try: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)\n"
        "except PermissionError: print('refused')"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(privileges.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("refused\n", "")
