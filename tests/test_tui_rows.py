"""The list of any number of rows: its cursor, what it asks for, what it draws."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from rich.segment import Segment
from textual import on
from textual.app import App, ComposeResult
from textual.events import MouseScrollUp
from textual.pilot import Pilot

from vsockdump.tui.rows import Rows

LONG = "a line that is much wider than the screen: " + "0123456789" * 10


class Numbers(App[None]):
    """A list of numbers, and what it said."""

    def __init__(self, count: int, head: Sequence[str] = ("number",)) -> None:
        super().__init__()
        self.total = count
        self.asked: list[int] = []
        self.said: list[tuple[str, int]] = []
        self.head = head
        self.longer = ""

    def compose(self) -> ComposeResult:
        yield Rows(
            self.draw,
            lambda: self.total,
            lambda width: [[Segment(text)] for text in self.head],
            lambda row: row + 1000,
        )

    def draw(self, row: int, width: int) -> Sequence[Segment]:
        self.asked.append(row)
        return [Segment(f"row {row}{self.longer} [red]{row}[/red]")]

    @on(Rows.RowHighlighted)
    def highlighted(self, event: Rows.RowHighlighted) -> None:
        self.said.append(("at", event.row))

    @on(Rows.RowSelected)
    def selected(self, event: Rows.RowSelected) -> None:
        self.said.append(("chosen", event.row))


def run(app: Numbers, scenario: Callable[[Rows, Pilot[None]], Awaitable[None]]) -> None:
    async def scene() -> None:
        async with app.run_test(size=(40, 10)) as pilot:
            rows = app.query_one(Rows)
            rows.focus()
            await pilot.pause()
            await scenario(rows, pilot)

    asyncio.run(scene())


def lines(rows: Rows) -> list[str]:
    return [rows.render_line(y).text.rstrip() for y in range(rows.size.height)]


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        ("j", 1),
        ("down down", 2),
        ("j j k", 1),
        ("k", 0),
        ("G", 9_999_999),
        ("end", 9_999_999),
        ("G k", 9_999_998),
        ("G j", 9_999_999),
        ("G g g", 0),
        ("G home", 0),
        ("G g j g", 9_999_999),
        ("pagedown", 9),
        ("ctrl+f pageup", 0),
    ],
)
def test_keys_move_the_cursor_over_ten_million_rows(keys: str, row: int) -> None:
    app = Numbers(10_000_000)

    async def scenario(rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.press(*keys.split())
        assert rows.cursor == row
        assert f"row {row} [red]{row}[/red]" in lines(rows)
        assert lines(rows)[0] == "number"

    run(app, scenario)


def test_only_rows_in_sight_are_asked_for_and_only_once() -> None:
    app = Numbers(10_000_000)

    async def scenario(rows: Rows, pilot: Pilot[None]) -> None:
        app.asked.clear()
        rows.refresh_rows()
        await pilot.press("j", "k", "j")
        assert sorted(app.asked) == list(range(9))
        await pilot.press("G")
        assert len(app.asked) == 18
        assert set(app.asked[9:]) == set(range(9_999_991, 10_000_000))

    run(app, scenario)


def test_refreshing_draws_anew_what_changed_and_keeps_what_was_only_added_to() -> None:
    app = Numbers(3)

    async def scenario(rows: Rows, pilot: Pilot[None]) -> None:
        app.longer = "!"
        app.total = 4
        rows.refresh_rows(added=True)
        await pilot.pause()
        assert [line[:6] for line in lines(rows)[1:5]] == ["row 0 ", "row 1 ", "row 2 ", "row 3!"]
        rows.refresh_rows()
        assert [line[:6] for line in lines(rows)[1:5]] == ["row 0!", "row 1!", "row 2!", "row 3!"]

    run(app, scenario)


def test_without_rows_there_is_nothing_to_choose_and_the_first_to_come_is_said() -> None:
    app = Numbers(0)

    async def scenario(rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.press("j", "G", "k", "enter", "space", "F", "F")
        await pilot.click(Rows, offset=(3, 3))
        assert (rows.cursor, app.said, rows.marked) == (0, [], set())
        app.total = 5
        rows.refresh_rows()
        await pilot.pause()
        assert app.said == [("at", 0)]
        app.total = 0
        rows.refresh_rows()
        assert lines(rows) == ["number", *[""] * 9]
        rows.follow, app.total = True, 7
        rows.refresh_rows()
        await pilot.pause()
        assert app.said[1:] == [("at", 6)]

    run(app, scenario)


def test_fewer_rows_pull_the_cursor_back() -> None:
    app = Numbers(100)

    async def scenario(rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.press("G")
        app.total = 50
        rows.refresh_rows()
        await pilot.pause()
        assert rows.cursor == 49
        assert app.said[-1] == ("at", 49)
        assert "row 49 [red]49[/red]" in lines(rows)

    run(app, scenario)


def test_the_tail_is_followed_until_the_cursor_goes_up() -> None:
    app = Numbers(100)

    async def scenario(rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.press("F")
        assert rows.cursor == 99
        app.total = 300
        rows.refresh_rows(added=True)
        await pilot.pause()
        assert (rows.cursor, rows.follow) == (299, True)
        await pilot.press("G")
        assert rows.follow
        await pilot.press("k")
        app.total = 400
        rows.refresh_rows(added=True)
        await pilot.pause()
        assert (rows.cursor, rows.follow) == (298, False)
        assert "row 298 [red]298[/red]" in lines(rows)

    run(app, scenario)


def test_the_wheel_scrolls_and_leaves_the_tail() -> None:
    app = Numbers(1000)

    async def scenario(rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.press("F")
        await pilot._post_mouse_events([MouseScrollUp], Rows)
        await pilot.pause()
        assert not rows.follow
        assert rows.scroll_offset.y < 1000 - 9
        assert rows.cursor == 999

    run(app, scenario)


def test_space_marks_by_key_and_goes_on() -> None:
    app = Numbers(10)

    async def scenario(rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.press("space", "space", "k", "space")
        assert rows.marked == {1000}
        assert rows.cursor == 2

    run(app, scenario)


def test_a_click_goes_to_the_row_and_another_chooses_it() -> None:
    app = Numbers(1000)

    async def scenario(rows: Rows, pilot: Pilot[None]) -> None:
        rows.show_row(500)
        await pilot.pause()
        shown = lines(rows).index("row 498 [red]498[/red]")
        await pilot.click(Rows, offset=(5, shown))
        assert rows.cursor == 498
        await pilot.click(Rows, offset=(5, 0))
        assert app.said[-1] == ("at", 498)
        await pilot.click(Rows, offset=(5, shown))
        assert app.said[-1] == ("chosen", 498)
        await pilot.press("j", "enter")
        assert app.said[-1] == ("chosen", 499)

    run(app, scenario)


def test_wider_lines_can_be_seen_to_their_end_and_no_further() -> None:
    app = Numbers(5)
    app.longer = LONG

    async def scenario(rows: Rows, pilot: Pilot[None]) -> None:
        whole = f"row 0{LONG} [red]0[/red]"
        assert lines(rows)[1] == whole[:40].rstrip()
        await pilot.press("l", "right", "h")
        assert lines(rows)[:2] == ["", whole[8:48].rstrip()]
        await pilot.press(*"l" * 50)
        assert lines(rows)[1] == whole[-40:].rstrip()
        await pilot.press(*"h" * 50)
        assert lines(rows)[1] == whole[:40].rstrip()

    run(app, scenario)


def test_the_cursor_stays_in_sight_when_the_window_shrinks() -> None:
    app = Numbers(1000)

    async def scenario(rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.press("pagedown")
        await pilot.resize_terminal(30, 4)
        await pilot.pause()
        assert "row 9 [red]9[/red]" in lines(rows)
        assert len(lines(rows)) == 4

    run(app, scenario)


def test_cursor_and_marked_rows_look_different_in_every_theme() -> None:
    app = Numbers(5)

    async def scenario(rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.press("space", "j")
        for theme in app.available_themes:
            app.theme = theme
            await pilot.pause()
            styles = [{segment.style for segment in rows.render_line(y)} for y in (1, 2, 3)]
            assert styles[0] != styles[1]
            assert styles[2] not in styles[:2]

    run(app, scenario)
