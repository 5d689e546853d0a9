"""The view of credit: what it plots, what it says of the cursor, and where there is nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from vsockdump.errors import ReadError
from vsockdump.flows import Credit as Of
from vsockdump.paint import SHADE
from vsockdump.tui import credit
from vsockdump.tui.credit import Credit
from vsockdump.tui.details import credit_line, packet_line
from vsockdump.tui.trace import Moment
from vsockdump.tui.view import GoTo, Said

from .command import PCAPS
from .conversation import SECOND, Talk
from .looking import Look, opened, settled
from .talks import saved
from .test_steps import stalled

Check = Callable[[Look, Credit, Pilot[None]], Awaitable[None]]


def run(
    path: Path, check: Check, flows: list[int], size: tuple[int, int] = (80, 20), current: int = 0
) -> None:
    async def scenario() -> None:
        with opened(path) as capture:
            app = Look(capture, lambda: Credit(id="credit"))
            app.selected_flows, app.current_packet = flows, current
            async with app.run_test(size=size) as pilot:
                await settled(pilot)
                await check(app, app.query_one(Credit), pilot)

    asyncio.run(scenario())


def said(app: Look) -> str:
    """The text that stands where there is nothing to plot."""
    text = app.query_one(".state")
    return " ".join(str(text.render()).split()) if text.display else ""


def test_it_plots_the_connection_that_is_selected(tmp_path: Path) -> None:
    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        assert said(app) == ""
        assert view.charts.display
        assert view.charts.has_focus
        assert view.charts.trace.count == 8
        assert view.charts.whole.end == 5 * SECOND + 300_000
        assert [way.stalls != [] for way in view.charts.trace.ways] == [True, False]

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1, 2])


def test_it_says_what_is_at_the_cursor(tmp_path: Path) -> None:
    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        await pilot.press("j", "j")
        first, second = view.readout()
        assert first.split()[:4] == ["0.000200", "#3", "→", "RW"]
        expected = "→ tx_cnt 100000  fwd_cnt 0  in flight 100000  window 100000  free 0 ░"
        assert second == expected
        await pilot.pause()
        assert str(app.query_one(".readout").render()) == f"{first}\n{second}"
        await pilot.press("plus")
        assert view.readout()[0].endswith("to 2.500250")

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_both_directions_have_a_line(tmp_path: Path) -> None:
    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        assert [line[:1] for line in view.readout()[1:]] == ["→", "←"]
        await pilot.press("v", "v")
        assert [line[:1] for line in view.readout()[1:]] == ["←"]

    talk = Talk().open().rw("src", 5).rw("dst", 5)
    run(saved(talk, tmp_path / "a.pcapng"), check, [1], size=(80, 40))


def test_enter_goes_to_the_packet_and_c_copies(tmp_path: Path) -> None:
    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        await pilot.press("end", "k", "enter")
        await pilot.pause()
        (told,) = app.told
        assert isinstance(told, GoTo)
        assert told.number == 8
        view.action_copy()
        await pilot.pause()
        assert app.clipboard == "\n".join(view.readout())
        assert isinstance(app.told[-1], Said)

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_it_begins_where_the_list_of_packets_is(tmp_path: Path) -> None:
    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        assert view.charts.trace[view.charts.cursor].number == app.current_packet == 5

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1], current=5)


def test_a_packet_of_another_connection_is_nowhere(tmp_path: Path) -> None:
    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        assert view.charts.cursor == 0

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1], current=4)  # the other one's REQUEST


def test_no_connection_is_selected(tmp_path: Path) -> None:
    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        assert said(app).startswith("No connection is selected: in Flows (1)")
        assert not view.charts.display
        app.selected_flows = [1]
        view.show_flows()
        await settled(pilot)
        assert said(app) == ""
        assert view.charts.has_focus
        app.selected_flows = []
        view.show_flows()
        await settled(pilot)
        assert said(app).startswith("No connection is selected")

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [])


def test_a_connection_without_data(tmp_path: Path) -> None:
    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        assert said(app) == (
            "connection 1 carried no data: refused: nobody listens for this type, or the backlog"
            " is full"
        )

    run(saved(Talk().request().rst("dst"), tmp_path / "a.pcapng"), check, [1])


def test_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> object:
        raise ReadError("a.pcapng \x1b[31m is gone")

    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        assert said(app) == r"a.pcapng \x1b[31m is gone"

    monkeypatch.setattr(credit, "replay", broken)
    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_another_connection_is_another_plot(tmp_path: Path) -> None:
    talk = stalled()
    Talk((5, 5), on=talk).open().rw("src", 7)

    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        await pilot.press("end", "plus", "v")
        app.selected_flows = [3]
        view.show_flows()
        await settled(pilot)
        charts = view.charts
        assert (charts.trace.count, charts.cursor, charts.zoom, charts.side) == (3, 0, None, None)

    run(saved(talk, tmp_path / "a.pcapng"), check, [1])


def test_of_a_long_connection_the_first_packets_are_plotted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        assert view.charts.trace.count == 3
        assert view.readout()[0].endswith("5 more packets not plotted")

    monkeypatch.setattr(credit, "MOST", 3)
    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_of_several_connections_the_first_is_plotted(tmp_path: Path) -> None:
    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        assert view.charts.title(0) == "4:9 → host:1234"
        assert view.readout()[0].endswith("the first of 2 connections")

    talk = Talk((4, 9)).open().rw("src", 1)
    Talk((3, 3), on=talk).open()
    run(saved(talk, tmp_path / "a.pcapng"), check, [1, 2])


def test_a_real_stall() -> None:
    async def check(app: Look, view: Credit, pilot: Pilot[None]) -> None:
        shown = [view.charts.render_line(y).text.rstrip() for y in range(12)]
        full, shade = "⣿" * 36, SHADE * 36
        assert shown == [
            "            local:15004 → local:5004  ⠒⠒ window  ⣿",
            f"  256 KiB ┤⠁⣻{full}⡃",
            f"          ││⣺{full}⡂",
            f"          ││⣺{full}⡂",
            "      0 B ┼─⠒⠒ sent  ⣿ read───────────────────────",
            f"293.0 KiB ┤│⡆{'⠂' * 36}⣻",
            f"          │⡀⡇{shade}⣺",
            "      0 B ┼─⣿ sent per second─────────────────────",
            f"4.6 MiB/s ┤│⣿{shade}░",
            f"          ││⣿{shade}⣤",
            "    0 B/s └▲─────────────────┬────────────────────",
            "           0 s               1 s",
        ]

    run(PCAPS / "slow-reader.pcap.zst", check, [1], size=(50, 14))


MOMENT = Moment(7, 0, 5, 1, 12, Of(1, 0, 1, None, None), Of(2, 1, 1, 9, 8))


def test_lines() -> None:
    assert packet_line(MOMENT) == "#7 ← RW 12"
    assert packet_line(MOMENT._replace(op=6, side=0)) == "#7 → CREDIT_UPDATE"
    assert packet_line(MOMENT._replace(op=99)) == "#7 ← OP_99"
    assert credit_line(0, MOMENT.fwd) == "→ tx_cnt 1  fwd_cnt 0  in flight 1  window ?  free ?"
    assert credit_line(1, MOMENT.rev).endswith("window 9  free 8")
