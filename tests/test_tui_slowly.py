"""What takes time: one at a time, the latest that was asked for, with pauses."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest
from textual.app import App
from textual.pilot import Pilot

from vsockdump.errors import ReadError
from vsockdump.tui import slowly
from vsockdump.tui.slowly import Slowly
from vsockdump.tui.view import Said


class Asking(App[None]):
    """Shows numbers that a thread finds."""

    def on_mount(self) -> None:
        self.shown: list[int] = []
        self.said: list[str] = []
        self.gate = threading.Event()
        self.at_once = self.most_at_once = 0
        self.slowly = Slowly(self.screen, self.shown.append)

    def on_said(self, message: Said) -> None:
        self.said.append(message.text)

    def found(self, number: int) -> Callable[[], int]:
        """Return what finds a number once the gate is open."""

        def find() -> int:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.gate.wait()
            self.at_once -= 1
            return number

        return find


def run(scenario: Callable[[Asking, Pilot[None]], Awaitable[None]]) -> None:
    async def running() -> None:
        app = Asking()
        async with app.run_test() as pilot:
            await scenario(app, pilot)

    asyncio.run(running())


async def done(app: Asking, pilot: Pilot[None]) -> None:
    while app.workers:
        await app.workers.wait_for_complete()
        await pilot.pause()


def test_what_was_found_is_shown() -> None:
    async def scenario(app: Asking, pilot: Pilot[None]) -> None:
        app.slowly.ask(app.found(1))
        await pilot.pause()
        assert app.shown == []
        app.gate.set()
        await done(app, pilot)
        assert app.shown == [1]

    run(scenario)


def test_what_cannot_be_read_is_said_and_the_next_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slowly, "EVERY", 0)
    monkeypatch.setattr(slowly, "_SHARE", 0)

    def wrong() -> int:
        raise ReadError("a.pcap has become shorter")

    async def scenario(app: Asking, pilot: Pilot[None]) -> None:
        app.gate.set()
        app.slowly.ask(wrong)
        app.slowly.ask(app.found(2))
        await done(app, pilot)
        assert app.said == ["a.pcap has become shorter"]
        assert app.shown == [2]

    run(scenario)


def test_one_at_a_time_and_then_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slowly, "EVERY", 0)
    monkeypatch.setattr(slowly, "_SHARE", 0)

    async def scenario(app: Asking, pilot: Pilot[None]) -> None:
        for number in range(5):
            app.slowly.ask(app.found(number))
        app.gate.set()
        await done(app, pilot)
        assert app.shown == [0, 4]
        assert app.most_at_once == 1

    run(scenario)


def test_there_is_a_pause_unless_it_is_wanted_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slowly, "EVERY", 1_000_000)

    async def scenario(app: Asking, pilot: Pilot[None]) -> None:
        app.gate.set()
        app.slowly.ask(app.found(1))
        await done(app, pilot)
        app.slowly.ask(app.found(2))
        await done(app, pilot)
        assert app.shown == [1]
        app.slowly.ask(app.found(3), now=True)
        await done(app, pilot)
        assert app.shown == [1, 3]

    run(scenario)


def test_what_is_wanted_now_while_one_is_at_it_has_no_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slowly, "EVERY", 1_000_000)

    async def scenario(app: Asking, pilot: Pilot[None]) -> None:
        app.slowly.ask(app.found(1))
        app.slowly.ask(app.found(2), now=True)
        app.slowly.ask(app.found(3))
        app.gate.set()
        await done(app, pilot)
        assert app.shown == [1, 3]

    run(scenario)


def test_after_the_pause_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slowly, "EVERY", 0.01)
    monkeypatch.setattr(slowly, "_SHARE", 0)

    async def scenario(app: Asking, pilot: Pilot[None]) -> None:
        app.gate.set()
        app.slowly.ask(app.found(1))
        await done(app, pilot)
        app.slowly.ask(app.found(2))
        while app.shown != [1, 2]:
            await pilot.pause(0.001)

    run(scenario)
