"""The terminal interface on files, as its users have it: in a terminal, with a shell behind it."""

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests import captures
from tests.captures import START, Taken, frame
from tests.command import ARGV, ENVIRONMENT, PCAPS, vsockdump
from tests.terminal import PATIENCE_S, PROMPT, Terminal

SLOW = PCAPS / "slow-reader.pcap.zst"
READ = "slow-reader.pcap.zst · 12 packets"

VIEWS = {
    "1": "local:15004 > local:5004 STALLED",
    "2": "src_cid   1",
    "3": "├──────── REQUEST stream, buf 262144 ──────▶│",
    "4": "window  ⣿ in flight  ░ stalled",
    "5": "connection 1: local:15004 > local:5004, stream",
    "6": "problem: stall",
    "7": "interface 0  no name, VSOCK (Linux vsock), snapshot length 262144",
}
"""By its key, what of this capture only that view says."""

DAMAGE = "damaged at byte 780: the file ends 72 bytes into a record"
BACK, CURSOR = b"\x1b[?1049l", b"\x1b[?25h"

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal() as made:
        yield made


def shown(terminal: Terminal, *words: str | Path, until: str = READ) -> None:
    """Have it show a file, and all of that."""
    terminal.run("tui", *(words or [SLOW]))
    terminal.wait(until)


def spawn(*words: str | Path, **environment: str) -> "pexpect.spawn[bytes]":
    """Begin one command line in a terminal without a shell."""
    variables = {**ENVIRONMENT, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
    argv = [*ARGV[1:], *map(str, words)]
    return pexpect.spawn(ARGV[0], argv, env=variables, dimensions=(24, 80), timeout=60)


def told(screen: str) -> str:
    """Return what stty said."""
    return screen.partition("speed")[2].partition(PROMPT.rstrip())[0].strip()


# --- a visit --------------------------------------------------------------------------------------


def test_a_visit(terminal: Terminal) -> None:
    terminal.line("stty -a")
    before, settings = terminal.state(), told(terminal.wait("echoctl"))
    terminal.line("clear")
    shown(terminal)
    for key in "12345671":
        terminal.press(key)
        screen = terminal.wait(VIEWS[key])
        assert not any(text in screen for other, text in VIEWS.items() if other != key)
    assert terminal.state()["alternate_on"] == "1"
    terminal.press("q")
    assert terminal.status() == 0
    assert terminal.state() == before
    assert "1 Flows" not in terminal.history()
    terminal.line("clear; stty -a")
    assert told(terminal.wait("echoctl")) == settings


def test_help_is_over_the_view(terminal: Terminal) -> None:
    shown(terminal)
    terminal.press("?")
    terminal.wait("In Flows")
    terminal.press("Escape")
    terminal.wait(VIEWS["1"], gone="In Flows")


def test_a_display_filter_is_judged_while_it_is_typed(terminal: Terminal) -> None:
    shown(terminal)
    terminal.press("2")
    terminal.type("/op nosuch")
    terminal.wait("filter ✗ op nosuch", "'nosuch' is no value of op")
    terminal.press("Enter", "C-u")
    terminal.type("op rw")
    terminal.wait("filter ✓ op rw")
    terminal.press("Enter")
    screen = terminal.wait("/op rw: 5 ", gone="filter ✓")
    assert "REQUEST" not in screen
    terminal.type("/")
    terminal.press("C-u")
    terminal.type("op rst")
    terminal.press("Enter")
    terminal.wait("/op rst: 2 ", "RST")


def test_what_no_longer_matches_is_gone(terminal: Terminal) -> None:
    shown(terminal, PCAPS / "backlog-full.pcap", until="local:20002 > local:5009")
    terminal.type("/port 20001")
    terminal.press("Enter")
    screen = terminal.wait("1 connection with packets that match", gone="local:20002")
    assert screen.count("local:20001") == 1


def test_a_number_goes_to_its_packet(terminal: Terminal) -> None:
    shown(terminal)
    terminal.type(":5")
    terminal.press("Enter")
    terminal.wait("number    5", "op        4 PAYLOAD")
    terminal.type(":13")
    terminal.press("Enter")
    terminal.wait("there is no packet 13")


def test_keys_that_come_at_once_are_taken_one_by_one(terminal: Terminal) -> None:
    shown(terminal)
    terminal.press("2", *"/op", "Space", *"rw", "Enter", "G", ":", "8", "Enter")
    terminal.wait("/op rw: 5 ", "number    8")


def test_it_is_suspended_and_resumed(terminal: Terminal) -> None:
    shown(terminal)
    terminal.press("3")
    terminal.wait(VIEWS["3"])
    before = terminal.state()
    terminal.press("C-z")
    terminal.wait("Stopped", gone="1 Flows")
    assert (terminal.state()["alternate_on"], terminal.state()["cursor_flag"]) == ("0", "1")
    terminal.line("echo a shell again")
    terminal.wait("\na shell again\n")
    terminal.line("fg")
    terminal.wait(VIEWS["3"], READ)
    assert terminal.state() == before
    terminal.press("6")
    terminal.wait(VIEWS["6"])
    terminal.press("q")
    assert terminal.status() == 0


def test_another_size(terminal: Terminal) -> None:
    shown(terminal)
    terminal.press("2")
    for columns, lines in ((132, 50), (80, 24), (60, 15), (20, 5), (3, 2), (100, 30)):
        terminal.resize(columns, lines)
        until = {60: (READ, "RESPONSE"), 20: (), 3: ()}.get(columns, (READ, VIEWS["2"]))
        screen = terminal.wait(*until)
        assert max(map(len, screen.splitlines())) <= columns
    terminal.press("q")
    assert terminal.status() == 0


def test_ctrl_c_ends_it(terminal: Terminal) -> None:
    shown(terminal)
    terminal.type(":wri")
    terminal.press("C-c")
    assert terminal.status() == 0


# --- where it reads from, and what it prints to ---------------------------------------------------


def test_a_pipe_leaves_the_keys_to_the_terminal(terminal: Terminal) -> None:
    terminal.line(f"cat {SLOW} | {' '.join(ARGV)} tui -")
    terminal.wait("· 12 packets", VIEWS["1"])
    terminal.press("6")
    terminal.wait(VIEWS["6"])
    terminal.press("2", "G", "g", "g")
    terminal.wait("number    1")
    terminal.press("q")
    assert terminal.status() == 0


def test_where_nobody_looks_at_a_screen_it_prints_lines() -> None:
    lines, printed = vsockdump("-r", SLOW), vsockdump("tui", SLOW)
    assert lines.stdout.count(b"\n") == 12
    assert (printed.returncode, printed.stdout, printed.stderr) == (0, lines.stdout, lines.stderr)


def test_a_damaged_file_is_shown_up_to_the_damage(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes((PCAPS / "hello.pcap").read_bytes()[:-20])
    shown(terminal, path, until=DAMAGE)
    terminal.press("2")
    terminal.wait("REQUEST", "src_cid")
    terminal.press("q")
    assert terminal.status() == 2
    said = [line for line in terminal.history().splitlines() if "vsockdump: " in line]
    assert len(said) == 1
    assert DAMAGE in said[0]


_AS_NOBODY = """
import os, sys
from vsockdump import cli
from vsockdump.tui import app
app.load()
os.setuid(65534)
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture
def unreadable(tmp_path: Path) -> Path:
    """Give a folder of what cannot be opened."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("This is no capture at all, but long enough for one.")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "forbidden").touch(mode=0)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing", "No such file or directory"),
        ("folder", "Is a directory"),
        ("text", "neither pcap nor pcapng"),
        ("empty", "an empty file, not a capture"),
        ("forbidden", "Permission denied"),
    ],
)
def test_what_cannot_be_opened_has_one_sentence_and_no_screen(
    unreadable: Path, name: str, why: str
) -> None:
    as_nobody = name == "forbidden" and os.geteuid() == 0
    argv = ["-c", _AS_NOBODY] if as_nobody else [*ARGV[1:]]
    path = str(unreadable / name)
    environment = {**ENVIRONMENT, "HOME": "/"}  # one in which anybody may look for settings
    with pexpect.spawn(ARGV[0], [*argv, "tui", path], env=environment, timeout=60) as run:
        run.expect(pexpect.EOF)
    assert run.exitstatus == 2
    assert run.before.decode() == f"vsockdump: {path}: {why}\r\n"


# --- signals, colours -----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_in_order(number: signal.Signals) -> None:
    with spawn("tui", SLOW) as run:
        run.expect("12 packets")
        run.kill(number)
        run.expect(pexpect.EOF)
        left = run.before
    assert run.exitstatus == 0
    assert BACK in left
    assert left.rfind(CURSOR) > left.rfind(b"\x1b[?25l")


_COLOURED = re.compile(rb"\x1b\[(?:[\d;]*;)?(?:3[0-8]|4[0-8]|9\d|10[0-7])[;m]")


@pytest.mark.parametrize("coloured", [True, False])
def test_no_color(coloured: bool) -> None:
    with spawn("tui", SLOW, **({} if coloured else {"NO_COLOR": "1"})) as run:
        written = b""
        for key in "1234567":
            run.send(key)
            run.expect_exact(VIEWS[key].split("  ")[0].split()[0].encode())
            written += run.before + run.after
        run.send("q")
        run.expect(pexpect.EOF)
        written += run.before
    assert run.exitstatus == 0
    assert bool(_COLOURED.search(written)) == coloured


# --- hostile bytes --------------------------------------------------------------------------------

TITLE, BLINK, OVERRIDE = "\x1b]0;owned\x07", "\x1b[5m", "\u202e"
EVIL = f"evil[red]{BLINK}{TITLE}\x9b31m\b\r\v\t\n{OVERRIDE}"


def capture_of_evil(path: Path) -> Path:
    """Write a capture whose every text, and every payload, means no good."""
    text = EVIL.encode()
    sides = [((3, 1024), (2, 1234)), ((2, 1234), (3, 1024))]
    frames = [
        frame(payload, op, src=src, dst=dst)
        for op, payload in ((1, b""), (2, b""), (5, text * 9), (5, text), (77, b""), (4, b""))
        for src, dst in (sides[op == 2 :][:1] if op < 5 else sides)
    ]
    link = captures.interface(given=((2, text), (3, text), (9, b"\x09"), (12, text)))
    packets = [
        captures.enhanced(Taken(START + at, one, len(one)), given=((1, text),))
        for at, one in enumerate(frames)
    ]
    given = ((1, text), (2, text), (3, text), (4, text))
    path.write_bytes(b"".join([captures.section(given=given), link, *packets]))
    return path


def names_of_evil(path: Path) -> Path:
    """Write names that mean no better."""
    word = "".join(c if c.isascii() and c.isprintable() else f"\\u{ord(c):04x}" for c in EVIL)
    path.write_text(f'[cid]\n3 = "{word}"\n[port]\n1234 = "{word}"\n')
    return path


def test_hostile_bytes_never_reach_the_terminal(tmp_path: Path) -> None:
    path = capture_of_evil(tmp_path / f"{EVIL}.pcapng")
    names = names_of_evil(tmp_path / "names.toml")
    with spawn("tui", "--names", names, path) as run:
        run.expect("9 packets")
        written: bytes = run.before
        for keys in ("1", "2", "G", "gg", ":4\r", "3", "4", "5", "6", "7", "/op rst\r", "w"):
            run.send(keys)
            # What was drawn has come once an answer to the next key has.
            run.send("?")
            run.expect("Everywhere")
            written += run.before
            run.send("\x1b")
            run.expect(pexpect.TIMEOUT, timeout=0.5)
            written += run.before
        run.send("\x03")
        run.expect(pexpect.EOF)
        written += run.before
    assert run.exitstatus == 0
    written = re.sub(rb"\x1b\]22;\w+\x07", b"", written)  # the pointer's shape, Textual's own
    assert b"owned" in written
    for sign in (TITLE, BLINK, OVERRIDE, "\x9b", "\x07", "\b", "\v"):
        assert sign.encode() not in written
    assert b"\x9b" not in re.sub(rb"[\xc2-\xf4][\x80-\xbf]+", b"", written)


def test_a_terminal_that_is_closed_ends_it(terminal: Terminal, tmp_path: Path) -> None:
    path = shutil.copy(SLOW, tmp_path)
    terminal.run("tui", path)
    terminal.wait(READ)
    (number,) = pids(str(path))
    terminal.press("2", "n", "4")
    terminal.close()
    until = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{number}").exists():
        assert time.monotonic() < until, "it still runs"
        time.sleep(0.05)


def pids(word: str) -> list[int]:
    """Return the processes that show the capture of a name."""
    lines = {path.parent: path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")}
    wanted = b"\0tui\0" + word.encode()
    return [int(path.name) for path, line in lines.items() if wanted in line]
