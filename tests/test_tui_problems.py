"""The view of what is wrong: its sentences, where its keys go, and that it keeps its place."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import MethodType

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tests.captures import START, Taken, pcap
from tests.command import PCAPS
from tests.conversation import Talk
from tests.looking import Look, opened, settled
from tests.talks import hello, saved, stalled
from vsockdump.browsing.opened import Opened
from vsockdump.events import Kind, Severity
from vsockdump.tui import slowly
from vsockdump.tui.problems import Problems
from vsockdump.tui.remarklines import Key, Told
from vsockdump.tui.view import GoTo, OpenFlow, Said

SLOW = PCAPS / "slow-reader.pcap.zst"
Scenario = Callable[[Problems, Pilot[None]], Awaitable[None]]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slowly, "EVERY", 0)
    monkeypatch.setattr(slowly, "_SHARE", 0)


def show(found: Opened, scenario: Scenario, size: tuple[int, int] = (80, 24)) -> Look:
    async def shown() -> Look:
        app = Look(found, Problems)
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await scenario(app.query_one(Problems), pilot)
        return app

    return asyncio.run(shown())


def lines(view: Problems) -> list[str]:
    drawn = ("".join(s.text for s in view.rows.render_line(y)) for y in range(view.size.height))
    return [line.rstrip() for line in drawn]


def text(view: Problems) -> str:
    return " ".join(" ".join(lines(view)).split())


@pytest.fixture
def some(tmp_path: Path) -> Path:
    """A stall, and two connections that were refused."""
    talk = stalled()
    Talk((3, 98), (2, 99), on=talk).request().rst("dst")
    Talk((3, 99), (2, 99), on=talk).request().rst("dst")
    return saved(talk, tmp_path / "some")


async def fold(view: Problems, pilot: Pilot[None], key: str = "space") -> None:
    await pilot.press(key)
    await settled(pilot)


def test_the_worst_first(some: Path) -> None:
    async def scenario(view: Problems, pilot: Pilot[None]) -> None:
        found = lines(view)
        assert (
            found[0]
            == "capture: 16 packets, 3 connections, seen from their start; nothing is known to"
        )
        assert "▾ problem: refused, 2 times" in found
        assert "▾ problem: stall" in found
        assert "host:1234 did not read, or did not say so (262144 bytes under way" in text(view)

    with opened(some) as found:
        show(found, scenario)


def test_the_cursor_begins_at_the_first_sentence(some: Path) -> None:
    async def scenario(view: Problems, pilot: Pilot[None]) -> None:
        assert view.event is not None
        assert (view.event.kind, view.event.flow) == (Kind.REFUSED, 2)

    with opened(some) as found:
        show(found, scenario)


def test_enter_goes_to_the_packet() -> None:
    async def scenario(view: Problems, pilot: Pilot[None]) -> None:
        await pilot.press("enter")

    with opened(SLOW) as found:
        (told,) = show(found, scenario).told
    assert isinstance(told, GoTo)
    assert told.number == 7


@pytest.mark.parametrize(("key", "wanted"), [("o", "ladder"), ("e", "credit"), ("f", "follow")])
def test_keys_open_the_connection(some: Path, key: str, wanted: str) -> None:
    async def scenario(view: Problems, pilot: Pilot[None]) -> None:
        await pilot.press("G", key)

    with opened(some) as found:
        (told,) = show(found, scenario).told
    assert isinstance(told, OpenFlow)
    assert (told.flows, told.view) == ([1], wanted)


def test_a_group_is_folded(some: Path) -> None:
    async def scenario(view: Problems, pilot: Pilot[None]) -> None:
        await fold(view, pilot)
        assert "▸ problem: refused, 2 times" in lines(view)
        assert "refused 3:98" not in text(view)
        assert "could not send" in text(view)
        assert view.current is not None
        assert view.current.key == (Severity.PROBLEM, Kind.REFUSED)
        await fold(view, pilot, "enter")
        assert "refused 3:98" in text(view)

    with opened(some) as found:
        assert show(found, scenario).told == []


def test_a_sentence_is_copied(some: Path) -> None:
    async def scenario(view: Problems, pilot: Pilot[None]) -> None:
        await pilot.press("G")
        view.action_copy()

    with opened(some) as found:
        clipboard = show(found, scenario, (60, 24)).clipboard
    assert clipboard.endswith(
        "flow 1, packets 6 and 7: 3:1024 could not send for 1.500 s: host:1234 did not read, or"
        " did not say so (262144 bytes under way, 262144 allowed)"
    )


def test_it_is_wrapped_anew(some: Path) -> None:
    async def scenario(view: Problems, pilot: Pilot[None]) -> None:
        narrow = len(view.told)
        await pilot.resize_terminal(200, 24)
        await settled(pilot)
        assert len(view.told) < narrow
        assert view.event is not None
        assert (view.event.kind, view.event.flow) == (Kind.REFUSED, 2)

    with opened(some) as found:
        show(found, scenario)


def test_it_keeps_its_place_while_more_is_found(tmp_path: Path) -> None:
    """What comes later is above: a refusal is worse than a short stall."""
    first = stalled(0.5)  # which is no problem yet
    path = tmp_path / "growing.pcap"
    packets = list(first.packets)
    Talk((3, 98), (2, 99), on=first).request().rst("dst")
    whole = pcap([Taken(START + p.time, p.frame, p.wire) for p in first.packets])
    size = len(pcap([Taken(START + p.time, p.frame, p.wire) for p in packets]))
    path.write_bytes(whole[:size])

    async def scenario(view: Problems, pilot: Pilot[None]) -> None:
        assert view.event is not None
        assert view.event.kind is Kind.STALL
        row = view.rows.cursor
        path.write_bytes(whole)
        while view.opened.count < len(first.packets):
            await pilot.pause()
        view.refresh_view()
        await settled(pilot)
        assert view.event is not None
        assert view.event.kind is Kind.STALL
        assert view.rows.cursor > row

    with opened(path, follow=True) as found:
        while found.count < len(packets):
            time.sleep(0.001)
        show(found, scenario)


def test_nothing_is_wrong(tmp_path: Path) -> None:
    async def scenario(view: Problems, pilot: Pilot[None]) -> None:
        assert lines(view)[3] == "nothing is wrong"
        await pilot.press("enter", "space", "G", "enter")

    with opened(saved(hello(), tmp_path / "hello")) as found:
        assert show(found, scenario).told == []


@pytest.mark.parametrize("key", ["o", "e", "f"])
def test_a_heading_is_about_no_connection(some: Path, key: str) -> None:
    async def scenario(view: Problems, pilot: Pilot[None]) -> None:
        await pilot.press("k")
        assert view.current is not None
        assert view.current.key
        assert view.event is None
        await pilot.press(key)

    with opened(some) as found:
        (told,) = show(found, scenario).told
    assert isinstance(told, Said)
    assert told.text == "no connection: put the cursor on a sentence"


def test_sentences_are_wrapped_only_to_a_width_that_there_is(
    some: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths: list[int] = []
    find = Problems._find

    def noted(self: Problems, width: int, closed: frozenset[Key]) -> list[Told]:
        widths.append(width)
        return find(self, width, closed)

    def early() -> Problems:
        view = Problems()
        view._find = MethodType(noted, view)  # type: ignore[method-assign]
        view._look()  # as an application does that has not laid it out yet
        return view

    async def scenario() -> None:
        app = Look(found, early)
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)

    with opened(some) as found:
        asyncio.run(scenario())
    assert set(widths) == {78}


def test_nothing_is_wrong_so_far(tmp_path: Path) -> None:
    async def scenario(view: Problems, pilot: Pilot[None]) -> None:
        assert lines(view)[3] == "nothing is wrong so far"

    with opened(saved(hello(), tmp_path / "hello"), follow=True) as found:
        while not found.count:
            time.sleep(0.001)
        show(found, scenario)


def test_there_is_nothing_yet(tmp_path: Path) -> None:
    async def scenario(view: Problems, pilot: Pilot[None]) -> None:
        view.refresh_view()
        assert view.has_class("-empty")
        assert "No packets yet." in str(view.query_one(Static).content)

    path = tmp_path / "growing.pcap"
    path.write_bytes(pcap([]))
    with opened(path, follow=True) as found:
        show(found, scenario)
