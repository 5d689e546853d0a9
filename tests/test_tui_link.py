"""The terminal interface live, in a terminal, on the stand-in link: seen, counted and saved."""

import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.captures import frame
from tests.conversation import Talk
from tests.talks import hello
from tests.terminal import Terminal
from vsockdump.sources.savefile import Savefile
from vsockdump.sources.standin import Standin

pytestmark = [
    pytest.mark.standin,
    pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux"),
]

BURST = 150_000


@pytest.fixture
def terminal(standin: Standin) -> Iterator[Terminal]:
    """Give a terminal from which the stand-in is seen, too."""
    with Terminal() as made:
        yield made


def frames(talk: Talk) -> list[bytes]:
    return [packet.frame for packet in talk.packets]


def begin(terminal: Terminal, standin: Standin, *words: str | Path, before: str = "") -> None:
    """Begin to capture."""
    terminal.line(f"export {before}" if before else "")
    terminal.run("tui", "-i", standin.name, *words)
    terminal.wait("0 packets · live")


def end(terminal: Terminal) -> str:
    """End it as its user would; return what it said."""
    terminal.press("q")
    assert terminal.status() == 0
    return terminal.history()


def saved(path: str | Path) -> list[bytes]:
    """Return the frames of a capture."""
    with closing(Savefile(str(path))) as source:
        return [
            batch.frame(row) for batch in source.batches() if batch for row in range(batch.count)
        ]


def test_what_is_said_is_seen_at_once_and_saved(
    terminal: Terminal, standin: Standin, tmp_path: Path
) -> None:
    path = tmp_path / "kept.pcapng"
    begin(terminal, standin, "-w", path)
    sent = frames(hello())
    standin.send_all(sent[:-3])
    terminal.wait(f"{len(sent) - 3} packets · live", "3:1024 > host:1234 S1")
    standin.send_all(sent[-3:])
    terminal.wait(f"{len(sent)} packets · live", "3:1024 > host:1234 SF")
    terminal.press("5")
    terminal.wait("connection 1: 3:1024 > host:1234")
    said = end(terminal)
    assert f"{len(sent)} packets received by filter" in said
    assert "0 packets dropped by kernel" in said
    assert f"saved in {path}" in said.replace("\n", "")
    assert saved(path) == sent


def test_the_kernel_chooses(terminal: Terminal, standin: Standin, tmp_path: Path) -> None:
    path = tmp_path / "chosen.pcapng"
    begin(terminal, standin, "-w", path, "port 2048")
    chosen = frames(hello(port=2048))
    standin.send_all([*frames(hello()), *chosen])
    terminal.wait(f"{len(chosen)} packets · live", "3:2048 > host:1234")
    terminal.press("7")
    terminal.wait("port 2048")
    assert f"{len(chosen)} packets received by filter" in end(terminal)
    assert saved(path) == chosen


def test_without_a_file_it_says_where_it_was_saved(
    terminal: Terminal, standin: Standin, tmp_path: Path
) -> None:
    begin(terminal, standin, before=f"SUDO_UID=1234 SUDO_GID=1234 TMPDIR={tmp_path}")
    sent = frames(hello())
    standin.send_all(sent)
    terminal.wait(f"{len(sent)} packets · live")
    said = end(terminal)
    (path,) = tmp_path.glob("vsockdump-*.pcapng")
    assert f"saved in {path}" in said.replace("\n", "")
    assert saved(path) == sent
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (1234, 0o600)


def test_without_a_spool_nothing_is_saved(
    terminal: Terminal, standin: Standin, tmp_path: Path
) -> None:
    begin(terminal, standin, "--no-spool", before=f"TMPDIR={tmp_path}")
    standin.send_all(frames(hello()))
    terminal.wait("7 packets · live", "3:1024 > host:1234 SF")
    terminal.press("2", "G")
    terminal.wait("number    7", "RST")
    assert "saved in" not in end(terminal)
    assert list(tmp_path.iterdir()) == []


def test_a_burst_is_taken_whole(terminal: Terminal, standin: Standin, tmp_path: Path) -> None:
    path = tmp_path / "burst.pcapng"
    begin(terminal, standin, "-w", path)
    terminal.press("2", "F")
    assert standin.send_all(frame(f"{n:07}".encode()) for n in range(BURST)) == BURST
    terminal.wait(f"{BURST} packets · live", f"{BURST} ")
    said = end(terminal)
    assert f"{BURST} packets received by filter" in said
    assert "0 packets dropped by kernel" in said
    assert [one[-7:] for one in saved(path)] == [f"{n:07}".encode() for n in range(BURST)]


def test_screens_are_paused_and_the_capture_is_not(
    terminal: Terminal, standin: Standin, tmp_path: Path
) -> None:
    path = tmp_path / "kept.pcap"
    begin(terminal, standin, "-w", path)
    standin.send_all(frames(hello()))
    terminal.press("2")
    terminal.wait("7 packets · live", "REQUEST")
    terminal.press("p")
    terminal.wait("PAUSED")
    standin.send_all(frames(hello(port=2048)))
    screen = terminal.wait("7 packets since", "14 packets")
    assert "3:2048" not in screen
    terminal.press("p")
    terminal.wait("3:2048", gone="PAUSED")
    end(terminal)
    assert len(saved(path)) == 14


def test_a_terminal_that_is_closed_leaves_the_file_whole(
    terminal: Terminal, standin: Standin, tmp_path: Path
) -> None:
    path = tmp_path / "kept.pcapng"
    begin(terminal, standin, "-w", path)
    sent = frames(hello())
    standin.send_all(sent)
    terminal.wait(f"{len(sent)} packets · live")
    program = Path(f"/proc/{terminal.program()}")
    terminal.close()
    for _ in range(600):
        if not program.exists():
            break
        time.sleep(0.1)
    assert not program.exists()
    assert saved(path) == sent


def test_suspended_it_goes_on_to_capture(
    terminal: Terminal, standin: Standin, tmp_path: Path
) -> None:
    path = tmp_path / "kept.pcapng"
    begin(terminal, standin, "-w", path)
    terminal.press("C-z")
    terminal.wait("Stopped")
    sent = frames(hello())
    standin.send_all(sent)
    terminal.line("fg")
    terminal.wait(f"{len(sent)} packets · live")
    end(terminal)
    assert saved(path) == sent


def said_by(history: str) -> Sequence[str]:
    """Return the lines that are ours."""
    return re.findall(r"^vsockdump: .*$", history, re.M)


def test_a_link_that_is_removed_leaves_its_packets(tun: None, tmp_path: Path) -> None:
    with Standin() as standin, Terminal() as terminal:
        begin(terminal, standin, "-w", tmp_path / "kept.pcapng")
        sent = frames(hello())
        standin.send_all(sent)
        terminal.wait(f"{len(sent)} packets · live")
        standin.__exit__(None, None, None)
        terminal.wait("the link was removed")
        terminal.press("2")
        terminal.wait("REQUEST")
        terminal.press("q")
        assert terminal.status() == 1
        assert "the link was removed" in "".join(said_by(terminal.history()))
    assert saved(tmp_path / "kept.pcapng") == sent
