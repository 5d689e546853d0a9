"""The application: its keys, each with what it changes."""

from __future__ import annotations

import asyncio
import os
import signal
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Static

from tests.looking import opened
from tests.talks import hello, saved, stalled
from vsockdump.names import Names
from vsockdump.sources.savefile import Savefile
from vsockdump.tui.app import VIEWS, Vsockdump
from vsockdump.tui.config import Config
from vsockdump.tui.helpscreen import Help
from vsockdump.tui.packets import Packets
from vsockdump.tui.prompt import Prompt
from vsockdump.tui.status import Status
from vsockdump.tui.tabline import TabLine

Scenario = Callable[[Pilot[None], Vsockdump], Awaitable[None]]

TWO = 19  # packets: twelve of a connection that stalls at the seventh, and seven of another


def play(tmp_path: Path, scenario: Scenario, **more: object) -> None:
    """Have a scenario press keys while two connections are looked at."""
    talk = stalled()
    hello(talk, 1025)

    async def run() -> None:
        with opened(saved(talk, tmp_path / "two.pcapng")) as found:
            app = Vsockdump(found, Names().endpoint, **more)  # type: ignore[arg-type]
            async with app.run_test(size=(80, 24)) as pilot:
                await pilot.pause()
                await scenario(pilot, app)

    asyncio.run(run())


def status(app: Vsockdump) -> str:
    return app.query_one(Status).render().plain


async def typed(pilot: Pilot[None], text: str) -> None:
    """Type a line and enter."""
    await pilot.press(*(KEYS.get(letter, letter) for letter in text), "enter")
    await pilot.pause()


KEYS = {" ": "space", "/": "slash", ":": "colon", "<": "less_than_sign"}


async def picked(app: Vsockdump, pilot: Pilot[None]) -> array[int]:
    """Wait until the display filter has looked at everything."""
    assert app._picked is not None
    while app._picked.looked_at < TWO:
        await pilot.pause(0.01)
    await pilot.pause(0.1)
    return app._picked.numbers


@pytest.mark.parametrize("place", range(1, 8))
def test_a_number_shows_a_view(tmp_path: Path, place: int) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press(str(place))
        assert app.view.id == VIEWS[place - 1].__name__.lower()
        assert app.query_one(TabLine).seen == app.view.id
        assert app.focused is None or app.view in app.focused.ancestors_with_self

    play(tmp_path, scenario)


def test_a_click_on_its_name_shows_it_too(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        line = app.query_one(TabLine).render().plain
        await pilot.click(TabLine, offset=(line.index("Problems"), 0))
        assert app.view.id == "problems"
        await pilot.press("escape")
        assert app.view.id == "flows"

    play(tmp_path, scenario)


def test_views_of_connections_show_the_one_that_is_looked_at(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("2")
        app.go_to(15)
        await pilot.press("3")
        assert app.selected_flows == [2]

    play(tmp_path, scenario)


def test_a_display_filter(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("2", "slash")
        assert app.query_one(Prompt).asks
        await typed(pilot, "op rst")
        assert not app.query_one(Prompt).asks
        numbers = await picked(app, pilot)
        assert list(numbers) == [n for n in range(1, TWO + 1) if is_rst(app, n)]
        assert "/op rst: 4" in status(app)
        assert app.query_one(Packets).list.count == len(numbers)
        await pilot.press("slash", "ctrl+u", "enter")
        assert app.matching is None

    play(tmp_path, scenario)


def is_rst(app: Vsockdump, number: int) -> bool:
    batch, row = app.opened.batch(number)
    return batch.column("virtio_op")[row] == 3


def test_what_is_typed_is_judged_at_once(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        prompt = app.query_one(Prompt)
        await pilot.press("slash", *"por")
        assert prompt.has_class("wrong")
        assert "no term begins with 'por'" in text(prompt, "wrong")
        assert text(prompt, "more") == "port"
        await pilot.press("enter")  # a wrong one is not taken
        assert prompt.asks
        await pilot.press("tab", "5")
        await pilot.pause()
        assert prompt.has_class("right")
        assert text(prompt, "question") == "filter ✓ "
        await pilot.press("escape")
        assert not prompt.asks
        assert app.matching is None
        assert app.focused is not None  # and keys are the list's again

    play(tmp_path, scenario)


def text(prompt: Prompt, part: str) -> str:
    return str(prompt.query_one(f"#{part}", Static).render())


def test_what_was_typed_before_comes_again(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("slash")
        await typed(pilot, "op rw")
        await pilot.press("slash", "ctrl+u", "up")
        assert app.prompt._line.value == "op rw"
        await pilot.press("down")
        assert app.prompt._line.value == ""

    play(tmp_path, scenario)


def test_keys_that_come_at_once_are_taken_in_their_order(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        for letter in "2/free <65536\r:":
            app.post_message(
                events.Key("enter" if letter == "\r" else KEYS.get(letter, letter), letter)
            )
        await pilot.pause(0.2)
        assert app._picked is not None
        assert app._picked.text == "free <65536"
        assert app.prompt.asks

    play(tmp_path, scenario)


def test_commands(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("colon")
        await typed(pilot, "7")
        assert (app.view.id, app.current_packet) == ("packets", 7)
        await pilot.press("colon")
        await typed(pilot, "flow 2")
        assert (app.view.id, app.selected_flows) == ("ladder", [2])
        await pilot.press("colon")
        await typed(pilot, "theme nord")
        assert app.theme == "nord"
        await pilot.press("colon")
        await typed(pilot, "99")
        assert status(app) == " there is no packet 99"
        await pilot.press("colon")
        await typed(pilot, "filter op rw")
        await picked(app, pilot)
        await pilot.press("colon")
        await typed(pilot, "1")
        assert "does not show packet 1" in status(app)
        await pilot.press("colon")
        await typed(pilot, "quit")

    play(tmp_path, scenario)


def test_problems_are_gone_to(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("n")
        await pilot.pause()
        assert (app.view.id, app.current_packet) == ("packets", 7)
        await pilot.press("n")
        assert status(app) == " no more problem"
        app.go_to(TWO)
        await pilot.pause()
        await pilot.press("N")
        await pilot.pause()
        assert app.current_packet == 7

    play(tmp_path, scenario)


def test_marks(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        app.go_to(5)
        await pilot.pause()
        await pilot.press("m", "q")  # q names it, and does not quit
        assert app.marks == {"q": ("packets", 5)}
        app.go_to(9)
        await pilot.pause()
        await pilot.press("1", "apostrophe", "q")
        await pilot.pause()
        assert (app.view.id, app.current_packet) == ("packets", 5)
        await pilot.press("apostrophe", "x")
        assert "no mark x" in status(app)

    play(tmp_path, scenario)


def test_pause(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("p")
        assert app.paused
        assert "PAUSED, 0 packets since" in status(app)
        await pilot.press("p")
        assert not app.paused

    play(tmp_path, scenario)


def test_problems_are_counted_in_their_tab(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.pause(0.2)
        assert "6 Problems 1" in app.tabs.render().plain

    play(tmp_path, scenario)


def test_help_is_of_the_view_in_sight(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("4", "question_mark")
        await pilot.pause()
        assert isinstance(app.screen, Help)
        assert app.screen._title == "Credit"
        await pilot.press("j", "k", "escape")
        assert not isinstance(app.screen, Help)
        assert app.view.id == "credit"

    play(tmp_path, scenario)


def test_every_view_explains_its_keys() -> None:
    for view in VIEWS:
        assert view.help
        assert view.title == view.__name__


def test_sorting_copying_and_zooming_are_the_views(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        before = app.query_one("#flows").order  # type: ignore[attr-defined]
        await pilot.press("s")
        assert app.query_one("#flows").order != before  # type: ignore[attr-defined]
        await pilot.press("6", "s")
        assert status(app) == " Problems has nothing to sort"
        await pilot.press("2", "backslash")
        assert app.query_one(Packets).has_class("zoomed")
        await pilot.press("c")
        assert app.clipboard

    play(tmp_path, scenario)


def saved_numbers(path: Path) -> int:
    source = Savefile(str(path))
    count = sum(batch.count for batch in source.batches() if batch is not None)
    source.close()
    return count


def test_saving_what_is_shown_or_selected(tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"

    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        app.save_shown(str(out))
        await app.workers.wait_for_complete()
        assert saved_numbers(out) == TWO
        app.pick("op rst")
        await picked(app, pilot)
        app.save_shown(str(out))  # it is there: this is asked first
        assert app.prompt.asks
        await pilot.press("n", "enter")
        assert saved_numbers(out) == TWO
        app.save_shown(str(out))
        await pilot.press("y", "enter")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert saved_numbers(out) == 4
        assert "4 packets saved" in status(app)
        await pilot.press("2", "space")
        await pilot.pause()
        await pilot.press("w")
        assert "save 1 packet to" in text(app.prompt, "question")

    play(tmp_path, scenario)


def test_saving_the_packets_of_connections(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("down", "space", "w")
        assert "save 7 packets to" in text(app.prompt, "question")
        await pilot.press("escape", "2", "w")
        assert f"save {TWO} packets to" in text(app.prompt, "question")

    play(tmp_path, scenario)


def test_what_is_selected_is_counted(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("2", "space", "space")
        await pilot.pause(0.2)
        assert "2 selected" in status(app)

    play(tmp_path, scenario)


def test_a_file_needs_a_name(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        app.save_shown(" ")
        assert status(app) == " the name of a file is missing"

    play(tmp_path, scenario)


def test_what_is_to_be_typed_is_printable(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        app.ask("name", "\x1b]0;own\x07", lambda answer: None)
        await pilot.pause()
        assert app.prompt._line.value == r"\x1b]0;own\x07"
        app.prompt._line.value = "\x1b[31m"
        await pilot.pause()
        assert app.prompt._line.value == r"\x1b[31m"

    play(tmp_path, scenario)


def test_signals_that_ask(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        os.kill(os.getpid(), signal.SIGUSR2)
        os.kill(os.getpid(), signal.SIGUSR1)
        await pilot.pause(0.1)
        assert status(app) == f" {TWO} packets, 0 dropped by kernel"

    play(tmp_path, scenario)


def test_numbers_that_no_connection_has(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("colon")
        await typed(pilot, "flow 5000000000")
        app.pick("flow 5000000000")
        assert len(await picked(app, pilot)) == 0
        assert app.is_running

    play(tmp_path, scenario)


def test_what_cannot_be_saved_is_said(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        app.save_shown(str(tmp_path / "no" / "such.pcapng"))
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "No such file or directory" in status(app)

    play(tmp_path, scenario)


def test_configured_keys_and_theme(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        assert app.theme == "nord"
        await pilot.press("f3")
        assert app.prompt.asks
        await pilot.press("escape", "slash")
        assert not app.prompt.asks

    play(tmp_path, scenario, config=Config({"filter": "f3"}, "nord"))


def test_an_expression_to_begin_with(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        assert list(await picked(app, pilot)) == list(range(13, TWO + 1))

    play(tmp_path, scenario, expression="verdict sf")


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_quit(tmp_path: Path, key: str) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        await pilot.press("m" if key == "ctrl+c" else "1", key)
        await pilot.pause()
        assert not app.is_running or app._exit

    play(tmp_path, scenario)


def test_what_is_said_is_printable(tmp_path: Path) -> None:
    async def scenario(pilot: Pilot[None], app: Vsockdump) -> None:
        app.say("\x1b[31mred [b]bold[/b]")
        assert status(app) == r" \x1b[31mred [b]bold[/b]"

    play(tmp_path, scenario)
