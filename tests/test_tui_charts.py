"""The widget that plots a trace: its cursor, zoom and pan, what fits, and that it shows it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from textual.app import App, ComposeResult
from textual.events import MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from vsockdump.events import Name
from vsockdump.paint import SHADE
from vsockdump.tui.charts import Charts
from vsockdump.tui.plot import Span
from vsockdump.tui.trace import Trace
from vsockdump.tui.traceplots import heights

from .conversation import SECOND, Talk
from .test_steps import stalled
from .test_tui_trace import traced


class Plotted(App[None]):
    def __init__(self, trace: Trace, word: Name) -> None:
        super().__init__()
        self.trace, self.word, self.chosen = trace, word, list[int]()

    def compose(self) -> ComposeResult:
        yield Charts(self.word)

    def on_mount(self) -> None:
        self.charts.show(self.trace)
        self.charts.focus()

    def on_charts_chosen(self, message: Charts.Chosen) -> None:
        self.chosen.append(message.number)

    @property
    def charts(self) -> Charts:
        return self.query_one(Charts)

    @property
    def text(self) -> list[str]:
        charts = self.charts
        return [charts.render_line(y).text for y in range(charts.size.height)]


Check = Callable[[Plotted, Pilot[None]], Awaitable[None]]


def named(cid: int, port: int) -> str:
    return f"{cid}:{port}"


def run(check: Check, talk: Talk, size: tuple[int, int] = (80, 20), word: Name = named) -> None:
    async def scenario() -> None:
        app = Plotted(traced(talk), word)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await check(app, pilot)

    asyncio.run(scenario())


def both() -> Talk:
    return Talk().open().rw("src", 1000).at(1).rw("dst", 500)


async def press(pilot: Pilot[None], keys: str) -> None:
    await pilot.press(*keys.split())
    await pilot.pause()


@pytest.mark.parametrize(
    ("lines", "ways", "found"),
    [
        (17, 1, [6, 3, 3]),
        (80, 1, [33, 21, 21]),
        (24, 2, [4, 2, 2]),
        (12, 2, [4]),
        (8, 1, [2, 2]),
        (3, 1, [1]),
        (0, 1, [1]),
    ],
)
def test_heights(lines: int, ways: int, found: list[int]) -> None:
    assert heights(lines, ways) == found


def test_it_fills_its_lines() -> None:
    async def check(app: Plotted, pilot: Pilot[None]) -> None:
        for size in ((80, 24), (100, 11), (200, 60), (40, 5), (9, 4)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            text = app.text
            assert all(len(line) == size[0] for line in text)
            assert size[0] < 40 or text[-1].strip().startswith("0")
            assert "3:1024 → 2:1234"[: max(size[0] - 13, 0)] in text[0]

    run(check, stalled())


def test_what_it_shows() -> None:
    async def check(app: Plotted, pilot: Pilot[None]) -> None:
        text = app.text
        assert "window" in text[0] and "in flight" in text[0] and f"{SHADE} stalled" in text[0]
        assert any("sent  ⣿ read" in line for line in text)
        assert any("sent per second" in line for line in text)
        assert text[1].lstrip().startswith("97.7 KiB ┤")
        assert any(SHADE in line for line in text[1:])

    run(check, stalled())


def test_names_cannot_be_more_than_text() -> None:
    async def check(app: Plotted, pilot: Pilot[None]) -> None:
        assert r"[red]\x1b[0m3" in app.text[0]

    run(check, stalled(), word=lambda cid, port: f"[red]\x1b[0m{cid}")


def test_the_cursor_goes_from_packet_to_packet() -> None:
    async def check(app: Plotted, pilot: Pilot[None]) -> None:
        charts = app.charts
        await press(pilot, "j down right")
        assert (charts.cursor, charts.trace[3].number) == (3, 5)
        await press(pilot, "k up left left")
        assert charts.cursor == 0
        await press(pilot, "end j")
        assert charts.cursor == 7
        await press(pilot, "home")
        assert charts.cursor == 0
        await press(pilot, "pagedown")
        assert charts.cursor == 2  # half a second on: there the third is nearest
        await press(pilot, "enter")
        assert app.chosen == [3]

    run(check, stalled())


def test_the_cursor_is_drawn_where_its_packet_is() -> None:
    async def check(app: Plotted, pilot: Pilot[None]) -> None:
        charts = app.charts
        assert charts.column is not None
        assert app.text[1][charts.column] in "│⠁"
        assert app.text[-2].index("▲") == charts.column
        await press(pilot, "end")
        assert charts.column == charts.size.width - 1

    run(check, both())


def test_zoom_and_pan() -> None:
    async def check(app: Plotted, pilot: Pilot[None]) -> None:
        charts = app.charts
        whole = charts.whole
        await press(pilot, "plus")
        assert charts.span == Span(0, whole.end // 2)  # around the cursor, at the beginning
        await press(pilot, "l")
        assert charts.span == Span(whole.end // 8, whole.end // 8 + whole.end // 2)
        assert charts.column is None
        await press(pilot, "h shift+left shift+right minus")
        assert (charts.span, charts.zoom) == (whole, None)
        await press(pilot, "plus plus equals_sign 0")
        assert charts.zoom is None

    run(check, stalled())


def test_what_is_shown_follows_the_cursor() -> None:
    async def check(app: Plotted, pilot: Pilot[None]) -> None:
        charts = app.charts
        await press(pilot, "plus plus plus end")
        assert charts.span.end == charts.whole.end
        assert charts.column is not None
        await press(pilot, "home")
        assert charts.span.begin == 0

    run(check, stalled())


def test_the_mouse() -> None:
    async def check(app: Plotted, pilot: Pilot[None]) -> None:
        charts = app.charts
        await pilot.click(Charts, offset=(79, 5))
        assert charts.cursor == 4  # the first of those in that column
        await pilot.click(Charts, offset=(0, 5))
        assert charts.cursor == 2  # the last of the three that are in the first column
        await pilot._post_mouse_events([MouseScrollUp], Charts, offset=(79, 5))
        assert charts.zoom is not None
        assert charts.zoom.length == charts.whole.length // 2
        assert charts.zoom.begin > charts.whole.length * 0.49
        await pilot._post_mouse_events([MouseScrollDown], Charts, offset=(79, 5))
        assert charts.zoom is None

    run(check, stalled())


def test_directions() -> None:
    async def check(app: Plotted, pilot: Pilot[None]) -> None:
        charts, seen = app.charts, []
        for _ in range(4):
            seen.append(charts.sides)
            await press(pilot, "v")
        assert seen == [(0, 1), (0,), (1,), (0, 1)]
        await pilot.resize_terminal(80, 15)
        await pilot.pause()
        seen = []
        for _ in range(3):
            seen.append(charts.sides)
            await press(pilot, "tab")
        assert seen == [(0,), (1,), (0,)]

    run(check, both(), (80, 30))


def test_who_carried_more_is_shown_where_there_is_room_for_one() -> None:
    async def check(app: Plotted, pilot: Pilot[None]) -> None:
        assert app.charts.sides == (1,)
        assert "2:1234 → 3:1024" in app.text[0]

    run(check, Talk().open().rw("dst", 500).rw("src", 100), (80, 15))


def test_it_grows() -> None:
    async def check(app: Plotted, pilot: Pilot[None]) -> None:
        charts = app.charts
        await press(pilot, "j j")
        charts.grown(traced(both().at(9).rw("dst", 100)))
        await pilot.pause()
        assert (charts.cursor, charts.span) == (2, Span(0, 9 * SECOND))
        await press(pilot, "end")
        charts.grown(traced(both().at(9).rw("dst", 100).at(11).rw("dst", 1)))
        await pilot.pause()
        assert (charts.cursor, charts.span) == (5, Span(0, 11 * SECOND))

    run(check, both())


def test_nothing() -> None:
    async def check(app: Plotted, pilot: Pilot[None]) -> None:
        app.charts.show(Trace())
        await press(pilot, "j k plus minus l h 0 v enter pagedown end")
        await pilot.click(Charts, offset=(9, 5))
        assert not "".join(app.text).strip()
        assert app.chosen == []

    run(check, both())
