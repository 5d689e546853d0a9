"""The line of views: what of it fits, and what a click on it means."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from vsockdump.tui.app import VIEWS
from vsockdump.tui.tabline import TabLine

TITLES = [(view.__name__.lower(), view.title) for view in VIEWS]

MORE = "  3 Ladder   4 Credit   5 Follow   "


class Line(App[None]):
    """Has nothing else."""

    chosen = ""

    def compose(self) -> ComposeResult:
        yield TabLine(TITLES)

    def on_tab_line_chosen(self, message: TabLine.Chosen) -> None:
        self.chosen = message.view


def run(width: int, scenario: Callable[[Line, TabLine, Pilot[None]], Awaitable[None]]) -> None:
    async def running() -> None:
        app = Line()
        async with app.run_test(size=(width, 3)) as pilot:
            await scenario(app, app.query_one(TabLine), pilot)

    asyncio.run(running())


@pytest.mark.parametrize(
    ("width", "seen", "problems", "text"),
    [
        (80, "flows", 0, f" 1 Flows   2 Packets {MORE}6 Problems   7 Info"),
        (80, "flows", 29, f" 1 Flows   2 Packets {MORE}6 Problems 29   7 Info"),
        (70, "flows", 29, "1 Flows 2 Packets 3 Ladder 4 Credit 5 Follow 6 Problems 29 7 Info"),
        (40, "follow", 0, "1 Flows 2 Packets 3 4 5 Follow 6 7 Info"),
        (40, "follow", 29, "1 Flows 2 3 4 5 Follow 6 Problems 29 7"),
        (40, "info", 0, "1 Flows 2 Packets 3 Ladder 4 5 6 7 Info"),
        (20, "ladder", 0, "1 2 3 Ladder 4 5 6 7"),
        (25, "problems", 29, "1 2 3 4 5 6 Problems 29 7"),
        (10, "ladder", 0, "1 2 3 Ladder 4 5 6 7"),
    ],
)  # fmt: skip
def test_less_where_there_is_less_room(width: int, seen: str, problems: int, text: str) -> None:
    async def scenario(app: Line, line: TabLine, pilot: Pilot[None]) -> None:
        line.seen, line.problems = seen, problems
        await pilot.pause()
        assert line.render().plain.rstrip() == text

    run(width, scenario)


@pytest.mark.parametrize("width", [20, 40, 66, 80, 120])
def test_a_click_on_any_cell_of_a_label_chooses_its_view(width: int) -> None:
    async def scenario(app: Line, line: TabLine, pilot: Pilot[None]) -> None:
        line.seen, line.problems = "ladder", 3
        await pilot.pause()
        text = line.render().plain
        for key, (view, _) in enumerate(TITLES, 1):
            await pilot.click(TabLine, offset=(text.index(f"{key}"), 0))
            assert app.chosen == view
        app.chosen = ""
        await pilot.click(TabLine, offset=(text.index(" 5"), 0))
        assert app.chosen in ("", "follow")  # padding, or between two

    run(width, scenario)


def test_how_many_problems_there_are_is_seen_at_once() -> None:
    async def scenario(app: Line, line: TabLine, pilot: Pilot[None]) -> None:
        line.problems = 7
        await pilot.pause()
        assert "Problems 7" in app.export_screenshot().replace("&#160;", " ")

    run(80, scenario)
