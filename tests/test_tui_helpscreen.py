"""What keys do, on screens of any size."""

import asyncio
import html
import re
from collections.abc import Awaitable, Callable

import pytest
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Static

from vsockdump.tui.helpscreen import EVERYWHERE, Help

KEYS = (("x", "what x does, at some length"), ("y z", "what they do"))


class Below(App[None]):
    """Has something that is not to be seen through help."""

    def compose(self) -> ComposeResult:
        yield Static("BELOW " * 500)


def run(size: tuple[int, int], scenario: Callable[[Below, Pilot[None]], Awaitable[None]]) -> None:
    async def running() -> None:
        app = Below()
        async with app.run_test(size=size) as pilot:
            app.push_screen(Help("Flows", KEYS))
            await pilot.pause()
            await scenario(app, pilot)

    asyncio.run(running())


def seen(app: Below) -> str:
    texts = re.findall("<text[^>]*>([^<]*)</text>", app.export_screenshot())
    return " ".join(html.unescape(" ".join(texts)).split())


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (80, 24), (200, 60)])
def test_all_of_it_can_be_read(size: tuple[int, int]) -> None:
    async def scenario(app: Below, pilot: Pilot[None]) -> None:
        found, scroll = [seen(app)], app.screen.query_one(VerticalScroll)
        while scroll.scroll_y < scroll.max_scroll_y:
            await pilot.press("j")
            await pilot.pause()
            found.append(seen(app))
        words = set(" ".join(found).split())
        for key, text in (*KEYS, *EVERYWHERE):
            assert set(f"{key} {text}".split()) <= words
        assert "In Flows" in found[0]

    run(size, scenario)


def test_nothing_is_drawn_of_what_is_below() -> None:
    async def scenario(app: Below, pilot: Pilot[None]) -> None:
        assert "BELOW" not in seen(app)
        await pilot.press("escape")
        await pilot.pause()
        assert "BELOW" in seen(app)

    run((120, 50), scenario)


def test_keys_scroll() -> None:
    async def scenario(app: Below, pilot: Pilot[None]) -> None:
        scroll = app.screen.query_one(VerticalScroll)
        tops = []
        for key in ("j", "j", "k", "G", "g", "pagedown"):
            await pilot.press(key)
            await pilot.wait_for_scheduled_animations()
            tops.append(int(scroll.scroll_y))
        assert tops[:3] == [1, 2, 1]
        assert tops[3] == scroll.max_scroll_y > 0
        assert tops[4] == 0
        assert tops[5] > 1

    run((80, 10), scenario)


def test_another_size_is_another_layout() -> None:
    async def scenario(app: Below, pilot: Pilot[None]) -> None:
        assert "x what x does, at some length" in seen(app)
        high = app.screen.query_one(Static).size.height
        await pilot.resize_terminal(30, 24)
        await pilot.pause()
        assert app.screen.query_one(Static).size.height > high

    run((80, 24), scenario)
