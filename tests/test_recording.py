"""A live capture that is looked at while a thread saves it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.captures import some
from vsockdump.browsing import recording as module
from vsockdump.browsing.recording import Recording, recording, spool_path
from vsockdump.errors import DeviceError, OpenError
from vsockdump.options import Options
from vsockdump.sources import netlink
from vsockdump.sources.savefile import Savefile
from vsockdump.sources.standin import Standin

pytestmark = pytest.mark.standin

FRAMES = [one.frame for one in some(50)]


@contextmanager
def running(standin: Standin, *, spool: bool = True, **wanted: object) -> Iterator[Recording]:
    options = Options(interface=standin.name, user="root", **wanted)
    with recording(options, spool=spool) as live:
        yield live


def until(done: Callable[[], bool]) -> None:
    """Wait for what will happen."""
    while not done():
        time.sleep(0.01)


def frames(path: str) -> list[bytes]:
    source = Savefile(path)
    found = [b.frame(row) for b in source.batches() if b is not None for row in range(b.count)]
    source.close()
    return found


def test_what_comes_is_seen_and_saved(standin: Standin, tmp_path: Path) -> None:
    path = str(tmp_path / "out.pcapng")
    with running(standin, write=path) as live:
        standin.send_all(FRAMES)
        until(lambda: live.opened.count == len(FRAMES))
        assert live.opened.packet(50).frame == FRAMES[49]
        assert live.running
        assert live.saved == path
    assert not live.running
    assert (live.counts.received, live.counts.dropped, live.error) == (len(FRAMES), 0, "")
    assert frames(path) == FRAMES
    assert (tmp_path / "out.pcapng").stat().st_mode & 0o777 == 0o600


def test_a_file_of_its_own(
    standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with running(standin) as live:
        standin.send_all(FRAMES)
        until(lambda: live.opened.count == len(FRAMES))
    assert live.saved.startswith(f"{tmp_path}/vsockdump-")
    assert frames(live.saved) == FRAMES


def test_nobody_can_guess_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    assert spool_path() != spool_path()
    assert spool_path().startswith("/var/tmp/vsockdump-")


def test_in_memory_nothing_is_saved_and_the_oldest_are_let_go(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MEMORY", 1 << 20)
    with running(standin, spool=False) as live:
        for _ in range(1000):
            standin.send_all(FRAMES)
        until(lambda: live.opened.count == 1000 * len(FRAMES))
        assert (live.saved, live.opened.path) == ("", standin.name)
        assert live.opened.first > 10_000
        assert live.opened.packet(live.opened.first).frame in FRAMES
        assert live.opened.packet(live.opened.count).frame == FRAMES[49]
    assert live.counts.dropped == 0


def test_the_kernel_chooses(standin: Standin, tmp_path: Path) -> None:
    expression = ["wire_len", ">", str(len(FRAMES[0]) + 3)]
    path = str(tmp_path / "out.pcapng")
    with running(standin, write=path, expression=expression) as live:
        standin.send_all(FRAMES)
        time.sleep(0.1)
    assert frames(path) == [one for one in FRAMES if len(one) > len(FRAMES[0]) + 3]
    assert live.counts.received == len(frames(path))


def test_no_more_than_wanted(standin: Standin, tmp_path: Path) -> None:
    path = str(tmp_path / "out.pcapng")
    with running(standin, write=path, limit=7) as live:
        standin.send_all(FRAMES)
        until(lambda: live.opened.ended)
        assert not live.running
    assert frames(path) == FRAMES[:7]


def test_a_link_that_goes_is_said(standin: Standin, tmp_path: Path) -> None:
    with running(standin, write=str(tmp_path / "out.pcapng")) as live:
        standin.send_all(FRAMES)
        until(lambda: live.opened.count == len(FRAMES))
        standin.__exit__(None, None, None)
        until(lambda: not live.running)
    assert "the link was removed" in live.error
    assert live.opened.ended


def test_what_happens_to_the_link_is_told(standin: Standin, tmp_path: Path) -> None:
    with running(standin, write=str(tmp_path / "out.pcapng")) as live:
        netlink.set_up(standin.ifindex, False)
        until(lambda: len(live.told) > 0)
        netlink.set_up(standin.ifindex, True)
        standin.send_all(FRAMES)
        until(lambda: len(live.told) > 1)
    assert [text.partition(": ")[2] for text in live.told] == [
        "the link is down; going on when it is up again",
        "the link is up again",
    ]


def test_what_cannot_be_had_is_said(standin: Standin, tmp_path: Path) -> None:
    with pytest.raises(OpenError), running(standin, write=str(tmp_path / "no/such")):
        pass
    with pytest.raises(DeviceError), recording(Options(interface="missing", user="root")):
        pass
    assert netlink.links()
