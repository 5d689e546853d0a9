"""Screens over a capture of which the oldest packets are let go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests import captures
from tests.captures import some
from tests.looking import settled
from vsockdump.browsing.opened import Most, Opened
from vsockdump.names import Names
from vsockdump.tui.app import Vsockdump

COUNT = 30_000
Scenario = Callable[[Pilot[None], Vsockdump], Awaitable[None]]


def play(tmp_path: Path, scenario: Scenario) -> None:
    """Have a scenario begin with all packets, and let go all but the last 5000 when it says so."""
    path = tmp_path / "many.pcap"
    path.write_bytes(captures.pcap(some(COUNT)))
    found = Opened(str(path), most=Most(1 << 40, 1 << 40, lambda offset: None))
    found.start()
    while not found.ended:
        time.sleep(0.01)

    async def run() -> None:
        app = Vsockdump(found, Names().endpoint)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            await scenario(pilot, app)
            assert app.is_running

    try:
        asyncio.run(run())
    finally:
        found.close()


def let_go(app: Vsockdump) -> None:
    app.opened._let_go(Most(5000, 1 << 40, lambda offset: None))
    assert app.opened.first > 20_000


@pytest.mark.parametrize("key", ["o", "3", "4", "5", "c", "enter", "n", "space"])
def test_any_key_on_a_packet_that_is_gone(tmp_path: Path, key: str) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("2", "p")
        let_go(app)
        await pilot.press(key)
        await settled(pilot)

    play(tmp_path, scenario)


def test_a_filter_that_shows_what_is_gone(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        app.pick("len > 0")
        while not app._picked or app._picked.looked_at < COUNT:
            await pilot.pause(0.01)
        await pilot.press("2")
        let_go(app)
        await pilot.press("g", "g", "o")
        await settled(pilot)

    play(tmp_path, scenario)


def test_what_is_gone_is_not_saved(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("2", "space", "p")
        let_go(app)
        app.save_shown(str(tmp_path / "out.pcapng"))
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app._status.said == f"0 packets saved in {tmp_path}/out.pcapng"

    play(tmp_path, scenario)


def test_the_screen_goes_on(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("2")
        let_go(app)
        app._seen = ()
        await pilot.pause(0.2)
        assert app.current_packet >= app.opened.first
        assert "let go" in app._status.render().plain

    play(tmp_path, scenario)
