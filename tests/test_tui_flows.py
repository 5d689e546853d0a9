"""The view of connections: what it lists, what its keys do, what it says where there are none."""

import asyncio
import re
import time
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tests.captures import Taken, frame, pcap, pcapng
from tests.command import PCAPS
from tests.conversation import Talk
from tests.looking import Look, opened, settled
from tests.talks import full, hello, saved, stalled
from vsockdump.browsing.opened import Opened
from vsockdump.flows import Verdict
from vsockdump.tui import slowly
from vsockdump.tui.flows import Flows
from vsockdump.tui.view import OpenFlow, Said

SLOW = PCAPS / "slow-reader.pcap.zst"
BACKLOG = PCAPS / "backlog-full.pcap"
LATE = (1 << 63) - 2
"""ns since 1970, near the last time that can be told."""
Scenario = Callable[[Flows, Pilot[None]], Awaitable[None]]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slowly, "EVERY", 0)
    monkeypatch.setattr(slowly, "_SHARE", 0)


def show(found: Opened, scenario: Scenario, size: tuple[int, int] = (80, 24)) -> Look:
    async def shown() -> Look:
        app = Look(found, Flows)
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await scenario(app.query_one(Flows), pilot)
        return app

    return asyncio.run(shown())


def lines(view: Flows) -> list[str]:
    drawn = ("".join(s.text for s in view.rows.render_line(y)) for y in range(view.size.height))
    return [line.rstrip() for line in drawn if line.strip()]


def said(view: Flows) -> str:
    assert view.has_class("-empty")
    return str(view.query_one(Static).content)


async def sort(view: Flows, pilot: Pilot[None], word: str) -> None:
    """Press s until it is sorted by that."""
    while view.order.sort.word != word:
        view.action_sort(reverse=False)
    await settled(pilot)


# --- lines ------------------------------------------------------------------------------------


def test_a_line_a_connection() -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        assert lines(view) == [
            " 3 connections, by number ↑",
            "  # connection               verdict → bytes     ← bytes          free stalled",
            "  1 local:15009 > local:5009 SF            0           0             -       -",
            "  2 local:20001 > local:5009 SF            0           0             -       -",
            " !3 local:20002 > local:5009 REJ           0           0             -       -",
        ]

    with opened(BACKLOG) as found:
        show(found, scenario)


def test_bytes_over_time_and_stalls() -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        assert lines(view)[2:] == [
            " !1 local:15004 > local:5004 STALLED  300000 █ ▂       0     →min    0  1.993s"
        ]

    with opened(SLOW) as found:
        show(found, scenario)


def test_a_wider_terminal_shows_more() -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        assert "closed" not in lines(view)[2]
        await pilot.resize_terminal(120, 24)
        await settled(pilot)
        assert "closed" in lines(view)[2]

    with opened(SLOW) as found:
        show(found, scenario)


def test_every_verdict_is_explained() -> None:
    keys = {word for key, _ in Flows.help for word in key.split()}
    assert {verdict.name for verdict in Verdict} <= keys


def test_processes_are_named(tmp_path: Path) -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        found = view.opened.flow(1)
        assert found is not None
        assert "python3[812] > host:1234 sshd[9]" in lines(view)[2]

    with opened(saved(hello(), tmp_path / "hello")) as found:
        found.processes = lambda flow: ("python3[812]", "sshd[9]")  # type: ignore[method-assign]
        show(found, scenario, (120, 24))


def test_only_those_in_sight_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = hello()
    for port in range(2000, 2200):
        Talk((3, port), (2, 1234), on=talk).request()
    asked: set[int] = set()
    flows = Opened.flows

    def noted(self: Opened, numbers: list[int]) -> object:
        asked.update(numbers)
        return flows(self, numbers)

    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        assert asked == set(range(1, 25))
        assert len(lines(view)) == 24
        await pilot.press("G")
        await settled(pilot)
        assert asked == {*range(1, 25), *range(180, 202)}

    with opened(saved(talk, tmp_path / "many")) as found:
        monkeypatch.setattr(Opened, "flows", noted)
        show(found, scenario)


def test_a_connection_that_was_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        view.refresh_view()
        assert "3 was forgotten to make room" in lines(view)[4]

    with opened(BACKLOG) as found:
        known = found.flows([1, 2])
        monkeypatch.setattr(
            found, "flows", lambda numbers: [flow for flow in known if flow.number in numbers]
        )
        show(found, scenario)


# --- order, cursor and filter -------------------------------------------------------------------


def test_sorting_goes_to_the_top() -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        await pilot.press("j", "j")
        await sort(view, pilot, "problems")
        assert lines(view)[0] == " 3 connections, by problems ↓"
        assert view.listed.numbers[0] == 3
        assert (view.rows.cursor, view.selected) == (0, [3])
        view.action_sort(reverse=True)
        await settled(pilot)
        assert lines(view)[0] == " 3 connections, by problems ↑"
        assert view.listed.numbers[-1] == 3

    with opened(BACKLOG) as found:
        show(found, scenario)


def test_the_cursor_stays_with_its_connection() -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        await pilot.press("j")
        assert view.selected == [2]
        view.looking.matching = array("Q", [3, 4, 5, 6, 7, 8, 9, 10, 11, 12])  # type: ignore[misc]
        view.refresh_view()
        await settled(pilot)
        assert list(view.listed.numbers) == sorted(view.listed.numbers)
        assert view.selected == [2]

    with opened(BACKLOG) as found:
        show(found, scenario)


def test_only_connections_with_packets_that_match() -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        view.looking.matching = found.index.of(3)  # type: ignore[misc]
        view.refresh_view()
        await settled(pilot)
        assert lines(view)[0] == " 1 connection with packets that match, by number ↑"
        assert list(view.listed.numbers) == [3]
        view.looking.matching = array("Q")  # type: ignore[misc]
        view.refresh_view()
        await settled(pilot)
        assert said(view) == "No connection matches the display filter."

    with opened(BACKLOG) as found:
        show(found, scenario)


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "view"),
    [("enter", "ladder"), ("e", "credit"), ("f", "follow"), ("o", "packets")],
)
def test_keys_open_a_connection(key: str, view: str) -> None:
    async def scenario(_: Flows, pilot: Pilot[None]) -> None:
        await pilot.press("j", key)

    with opened(BACKLOG) as found:
        (told,) = show(found, scenario).told
    assert isinstance(told, OpenFlow)
    assert (told.flows, told.view) == ([2], view)


def test_several_are_selected() -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        await pilot.press("j", "space", "k", "k", "space")
        assert lines(view)[0] == " 3 connections, by number ↑, 2 selected"
        assert [line[0] for line in lines(view)[2:]] == ["●", "●", " "]
        await pilot.press("enter")

    with opened(BACKLOG) as found:
        (told,) = show(found, scenario).told
    assert isinstance(told, OpenFlow)
    assert told.flows == [1, 2]


def test_a_line_is_copied() -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        await pilot.press("j")
        view.action_copy()

    with opened(BACKLOG) as found:
        app = show(found, scenario)
    assert re.match(r"2  [\d:.]+  local:20001 > local:5009  SF  closed", app.clipboard)
    assert [told.text for told in app.told if isinstance(told, Said)] == [
        "copied the line of connection 2"
    ]


def test_it_goes_to_what_was_selected_elsewhere() -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        view.looking.selected_flows = [3]
        view.show_flows()
        assert view.selected == [3]
        view.looking.selected_flows = [17]
        view.show_flows()
        assert view.selected == [3]

    with opened(BACKLOG) as found:
        show(found, scenario)


def test_keys_do_nothing_where_nothing_is(tmp_path: Path) -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        await pilot.press("enter", "e", "space", "j", "G")
        view.action_copy()
        view.action_sort(reverse=True)
        await settled(pilot)
        assert said(view) == "There is no packet in it."

    path = tmp_path / "empty.pcap"
    path.write_bytes(pcap([]))
    with opened(path) as found:
        assert show(found, scenario).told == []


# --- live -----------------------------------------------------------------------------------------


def test_while_it_is_read_it_says_so() -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        assert said(view).startswith(f"reading {SLOW}: ")

    with opened(SLOW, read=False) as found:
        show(found, scenario)


def test_while_nothing_comes_it_says_what_to_check(tmp_path: Path) -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        assert said(view).startswith("No packets yet.")
        assert "capture in the guest" in said(view)

    path = tmp_path / "growing.pcap"
    path.write_bytes(pcap([]))
    with opened(path, follow=True) as found:
        show(found, scenario)


def test_a_stall_grows_while_nothing_comes(tmp_path: Path) -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        assert " → bytes" in lines(view)[1]
        view._came -= 100_000_000_000
        view._tick()
        assert re.search(r"→·+ +0 1\d\d\.\d{3}s$", lines(view)[2])

    with opened(saved(full(), tmp_path / "full"), follow=True) as found:
        show(found, scenario)


def test_a_stall_that_the_capture_ends_in_does_not(tmp_path: Path) -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        before = lines(view)[2]
        view._came -= 100_000_000_000
        view._tick()
        assert lines(view)[2] == before

    with opened(saved(full(), tmp_path / "full")) as found:
        show(found, scenario)


def test_names_of_others_do_nothing(tmp_path: Path) -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        assert "[red]" in lines(view)[2]

    with opened(saved(stalled(), tmp_path / "stalled")) as found:
        found.processes = lambda flow: ("[red]x[1]", None)  # type: ignore[method-assign]
        show(found, scenario, (120, 24))


def test_time_may_be_near_its_end(tmp_path: Path) -> None:
    async def scenario(view: Flows, pilot: Pilot[None]) -> None:
        assert view._rates_of([1], 3_600_000_000_000)[1][0][-1] == 4

    frames = [frame(op=1), frame(b"last")]
    path = tmp_path / "late.pcapng"
    path.write_bytes(pcapng(Taken(LATE + n, one, len(one)) for n, one in enumerate(frames, -1)))
    with opened(path, follow=True) as found:
        while found.count < 2:
            time.sleep(0.001)
        show(found, scenario)
