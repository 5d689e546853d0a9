"""The view of packets: its list, the tree and the bytes, and what links them."""

import asyncio
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from rich.style import Style
from textual.pilot import Pilot
from textual.widgets import Static

from tests.captures import START, Taken, frame, pcap
from tests.command import PCAPS
from tests.looking import Look, opened
from vsockdump.tui.packets import Packets
from vsockdump.tui.rows import Rows
from vsockdump.tui.view import OpenFlow, Said

SLOW = PCAPS / "slow-reader.pcap.zst"

Scenario = Callable[[Look, Packets, Pilot[None]], Awaitable[None]]


def look(
    scenario: Scenario,
    path: Path = SLOW,
    size: tuple[int, int] = (80, 24),
    prepare: Callable[[Look], None] = lambda app: None,
) -> None:
    async def scene() -> None:
        with opened(path) as found:
            app = Look(found, lambda: Packets(id="packets"))
            prepare(app)
            async with app.run_test(size=size) as pilot:
                view = app.query_one(Packets)
                view.refresh_view()
                view.list.focus()
                await pilot.pause()
                await scenario(app, view, pilot)

    asyncio.run(scene())


def lines(rows: Rows) -> list[str]:
    return [rows.render_line(y).text.rstrip() for y in range(rows.size.height)]


def shown(view: Packets) -> list[int]:
    """Return which packets the list shows, by the first number in each line."""
    found = (line.strip(" *!~·").split() for line in lines(view.list)[1:])
    return [int(words[0]) for words in found if words]


def lit(view: Packets) -> bytes:
    """Return the bytes that stand out."""
    offset, size = view.bytes.span
    return view.bytes.data[offset : offset + size]


def test_the_list_says_what_is_in_the_capture_in_80_columns() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        assert lines(view.list)[0].split() == [
            *["no", "time", "src", "dst", "op", "len", "free", "info"]
        ]
        assert shown(view) == [*range(1, 12)]
        assert "local:15004 local:5004  REQUEST" in lines(view.list)[1]
        assert lines(view.list)[7].startswith(" ! 7 2.057860")
        assert all(pane.size.height > 5 and pane.size.width > 30 for pane in view.panes)
        assert view.fields.region.y == view.bytes.region.y
        assert app.current_packet == 1

    look(scenario)


def test_moving_shows_the_packet_below() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        await pilot.press(*"jjjjjj")
        assert app.current_packet == view.current == 7
        assert view.bytes.data == app.opened.packet(7).frame
        assert "could not send" in lines(view.fields)[1]
        await pilot.press("G")
        assert app.current_packet == 12
        assert lines(view.fields)[0].startswith("▾ frame")

    look(scenario)


def test_a_field_in_the_tree_lights_its_bytes() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        await pilot.press("G", "enter")
        assert view.pane is view.fields
        found = {}
        for _ in range(40):
            node = view.fields.node
            assert node is not None
            found[node.branch, node.name] = lit(view)
            await pilot.press("j")
        assert found["vsockmon", "src_port"] == (15004).to_bytes(4, "little")
        assert found["virtio", "op"] == b"\x03\x00"
        assert found["virtio", ""] == app.opened.packet(12).frame[32:]
        assert found["frame", "time"] == app.opened.packet(12).frame[:0]

    look(scenario)


def test_the_field_stays_the_same_from_packet_to_packet() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        view.fields.show_byte(62)  # op
        await pilot.pause()
        for number in range(1, 13):
            assert view.fields.node is not None
            assert (view.fields.node.branch, view.fields.node.name) == ("virtio", "op")
            op = app.opened.packet(number).layers[-1].op  # type: ignore[union-attr]
            assert lit(view) == op.to_bytes(2, "little")
            await pilot.press("j")

    look(scenario)


def test_moving_in_the_bytes_goes_to_their_field() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        await pilot.press("j", "j", "tab", "tab")
        assert view.pane is view.bytes
        await pilot.press("l", "h")
        for at in range(78):
            assert view.bytes.at == at
            node = view.fields.node
            assert node is not None
            assert node.span[0] <= at < sum(node.span)
            assert node.branch == ("vsockmon" if at < 32 else "virtio" if at < 76 else "payload")
            assert lit(view) == view.bytes.data[slice(node.span[0], sum(node.span))]
            await pilot.press("l")
        await pilot.press("j", "h", "k")
        assert view.bytes.at == 77
        await pilot.press("G")
        assert view.bytes.at >= len(view.bytes.data) - view.bytes.per_row

    look(scenario)


def test_a_click_on_a_byte_or_its_character_goes_to_it() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        assert view.bytes.per_row == 8
        for x, y, at in ((7, 2, 8), (8, 2, 8), (9, 2, 9), (12, 2, 10), (28, 1, 0), (35, 3, 23)):
            await pilot.click("#bytes", offset=(x, y))
            assert view.bytes.at == at
        await pilot.click("#bytes", offset=(3, 1))
        assert view.bytes.at == 23

    look(scenario)


def test_layers_can_be_folded_and_stay_so() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        await pilot.press("tab", "enter")
        assert lines(view.fields)[:2] == ["▸ frame 76 bytes, 76 captured", "▾ vsockmon 32 bytes"]
        await pilot.press("escape", "j")
        assert app.current_packet == 2
        assert lines(view.fields)[:2] == ["▸ frame 76 bytes, 76 captured", "▾ vsockmon 32 bytes"]
        await pilot.press("tab", "g", "g", "space")
        assert lines(view.fields)[:2] == ["▾ frame 76 bytes, 76 captured", "  number    2"]
        view.fields.folded = {"virtio"}
        view.fields.action_mark()
        view.fields.show_byte(70)
        assert view.fields.node is not None
        assert (view.fields.node.branch, view.fields.node.name) == ("virtio", "")

    look(scenario, size=(100, 30))


def test_enter_on_a_field_goes_to_its_bytes() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        view.fields.show_byte(40)
        await pilot.pause()
        await pilot.press("enter")
        assert view.pane is view.bytes
        assert view.bytes.at == 40

    look(scenario)


def test_tab_goes_round_and_escape_back_and_then_to_the_application() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        seen = []
        for key in ("tab", "tab", "tab", "shift+tab", "escape"):
            await pilot.press(key)
            seen.append(view.pane.id)
        assert seen == ["fields", "bytes", "list", "bytes", "list"]

    look(scenario)


def test_one_pane_can_be_seen_alone() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        for _ in range(2):
            for pane in view.panes:
                view.action_zoom()
                await pilot.pause()
                assert pane.region.height >= 23
                assert pane.region.width == 80
                assert [p for p in view.panes if p.region.height] == [pane]
                assert pane.has_focus
                await pilot.press("tab")
                await pilot.pause()
                assert view.pane.region.height >= 23
                view.action_zoom()
                await pilot.pause()
                assert all(p.region.height for p in view.panes)

    look(scenario)


@pytest.mark.parametrize(("width", "per_row"), [(60, 8), (80, 8), (120, 16), (200, 16)])
def test_panes_find_room_in_terminals_of_any_size(width: int, per_row: int) -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        assert view.bytes.per_row >= per_row
        stacked = view.bytes.region.y > view.fields.region.y
        assert stacked == (width == 60)
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        await pilot.press("j", "tab", "j", "tab", "j", "G", "escape")
        assert shown(view)

    look(scenario, size=(width, 24))


def test_a_display_filter_leaves_only_what_it_chooses() -> None:
    def prepare(app: Look) -> None:
        app.matching = array("Q", [3, 5, 7, 11])

    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        assert shown(view) == [3, 5, 7, 11]
        await pilot.press("G")
        assert app.current_packet == 11
        view.show_packet(7)
        await pilot.pause()
        assert app.current_packet == 7
        view.show_packet(6)
        view.show_packet(13)
        await pilot.pause()
        assert [said.text for said in app.told if isinstance(said, Said)] == [
            "the display filter hides packet 6",
            "there is no packet 13",
        ]
        app.matching = array("Q", [2, 7, 8])
        view.refresh_view()
        await pilot.pause()
        assert (shown(view), view.current) == ([2, 7, 8], 7)
        app.matching = array("Q", [2, 9])
        view.refresh_view()
        await pilot.pause()
        assert (view.current, app.current_packet) == (9, 9)
        app.matching = None
        view.refresh_view()
        await pilot.pause()
        assert (view.current, view.list.count) == (9, 12)

    look(scenario, prepare=prepare)


def test_without_packets_it_says_why_and_goes_on_when_some_come() -> None:
    def prepare(app: Look) -> None:
        app.matching = array("Q")

    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        text = view.query_one(Static)
        assert str(text.content) == "No packet matches the display filter."
        assert text.region.height
        await pilot.press("j", "enter", "c", "o", "t", "tab", "escape", "space")
        assert app.current_packet == 0
        app.matching = None
        view.refresh_view()
        await pilot.pause()
        assert (app.current_packet, text.region.height) == (1, 0)
        await pilot.press("j")
        assert app.current_packet == 2

    look(scenario, prepare=prepare)


def test_o_opens_the_ladder_of_the_connection() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        await pilot.press("G", "o")
        await pilot.pause()
        (told,) = app.told
        assert isinstance(told, OpenFlow)
        assert (told.flows, told.view) == ([2], "ladder")

    look(scenario, PCAPS / "backlog-full.pcap")


def test_a_packet_of_no_connection_has_no_ladder() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        await pilot.press(*"jjjj", "o")
        await pilot.pause()
        assert [said.text for said in app.told if isinstance(said, Said)] == [
            "this packet belongs to no connection"
        ]

    look(scenario, PCAPS / "crafted-edge-cases.pcap")


def test_copying_takes_the_line_the_field_or_the_bytes() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        view.action_copy()
        assert app.clipboard.split("\t")[:5] == [
            "1", "0.000000", "local:15004", "local:5004", "REQUEST",
        ]  # fmt: skip
        await pilot.press("tab")
        view.fields.show_byte(62)
        await pilot.pause()
        view.action_copy()
        assert app.clipboard == "op 1 REQUEST"
        await pilot.press("tab")
        view.action_copy()
        assert app.clipboard == "0100"

    look(scenario)


@pytest.mark.usefixtures("utc")
def test_t_changes_the_times() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        times = []
        for _ in range(4):
            times.append([line.split()[1] for line in lines(view.list)[:3]])
            await pilot.press("t")
            await pilot.pause()
        assert times[:3] == [
            ["time", "0.000000", "0.000106"],
            ["clock", "14:25:01.229052", "14:25:01.229158"],
            ["delta", "0.000000", "0.000106"],
        ]
        assert times[3] == times[0]

    look(scenario)


def test_marked_packets_have_a_sign_and_can_be_asked_for() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        await pilot.press("j", "space", "j", "space")
        assert [line[0] for line in lines(view.list)[1:6]] == [" ", "●", " ", "●", " "]
        assert list(view.selected) == [2, 4]

    look(scenario)


def test_the_columns_asked_for_are_shown() -> None:
    def prepare(app: Look) -> None:
        app.columns = ("number", "monitor_op", "fwd_cnt")

    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        assert [line.split() for line in lines(view.list)[:3]] == [
            ["no", "monitor_op", "fwd_cnt"], ["1", "CONNECT", "0"], ["2", "CONNECT", "0"],
        ]  # fmt: skip

    look(scenario, prepare=prepare)


def test_columns_are_as_wide_as_what_is_in_sight_needs() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        first, *rest = lines(view.list)
        assert all(line.index("REQUEST") == first.index("op") for line in rest[:1])
        await pilot.press("G")
        await pilot.pause()
        head, *rows = lines(view.list)
        assert all(len(row) >= head.index("op") for row in rows)
        assert {row[head.index("op") - 1] for row in rows} == {" "}

    look(scenario, PCAPS / "crafted-edge-cases.pcap", size=(130, 14))


def test_ops_differ_in_more_than_colour_and_in_colour() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        def inks(row: int) -> set[Style | None]:
            return {s.style for s in view.list.render_line(row + 1) if s.text.strip()}

        assert len({frozenset(inks(row)) for row in (1, 2, 6, 9, 10)}) == 5
        (mark,) = (s for s in view.list.render_line(7) if s.text == "[stalled 1.993s]")
        assert mark.style not in inks(8)

    look(scenario, size=(100, 24))


def test_the_tail_is_followed_from_any_pane_while_a_file_grows(tmp_path: Path) -> None:
    path = tmp_path / "growing.pcap"
    data = [frame(b"%d" % n) for n in range(300)]
    whole = pcap(Taken(START + n * 1000, one, len(one)) for n, one in enumerate(data))
    first = len(pcap(Taken(START + n, one, len(one)) for n, one in enumerate(data[:20])))
    path.write_bytes(whole[:first])

    async def scene() -> None:
        with opened(path, follow=True) as found:
            app = Look(found, lambda: Packets(id="packets"))
            async with app.run_test(size=(80, 24)) as pilot:
                view = app.query_one(Packets)
                view.refresh_view()
                view.list.focus()
                await pilot.press("tab", "F")
                assert app.current_packet == view.current == 20
                path.write_bytes(whole)
                while found.count < 300:
                    await pilot.pause()
                view.refresh_view()
                await pilot.pause()
                assert app.current_packet == shown(view)[-1] == 300
                assert view.bytes.data == data[-1]
                await pilot.press("escape", "k")
                assert (app.current_packet, view.list.follow) == (299, False)

    asyncio.run(scene())


def test_large_frames_are_drawn_only_where_they_are_seen() -> None:
    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        await pilot.press("j", "j")
        assert len(view.bytes.data) == 65612
        await pilot.press("tab", "tab", "G")
        assert lines(view.bytes)[-1].startswith("10048")
        assert len(view.bytes._drawn) < 200

    look(scenario)


def test_what_a_packet_carries_never_reaches_the_terminal_raw(tmp_path: Path) -> None:
    path = tmp_path / "evil.pcap"
    data = frame(b"\x1b[31m[red]\x1b]0;evil\x07\x9b2J" + bytes(range(256)))
    path.write_bytes(pcap([Taken(START, data, len(data))]))

    def prepare(app: Look) -> None:
        app.word = lambda cid, port: "\x1b[2J[bold]x[/bold]"

    async def scenario(app: Look, view: Packets, pilot: Pilot[None]) -> None:
        for pane in view.panes:
            view._focus(pane)
            for _ in range(20):
                assert all(line.isprintable() for line in lines(pane))
                await pilot.press("j")
        assert "[bold]x" in lines(view.list)[1]
        await pilot.press("g", "g")
        text = "".join(line.rpartition("  ")[2] for line in lines(view.bytes))
        assert ".[31m[red].]0;evil..2J" in text

    look(scenario, path, size=(80, 60), prepare=prepare)
