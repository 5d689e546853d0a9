"""Runs from a file: growing ones, and with the rights of nobody special."""

import os
import pwd
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests import captures
from tests.captures import Taken, some
from tests.command import ENVIRONMENT, PCAPS, Waiting, lines, run, start

HELLO = PCAPS / "hello.pcap"
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


# --- growing files --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [captures.pcap, captures.pcapng])
def test_following(tmp_path: Path, form: Callable[[list[Taken]], bytes]) -> None:
    path, data = tmp_path / "growing", form(some(3))
    path.write_bytes(b"")
    process = start("-tr", path, "--follow")
    assert process.stdout is not None
    assert process.stderr is not None
    with path.open("ab", buffering=0) as file:
        for at in range(0, len(data), 100):
            file.write(data[at : at + 100])
    shown = [process.stdout.readline() for _ in range(3)]
    assert shown == [f"3:1024 > host:1234 RW {6 + n % 7}\n".encode() for n in range(3)]
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=20)
    assert (process.returncode, out, said.count(b"\n")) == (0, b"", 1)


# --- privileges -----------------------------------------------------------------------------------


@pytest.fixture
def reading(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Waiting, Path]]:
    """A run as root that reads and saves, with words and environment of the test."""
    words, sudo = request.param
    before = f"env SUDO_UID={sudo} SUDO_GID={sudo}" if sudo else ""
    target = tmp_path / "out.pcap"
    waiting = Waiting("-w", target, "--print", *words, data=HELLO.read_bytes(), before=before)
    waiting.first_line()
    yield waiting, target
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.end()[0] == 0


NOBODY = pwd.getpwnam("nobody").pw_uid


@ROOT_ONLY
@pytest.mark.parametrize(
    ("reading", "uid"),
    [
        (((), ""), NOBODY),
        (((), "1234"), 1234),
        ((("-Z", "daemon"), ""), pwd.getpwnam("daemon").pw_uid),
        ((("-Z", "root"), "1234"), 0),
    ],
    indirect=["reading"],
)
def test_the_reading_process_is_nobody_special(reading: tuple[Waiting, Path], uid: int) -> None:
    waiting, target = reading
    status = Path(f"/proc/{waiting.process.pid}/status").read_text(encoding="ascii")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["Uid"].split() == [str(uid)] * 4
    assert facts["NoNewPrivs"] == "1"
    assert (int(facts["CapEff"], 16) == 0) == (uid != 0)
    assert target.stat().st_uid == uid


_DROPPED = """
import sys
from vsockdump import cli, privileges
class Nothing:
    def find_spec(self, name, *rest):
        raise AssertionError(f"{name} is imported after privileges were dropped")
privileges.drop = lambda to: sys.meta_path.insert(0, Nothing())
sys.exit(cli.main(sys.argv[1:]))
"""


CAPTURES = (
    *("hello.pcap", "bulk.pcap.zst", "hello-dumpcap.pcapng", "crafted-edge-cases.pcap"),
    *("slow-reader.pcap.zst", "backlog-full.pcap"),
)


@pytest.mark.parametrize(
    "words",
    [
        *("-v", "-vvvX", "-tttt", "-Q in", "--count", "--format tcpdump -vv", "--format jsonl"),
        *("--format csv", "-w {0} -z true", "-w {0} -C 1", "-w {0}.pcapng", "-w {0}%H -G 1"),
        *("--no-flow", "--problems", "--problems --format csv", "--problems -w {0}.pcapng"),
    ],
)
def test_nothing_is_loaded_once_privileges_are_dropped(tmp_path: Path, words: str) -> None:
    """The user dropped to may not be able to read the interpreter's files."""
    argv = words.format(tmp_path / "out").split()
    for name in CAPTURES:
        done = run(sys.executable, "-c", _DROPPED, *argv, "-Z", "root", "-r", PCAPS / name)
        assert (done.returncode, lines(done)[1:]) == (0, [])


@pytest.mark.parametrize("command", ["flows", "problems", "stats", "credit", "ladder"])
@pytest.mark.parametrize("form", ["", "--json", "--csv"])
def test_nothing_is_loaded_by_commands_either(command: str, form: str) -> None:
    for name in CAPTURES:
        argv = [command, *form.split(), "-Z", "root", str(PCAPS / name)]
        done = run(sys.executable, "-c", _DROPPED, *argv)
        assert done.returncode == 0
        assert b"is imported after" not in done.stderr


@pytest.mark.parametrize("command", ["flows", "flows --by cid", "problems", "stats", "--problems"])
def test_nothing_is_loaded_for_a_terminal_either(command: str) -> None:
    """There much more of rich is at work."""
    words = [*command.split(), *(["-r"] if command[0] == "-" else [])]
    environment = {**ENVIRONMENT, "TERM": "xterm-256color"}
    for name in CAPTURES:
        argv = ["-c", _DROPPED, *words, str(PCAPS / name), "-Z", "root"]
        with pexpect.spawn(sys.executable, argv, env=environment, dimensions=(50, 80)) as shown:
            shown.expect(pexpect.EOF)
            assert b"is imported after" not in shown.before
        assert shown.exitstatus == 0
