"""`vsockdump demo`: what it shows, without root's rights, and how it ends."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import ARGV, lines, run, vsockdump
from vsockdump import demo, pipeline
from vsockdump.sources import netlink, standin
from vsockdump.sources.standin import Standin

pytestmark = pytest.mark.standin

Run = Callable[[Callable[[], object]], int]


@pytest.fixture
def without_vsockmon(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> int:
        raise PermissionError(1, "no")

    monkeypatch.setattr(netlink, "create", refuse)


def rights() -> tuple[int, int]:
    """Return the user this thread is, and its capabilities."""
    status = Path("/proc/thread-self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return os.geteuid(), int(line.split()[1], 16)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Collect the rights that who decodes and who talks still have."""
    found: list[tuple[int, int]] = []
    run_pipeline, replay = pipeline.run, Standin.replay

    def decode(*words: object, **named: object) -> int:
        found.append(rights())
        return run_pipeline(*words, **named)  # type: ignore[arg-type]

    def talk(*words: object) -> int:
        found.append(rights())
        return replay(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "run", decode)
    monkeypatch.setattr(Standin, "replay", talk)
    return found


def test_a_live_demo_decodes_and_talks_without_rights(
    tun: None, without_vsockmon: None, held: list[tuple[int, int]], in_child: Run
) -> None:
    def act() -> None:
        assert demo.main([]) == 0
        assert len(held) == 2
        assert all(uid != 0 and capabilities == 0 for uid, capabilities in held)

    before = {link.name for link in netlink.links()}
    assert in_child(act) == 0
    assert {link.name for link in netlink.links()} == before


def test_a_demo_from_a_file_decodes_without_rights(
    namespace: None,
    without_vsockmon: None,
    held: list[tuple[int, int]],
    in_child: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(standin, "_TUN", "/nowhere")

    def act() -> None:
        assert demo.main([]) == 0
        assert len(held) == 1
        assert held[0][0] != 0 and held[0][1] == 0

    assert in_child(act) == 0


def test_a_demo_shows_nine_packets(tun: None) -> None:
    done = vsockdump("demo")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) >= 9


def test_a_reader_that_has_seen_enough_ends_it_quietly(tun: None) -> None:
    done = run("bash", "-c", '"$@" | head -1; exit ${PIPESTATUS[0]}', "bash", *ARGV, "demo")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert all(line.startswith("vsockdump: ") for line in lines(done))
