"""The view of all that is known: what it shows at once, what comes later, what is asked once."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.command import PCAPS
from tests.looking import Look, opened, settled
from tests.talks import hello, saved
from vsockdump import checks
from vsockdump.browsing.opened import Opened
from vsockdump.checks import Row
from vsockdump.tui import slowly
from vsockdump.tui.info import Info

BULK = PCAPS / "bulk.pcap.zst"
Scenario = Callable[[Info, Pilot[None]], Awaitable[None]]


@pytest.fixture(autouse=True)
def examined(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often this machine was examined."""
    times: list[int] = []

    def examine() -> tuple[list[Row], bool]:
        times.append(1)
        return [Row("vsockmon", "not possible", "no", "the kernel has none")], False

    monkeypatch.setattr(checks, "examine", examine)
    monkeypatch.setattr(slowly, "EVERY", 0)
    monkeypatch.setattr(slowly, "_SHARE", 0)
    monkeypatch.setattr("vsockdump.tui.info._EVERY", 0)
    return times


def show(found: Opened, scenario: Scenario, size: tuple[int, int] = (80, 24)) -> Look:
    async def shown() -> Look:
        app = Look(found, Info)
        app.facts = [("file", found.path), ("packets", str(found.count))]
        async with app.run_test(size=size) as pilot:
            view = app.query_one(Info)
            view.refresh_view()
            await settled(pilot)
            await scenario(view, pilot)
        return app

    return asyncio.run(shown())


def lines(view: Info) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in view.lines]


def test_everything_has_its_place() -> None:
    async def scenario(view: Info, pilot: Pilot[None]) -> None:
        heads = [line[0][0] for line in view.lines if line and line[0][1] == "head"]
        assert heads[:4] == ["source", "what the capture can carry", "kernel", "capture"]
        assert {"ops", "verdicts", "cids", "packets over time"} < set(heads)
        assert heads[-1] == "this machine, as this process sees it now"
        assert lines(view)[1] == f"  file     {BULK}"
        assert lines(view)[-1] == "  no    vsockmon  not possible  the kernel has none"

    with opened(BULK) as found:
        show(found, scenario)


def test_what_takes_time_comes_later(tmp_path: Path) -> None:
    async def shown() -> list[str]:
        app = Look(found, Info)
        async with app.run_test() as pilot:
            view = app.query_one(Info)
            view.refresh_view()
            before = lines(view)
            await settled(pilot)
            assert len(lines(view)) > len(before)
            return before

    with opened(saved(hello(), tmp_path / "hello")) as found:
        before = asyncio.run(shown())
    assert before[before.index("statistics") + 1] == "  one moment ..."
    assert before[-1] == "  one moment ..."


def test_this_machine_is_examined_once(examined: list[int]) -> None:
    async def scenario(view: Info, pilot: Pilot[None]) -> None:
        view.refresh_view()
        await settled(pilot)
        assert len(examined) == 1

    with opened(BULK) as found:
        show(found, scenario)


def test_this_machine_is_examined_only_when_it_is_looked_at(examined: list[int]) -> None:
    async def shown() -> None:
        async with Look(found, Info).run_test() as pilot:
            await settled(pilot)

    with opened(BULK) as found:
        asyncio.run(shown())
    assert not examined


def test_nothing_is_asked_for_while_it_is_hidden(examined: list[int]) -> None:
    async def shown() -> None:
        async with Look(found, Info).run_test() as pilot:
            view = pilot.app.query_one(Info)
            view.display = False
            view.refresh_view()
            await settled(pilot)
            assert view.lines == []

    with opened(BULK) as found:
        asyncio.run(shown())
    assert not examined


def test_keys_scroll() -> None:
    async def scenario(view: Info, pilot: Pilot[None]) -> None:
        await pilot.press("G")
        await pilot.pause()
        assert view.rows.scroll_offset.y == len(view.lines) - 24
        await pilot.press("pageup", "g", "g")
        await pilot.pause()
        assert view.rows.scroll_offset.y == 0

    with opened(BULK) as found:
        show(found, scenario)


def test_it_is_wrapped_anew() -> None:
    async def scenario(view: Info, pilot: Pilot[None]) -> None:
        narrow = len(lines(view))
        await pilot.resize_terminal(160, 24)
        await settled(pilot)
        assert len(lines(view)) < narrow

    with opened(BULK) as found:
        show(found, scenario, (50, 24))


def test_all_of_it_is_copied() -> None:
    async def scenario(view: Info, pilot: Pilot[None]) -> None:
        view.action_copy()

    with opened(BULK) as found:
        clipboard = show(found, scenario).clipboard
    assert clipboard.startswith("source\n  file     ")
    assert clipboard.endswith("the kernel has none")
