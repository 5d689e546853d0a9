"""The bar: on a terminal's stderr while a long file is read, and nowhere else."""

import shlex
from pathlib import Path

import pexpect
import pytest

from tests import captures
from tests.captures import some
from tests.command import ARGV, ENVIRONMENT, vsockdump
from vsockdump import progress
from vsockdump.sources.savefile import Savefile


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that takes seconds to print as JSON; its name would be markup, if it were obeyed."""
    path = tmp_path_factory.mktemp("progress") / "[red]long[_red]"
    piece = captures.pcap(some(3000))[24:]
    path.write_bytes(captures.pcap([]) + piece * 60)
    return path


def on_terminal(line: str) -> tuple[str, int | None]:
    """Run a shell's line under a terminal: what was seen there, and the exit status."""
    argv = ["-c", line]
    child = pexpect.spawn("/bin/sh", argv, env=dict(ENVIRONMENT), dimensions=(24, 200), timeout=60)
    child.expect(pexpect.EOF)
    child.close()
    return child.before.decode(), child.exitstatus


def command(*words: str | Path) -> str:
    return shlex.join(map(str, (*ARGV, *words)))


def test_the_bar_comes_and_goes(tmp_path: Path, long: Path) -> None:
    out = tmp_path / "out"
    seen, status = on_terminal(f"{command('-r', long, '--format', 'jsonl')} > {out}")
    assert status == 0
    assert out.read_bytes().count(b"\n") == 180_000
    assert b"\x1b" not in out.read_bytes()
    head, *bar = seen.split("\r\n", 1)
    assert head.startswith("reading from file")
    assert "[red]long[_red]" in bar[0]
    assert "%" in bar[0]
    assert bar[0].endswith("\x1b[2K")  # the line is wiped at the end


def test_where_it_would_be_in_the_way_there_is_none(long: Path) -> None:
    seen, status = on_terminal(command("-r", long, "-c", "30000", "-xt"))
    assert (status, "\x1b" in seen) == (0, False)
    seen, status = on_terminal(f"{command('-r', long, '--format', 'jsonl')} 2>/dev/null >/dev/null")
    assert (status, seen) == (0, "")


def test_without_a_terminal_there_is_none(long: Path) -> None:
    done = vsockdump("-r", long, "--format", "jsonl", "-c", "100000")
    assert done.stderr.count(b"\n") == 1
    assert b"\x1b" not in done.stderr


def test_a_bar_draws_how_far_it_is(
    long: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "DELAY_S", 0)
    monkeypatch.setattr(progress, "_STEP_S", 0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    source = Savefile(str(long))
    bar = progress.Bar(source)
    assert capfd.readouterr().err == ""
    for batch in source.batches():
        assert batch is not None
        bar.feed(batch)
    bar.close()
    source.close()
    assert "100%" in capfd.readouterr().err
