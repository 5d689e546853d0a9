"""Nothing is loaded once privileges are dropped: not for any view, key, or end of a run."""

import itertools
import sys
import time
from pathlib import Path

import pexpect
import pytest

from tests.command import ENVIRONMENT, PCAPS
from tests.talks import hello
from vsockdump.sources.standin import Standin

_DROPPED = """
import sys
from vsockdump import cli, privileges
from vsockdump.tui import app
late = open(sys.argv[1], "w", buffering=1)
class Late:
    def find_spec(self, name, *rest):
        print(name, file=late)
def drop(to, drop=privileges.drop):
    drop(to)
    sys.meta_path.insert(0, Late())
privileges.drop = drop
sys.exit(cli.main(["tui", *sys.argv[2:]]))
"""
_DEFECT = """
from vsockdump.tui import app
def defect(self):
    raise RuntimeError("a defect")
app.Vsockdump.action_help = defect
"""
_UNLOADED = """
from vsockdump.tui import app
app.load = lambda: None
"""

EVERYWHERE = ("j", "G", "gg", "l", "h", " ", "\t", "c", "\\", "s", "S", "F", "p", "p", "?", "\x1b")
VISITS = (
    *itertools.chain(*((str(view), *EVERYWHERE) for view in range(1, 8))),
    *("ma", "'a", "n", "N", ":4\r", "1", "\r", "6", "\r"),
    *(":theme nord\r", ":theme none such\r", ":help\r", ":nosuch\r", "\x1b"),
    *("/op r\t\x15", 'op rw or payload contains "GET"\r', "/\x15payload matches /^S/\r"),
    *("/\x15verdict stalled or event stall\r", "/\x15process python3\r", "/\x15bogus", "\x1b"),
    "/\x15\r",
)


@pytest.fixture
def late(tmp_path: Path) -> Path:
    """Give the file that names what was loaded late."""
    return tmp_path / "late"


def begin(late: Path, *words: str | Path, first: str = "") -> "pexpect.spawn[bytes]":
    argv = ["-c", first + _DROPPED, str(late), "-Z", "root", *map(str, words)]
    environment = {**ENVIRONMENT, "TERM": "xterm-256color"}
    return pexpect.spawn(sys.executable, argv, env=environment, dimensions=(40, 110), timeout=60)


def visit(run: "pexpect.spawn[bytes]", folder: Path) -> None:
    """Press every key, and save what there is to save."""
    files = {"1": "c.pcap", "2": "c.pcapng", "3": "l.svg", "4": "c", "5": "f"}
    for keys in (*VISITS, *(f"{view}w\x15{folder}/{name}\r" for view, name in files.items()), "1"):
        run.send(keys)
        # An escape alone, and a view that reads in the background, take their time.
        run.expect(pexpect.TIMEOUT, timeout=0.05 if keys != "\x1b" else 0.2)
    until = time.monotonic() + 60
    while not (folder / "f.dst").exists():
        assert time.monotonic() < until, list(folder.iterdir())
        run.expect(pexpect.TIMEOUT, timeout=0.2)


def end(run: "pexpect.spawn[bytes]", keys: str = "\x03") -> None:
    run.send(keys)
    run.expect(pexpect.EOF)


@pytest.mark.parametrize("name", ["slow-reader.pcap.zst", "hello-dumpcap.pcapng"])
def test_by_a_file(late: Path, tmp_path: Path, name: str) -> None:
    with begin(late, PCAPS / name) as run:
        run.expect("help")
        visit(run, tmp_path)
        end(run)
    assert run.exitstatus == 0
    assert late.read_text() == ""


@pytest.mark.standin
@pytest.mark.parametrize("more", [[], ["--no-spool", 'port 1024 and not payload contains "none"']])
def test_live(
    standin: Standin,
    late: Path,
    tmp_path: Path,
    more: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "TMPDIR", str(tmp_path))
    with begin(late, "-i", standin.name, *more) as run:
        run.expect("live")
        standin.send_all(packet.frame for packet in hello().packets)
        visit(run, tmp_path)
        end(run)
    assert run.exitstatus == 0
    assert late.read_text() == ""


def test_to_tell_of_a_defect(late: Path) -> None:
    with begin(late, PCAPS / "slow-reader.pcap.zst", first=_DEFECT) as run:
        run.expect("help")
        end(run, "?")
        assert b"a defect" in run.before
    assert late.read_text() == ""


def test_a_late_one_is_noticed(late: Path) -> None:
    """This is how the tests above would fail."""
    with begin(late, PCAPS / "hello.pcap", first=_UNLOADED) as run:
        run.expect("help")
        end(run)
    assert "textual.scrollbar" in late.read_text().split()
