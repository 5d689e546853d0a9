"""The view of a ladder: its rows and lines, its parts, and what is known of each row."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from vsockdump.errors import ReadError
from vsockdump.rungs import Arrow, Incident, Quiet
from vsockdump.tui import ladder, ladderpart
from vsockdump.tui.ladder import Ladder
from vsockdump.tui.view import GoTo, Said

from .command import PCAPS
from .conversation import Talk
from .looking import Look, opened, settled
from .talks import saved
from .test_steps import stalled

Check = Callable[[Look, Ladder, Pilot[None]], Awaitable[None]]


def run(
    path: Path, check: Check, flows: list[int], size: tuple[int, int] = (80, 24), current: int = 0
) -> None:
    async def scenario() -> None:
        with opened(path) as capture:
            app = Look(capture, lambda: Ladder(id="ladder"))
            app.selected_flows, app.current_packet = flows, current
            async with app.run_test(size=size) as pilot:
                await settled(pilot)
                await check(app, app.query_one(Ladder), pilot)

    asyncio.run(scenario())


def text(app: Look, pane: str) -> str:
    widget = app.query_one(Ladder).query_one(f".{pane}")
    return str(widget.render()) if widget.display else ""


def lines(view: Ladder) -> list[str]:
    """The screen's lines of the diagram, from the names down."""
    return [view.list.render_line(y).text.rstrip() for y in range(view.list.size.height)]


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await settled(pilot)


def test_a_connection(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        found = lines(view)
        assert found[0].split() == ["time", "since", "3:1024", "host:1234"]
        assert found[1].startswith("   0.000000   0.000000")
        assert "REQUEST stream" in found[1] and found[1].endswith("▶│")
        assert any(line.strip().startswith("▲ problem") for line in found)
        assert text(app, "said") == "packets 1 to 8 of 8, runs joined"
        assert view.list.has_focus

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_gaps_are_to_scale(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        for height in (24, 60):
            await pilot.resize_terminal(80, height)
            await settled(pilot)
            screen = view.list.size.height
            stall, quiet = (
                sum(line.strip().startswith(mark) for line in lines(view)) for mark in "░·"
            )
            assert quiet == screen // 3  # four fifths of the time, and no more than that
            assert abs(stall - screen / 5) <= 2  # its words may need a line or two

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_the_cursor_goes_from_row_to_row(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        seen = []
        for _ in range(6):
            seen.append(type(view.list.current))
            await press(pilot, "j")
        assert seen == [Arrow, Arrow, Arrow, Incident, Arrow, Quiet]
        await press(pilot, "k", "k", "k")
        assert view.list.row == 3
        await press(pilot, "G")
        assert view.list.row == len(view.part.rungs.rows) - 1
        await press(pilot, "g", "g")
        assert view.list.row == 0

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_details(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        await press(pilot, "j", "j")
        first, second, *credit = text(app, "detail").splitlines()
        assert first.startswith("#3 RW  3:1024 → host:1234  ")
        assert (
            second == "connection 1  type stream  len 100000  flags 0  buf_alloc 100000  fwd_cnt 0"
        )
        assert credit == [
            "→ tx_cnt 100000  fwd_cnt 0  in flight 100000  window 100000  free 0 ░",
            "← tx_cnt 0  fwd_cnt 0  in flight 0  window 100000  free 100000",
        ]
        await press(pilot, "j")
        assert text(app, "detail").startswith("warn: 3:1024 could not send for")
        assert "packets 3 and 5" in text(app, "detail")
        await press(pilot, "j", "j")
        assert text(app, "detail") == "4.000 s without a packet"
        await press(pilot, "backslash")

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_details_beside_it_where_there_is_room(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        await press(pilot, "j", "j")
        detail = app.query_one(".detail")
        assert detail.region.x > 80
        assert "in flight      100000           0" in text(app, "detail").splitlines()
        await pilot.resize_terminal(100, 30)
        await settled(pilot)
        assert detail.region.x == 0
        assert len(text(app, "detail").splitlines()) == 4
        view.action_zoom()
        await pilot.pause()
        assert not detail.display or not detail.region
        view.action_zoom()
        await pilot.pause()
        assert detail.region

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1], size=(140, 30))


def test_no_details_where_there_is_little_room_unless_asked_for(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        assert not app.query_one(".detail").region
        assert " REQ" in lines(view)[1]
        assert len(lines(view)) == 7
        view.action_zoom()
        await settled(pilot)
        assert app.query_one(".detail").region
        assert " REQ" in lines(view)[1]
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert app.query_one(".detail").region
        await pilot.resize_terminal(40, 8)
        await settled(pilot)
        assert not app.query_one(".detail").region

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1], size=(40, 8))


def test_runs(tmp_path: Path) -> None:
    talk = Talk().open().rw("src", 1).rw("src", 2).rw("src", 3).rw("dst", 4)

    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        assert len(view.part.rungs.rows) == 4
        await press(pilot, "j", "j")
        assert "to #5: 3 packets, 6 bytes, 0.200 ms" in text(app, "detail")
        await press(pilot, "j", "x")
        assert len(view.part.rungs.rows) == 6
        current = view.list.current
        assert isinstance(current, Arrow)
        assert current.number == 6  # where it was
        assert text(app, "said") == "packets 1 to 6 of 6, every packet"
        await press(pilot, "k", "x")
        assert view.list.row == 2

    run(saved(talk, tmp_path / "a.pcapng"), check, [1])


def test_several_connections(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        found = lines(view)
        assert found[0].split() == ["time", "since", "3:1024", "host:1234", "4:9"]
        numbers = [line[1:2] for line in found[1:5]]
        assert numbers == ["1", "1", "1", "2"]
        styles = {view.list.ink(f"flow{at}").color for at in range(2)}
        assert len(styles) == 2
        assert any(line.startswith("!2") for line in found)  # nobody answered
        assert text(app, "said") == "packets 1 to 9 of 9, runs joined"

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1, 2], size=(80, 30))


def test_names_stay_while_the_rest_is_scrolled(tmp_path: Path) -> None:
    talk = Talk().open()
    for at in range(60):
        talk.rw("src" if at % 2 else "dst", 5)

    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        head = lines(view)[0]
        await press(pilot, "G")
        assert view.list.scroll_offset.y > 0
        assert lines(view)[0] == head

    run(saved(talk, tmp_path / "a.pcapng"), check, [1])


def test_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        assert text(app, "said") == "packets 1 to 4 of 8, ] goes on, runs joined"
        await press(pilot, "j", "right_square_bracket")
        assert text(app, "said") == "packets 5 to 8 of 8, [ goes back, runs joined"
        assert view.list.row == 0
        assert "4.000000" in lines(view)[1] or "5.000000" in lines(view)[1]  # since the beginning
        await press(pilot, "right_square_bracket")
        assert isinstance(app.told[-1], Said)
        assert app.told[-1].text == "nothing follows"
        await press(pilot, "left_square_bracket")
        assert text(app, "said") == "packets 1 to 4 of 8, ] goes on, runs joined"
        await press(pilot, "left_square_bracket")
        assert app.told[-1].text == "this is the beginning"

    monkeypatch.setattr(ladderpart, "ROWS", 5)
    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_enter_goes_to_the_packet(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        for _ in range(6):
            await press(pilot, "enter", "j")
        told = [one.number for one in app.told if isinstance(one, GoTo)]
        # A stall leads to the packet that began it, a pause to the one that ended it.
        assert told == [1, 2, 3, 3, 5, 6]

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_it_begins_where_the_list_of_packets_is(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        assert view.list.current == view.part.rungs.rows[4]

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1], current=5)


def test_copy(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        view.action_copy()
        await pilot.pause()
        assert "REQUEST stream" in app.clipboard
        assert app.clipboard.count("\n") == 0

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_no_connection_is_selected(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        assert text(app, "state").startswith("No connection is selected: in Flows (1)")
        await press(pilot, "j", "x", "right_square_bracket", "enter")
        app.selected_flows = [1]
        view.show_flows()
        await settled(pilot)
        assert text(app, "state") == ""
        assert len(lines(view)) > 9
        assert view.list.has_focus

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [])


def test_other_connections_begin_anew(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        await press(pilot, "G")
        app.selected_flows = [2]
        view.show_flows()
        await settled(pilot)
        assert view.list.row == 0
        assert lines(view)[0].split() == ["time", "since", "4:9", "host:1234"]

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise ReadError("a.pcapng is gone")

    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        assert text(app, "state") == "a.pcapng is gone"

    monkeypatch.setattr(ladder, "replay", broken)
    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


def test_names_are_never_markup(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        app.word = lambda cid, port: f"[red]\x1b[0m{cid}"
        await app.recompose()
        await settled(pilot)
        fresh = app.query_one(Ladder)
        assert r"[red]\x1b[0m3" in lines(fresh)[0]
        assert r"[red]\x1b[0m3 → [red]\x1b[0m2" in text(app, "detail")

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])


@pytest.mark.parametrize("size", [(80, 24), (40, 8), (200, 60), (20, 5)])
def test_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        await press(pilot, "j", "l", "G", "h", "x")
        assert len(lines(view)) == view.list.size.height

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1, 2], size=size)


def test_it_grows(tmp_path: Path) -> None:
    talk = Talk().open().rw("src", 5).rw("dst", 5)

    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        await press(pilot, "j", "j")
        view.read(afresh=False)
        await settled(pilot)
        assert view.list.row == 2
        await press(pilot, "F")
        view.read(afresh=False)
        await settled(pilot)
        assert (view.list.row, view.list.follow) == (3, True)
        assert not view.grown()
        view.part.next = 4
        view.numbers.append(1)  # twice as many packets
        assert not view.grown()  # there is no room for more
        view.part.next = None
        assert view.grown()

    run(saved(talk, tmp_path / "a.pcapng"), check, [1])


def test_a_real_stall() -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        assert [line for line in lines(view) if line] == [
            "       time      since  local:15004                                 local:5004",
            "   0.000000   0.000000       ├──────── REQUEST stream, buf 262144 ──────▶│",
            "   0.000106   0.000106       │◀────── RESPONSE stream, buf 262144 ───────┤",
            "   0.061317   0.061211       ├─────── RW x 4, 262144 bytes, free 0 ─────▶│",
            "                             ░░ local:15004 could not send for 1.993 s: ░░",
            "                             ░░ local:5004 did not read, or did not say ░░",
            "                             ░░░░░ so (262144 bytes under way, 262144 ░░░░",
            "                             ░░░░░░░░░░░░░░░░░░ allowed) ░░░░░░░░░░░░░░░░░",
            "                             ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░",
            "!  2.057860   1.992993       │◀─ CREDIT_UPDATE fwd 262144, free 262144 ──┤",
            "   2.063878   0.006018       ├────────── RW 37856, free 224288 ─────────▶│",
            "   2.073506   0.009628       │◀─ CREDIT_UPDATE fwd 300000, free 262144 ──┤",
            "   2.100334   0.026828       │◀─────────── SHUTDOWN rcv|send ────────────┤",
            "   2.100408   0.000074       ├─────────────────── RST ──────────────────▶│",
            "   2.100685   0.000277       ├─────────────────── RST ──────────────────▶│",
        ]

    run(PCAPS / "slow-reader.pcap.zst", check, [1])


def test_rows_are_not_selected(tmp_path: Path) -> None:
    async def check(app: Look, view: Ladder, pilot: Pilot[None]) -> None:
        await press(pilot, "space")
        assert (view.list.row, view.list.marked) == (0, set())

    run(saved(stalled(), tmp_path / "a.pcapng"), check, [1])
