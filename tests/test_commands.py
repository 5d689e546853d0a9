"""What every command does where something is amiss: one sentence, and the right exit status."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from .command import ARGV, PCAPS, Result, lines, run, start, vsockdump
from .test_ending import ENDS, handles, wait_for

COMMANDS = ("flows", "problems", "stats", "credit", "ladder")
FORMS = ("", "--json", "--csv")
SLOW = PCAPS / "slow-reader.pcap.zst"
HELLO = (PCAPS / "hello.pcap").read_bytes()
HEADER = HELLO[:24]
# Root may read whatever it likes, unless it gives that up.
HUMBLE = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all")

pytestmark = pytest.mark.parametrize("command", COMMANDS)


def shell(to: str, command: str, *words: str | Path) -> Result:
    """Run a command with its streams put elsewhere."""
    return run("bash", "-c", f'"$@" {to}', "bash", *ARGV, command, *words)


# --- what it reads --------------------------------------------------------------------------------

Make = Callable[[Path], object]
UNREADABLE: list[tuple[str, Make, str]] = [
    ("empty", lambda path: path.write_bytes(b""), "an empty file, not a capture"),
    (
        "cut",
        lambda path: path.write_bytes(HELLO[:10]),
        "cut off after 10 of the 24 bytes of its header",
    ),
    ("noise", lambda path: path.write_bytes(bytes(99)), "neither pcap nor pcapng"),
    ("folder", lambda path: path.mkdir(), "Is a directory"),
    ("missing", lambda path: None, "No such file or directory"),
    ("\x1b[31m", lambda path: None, "No such file or directory"),
]


@pytest.mark.parametrize(("name", "make", "why"), UNREADABLE, ids=[row[0] for row in UNREADABLE])
def test_what_cannot_be_read(tmp_path: Path, command: str, name: str, make: Make, why: str) -> None:
    make(tmp_path / name)
    done = vsockdump(command, name, cwd=tmp_path)
    shown = name.replace("\x1b", r"\x1b")
    assert (done.returncode, done.stdout) == (2, b"")
    assert lines(done) == [f"vsockdump: {shown}: {why}"]


def test_what_may_not_be_read(tmp_path: Path, command: str) -> None:
    path = tmp_path / "secret.pcap"
    path.write_bytes(HELLO)
    path.chmod(0)
    done = run(*(() if os.geteuid() else HUMBLE), *ARGV, command, path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert lines(done) == [f"vsockdump: {path}: Permission denied"]


def test_closed_input(command: str) -> None:
    done = shell("<&-", command, "-")
    assert (done.returncode, done.stdout) == (2, b"")
    assert lines(done) == ["vsockdump: stdin: Bad file descriptor"]


@pytest.mark.parametrize("form", FORMS)
def test_a_capture_without_packets(command: str, form: str) -> None:
    done = vsockdump(command, "-", *form.split(), stdin=HEADER)
    nothing = command in ("credit", "ladder")
    assert done.returncode == 0
    assert lines(done) == ["vsockdump: no packet belongs to a connection"] * nothing
    if form == "--csv":
        assert done.stdout.decode().splitlines()[0].count(",") > 2
    elif command != "stats":
        assert (done.stdout == b"") == (nothing or form == "--json")


# --- where it prints ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("to", "why"), [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_an_output_that_takes_nothing(command: str, form: str, to: str, why: str) -> None:
    done = shell(to, command, SLOW, *form.split())
    assert (done.returncode, lines(done)) == (14, [f"vsockdump: standard output: {why}"])


@pytest.mark.parametrize("form", FORMS)
def test_a_reader_that_is_gone(command: str, form: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start(command, SLOW, *form.split(), stdout=writer)
    os.close(writer)
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 0


# --- how it ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_ends_it_in_order(tmp_path: Path, command: str, number: signal.Signals) -> None:
    path = tmp_path / "growing.pcap"
    path.write_bytes(HELLO)
    process = start(command, path, "--follow")
    wait_for(lambda: handles(process.pid, signal.SIGUSR2))
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said in (b"", b"vsockdump: no packet belongs to a connection\n")  # none was read yet
