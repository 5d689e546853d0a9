"""The view of what a connection carried."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from vsockdump.browsing.opened import Opened
from vsockdump.tui.follow import Follow
from vsockdump.tui.followbytes import Mode
from vsockdump.tui.rows import Rows
from vsockdump.tui.view import GoTo, OpenFlow, Said

from .captures import START, Taken, frame, pcap
from .conversation import Talk
from .looking import Look, settled
from .looking import opened as looked
from .test_joined import PCAPS, counter
from .test_streams import gapped, saved, until
from .test_tui_followpart import long

Told = list[GoTo | OpenFlow | Said]


class Looked(Look):
    """Has one connection selected, and answers questions as it was told."""

    def __init__(self, opened: Opened, flow: int = 1, answers: tuple[str, ...] = ()) -> None:
        super().__init__(opened, lambda: Follow(id="follow"))
        self.selected_flows = [flow] if flow else []
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []

    def ask(self, question: str, default: str, answer: Callable[[str], None]) -> None:
        self.asked.append((question, default))
        answer(self.answers.pop(0))

    @property
    def view(self) -> Follow:
        return self.query_one(Follow)

    @property
    def lines(self) -> list[str]:
        """What is on the screen."""
        rows = self.view.lines
        shown = (rows.render_line(y).text.rstrip() for y in range(rows.size.height))
        return [line for line in shown if line]

    @property
    def said(self) -> list[str]:
        return [message.text for message in self.told if isinstance(message, Said)]


Scenario = Callable[[Looked, Pilot[None]], Awaitable[None]]


def play(app: Looked, scenario: Scenario, size: tuple[int, int] = (80, 24)) -> None:
    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await scenario(app, pilot)

    asyncio.run(run())


def shown(path: Path, *keys: str, flow: int = 1, size: tuple[int, int] = (80, 24)) -> list[str]:
    """Return what is on the screen after some keys."""
    found: list[str] = []

    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        found.extend(app.lines)
        if "-empty" in app.view.classes:
            found.append(app.view.state)

    with looked(path) as capture:
        play(Looked(capture, flow), scenario, size)
    return found


def said(folder: Path, *talk: tuple[int, bytes]) -> Path:
    """Save a conversation: who says what."""
    ends = ((3, 1024), (2, 1234))
    frames = [frame(op=1, src=ends[0], dst=ends[1]), frame(op=2, src=ends[1], dst=ends[0])]
    frames += [frame(text, src=ends[who], dst=ends[1 - who]) for who, text in talk]
    path = folder / "said.pcap"
    path.write_bytes(pcap(Taken(START + n, one, len(one)) for n, one in enumerate(frames)))
    return path


def test_both_sides() -> None:
    assert shown(PCAPS / "hello.pcap") == [
        " connection 1: local:15001 > local:5001, stream",
        " text, both sides",
        "    3 > Hello, world!",
        "    5 < welcome",
    ]


def test_one_side_alone() -> None:
    assert shown(PCAPS / "hello.pcap", "d")[1:] == [" text, > alone", "    3 > Hello, world!"]
    assert shown(PCAPS / "hello.pcap", "d", "d")[1:] == [" text, < alone", "    5 < welcome"]
    assert shown(PCAPS / "hello.pcap", "d", "d", "d") == shown(PCAPS / "hello.pcap")


def test_what_is_there_is_told_from_what_is_not_by_colour() -> None:
    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        lines = app.view.lines
        inks = [lines.ink(kind).color for kind in ("src", "dst", "warn", "problem")]
        assert len(set(inks)) == 4
        drawn = [list(lines.render_line(y))[1].style for y in (4, 5)]  # the cursor is on 2
        assert [style and style.color for style in drawn] == [inks[0], inks[2]]

    with looked(PCAPS / "snaplen-96.pcap") as capture:
        play(Looked(capture), scenario, (100, 24))


def test_hex_and_raw() -> None:
    assert shown(PCAPS / "hello.pcap", "v")[1:] == [
        " hex, both sides",
        "    3 > 00000000  4865 6c6c 6f2c 2077 6f72 6c64 21         Hello, world!",
        "    5 < 00000000  7765 6c63 6f6d 65                        welcome",
    ]
    assert shown(PCAPS / "hello.pcap", "v", "v")[1] == " raw, both sides"
    assert shown(PCAPS / "hello.pcap", "v", "v", "v") == shown(PCAPS / "hello.pcap")


def test_a_narrow_screen() -> None:
    found = shown(PCAPS / "hello.pcap", "v", size=(60, 10))
    assert found[2:4] == [
        "    3 > 00000000  4865 6c6c 6f2c 2077  Hello, w",
        "      > 00000008  6f72 6c64 21         orld!",
    ]


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_no_line_is_wider_than_the_screen_where_it_scrolls(mode: int) -> None:
    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        for _ in range(mode):
            await pilot.press("v")
            await settled(pilot)
        rows = app.view.lines
        width = rows.scrollable_content_region.width
        assert width == rows.size.width - 1  # there is a scroll bar
        drawn = [rows._row(row, width).cell_length for row in range(20)]
        assert 70 < max(drawn) <= width

    with looked(PCAPS / "slow-reader.pcap.zst") as capture:
        play(Looked(capture), scenario, (100, 30))


def test_messages_and_holes() -> None:
    found = shown(PCAPS / "split-seqpacket-6.1.pcap.zst")
    assert found[2:4] == ["    3 < small", "      < ── message 1, 5 bytes ".ljust(79, "─")]
    found = shown(PCAPS / "snaplen-96.pcap")
    assert found[4] == "      > … 65516 bytes not captured …"


def test_nothing_that_was_captured_reaches_the_terminal_as_it_is(tmp_path: Path) -> None:
    path = said(tmp_path, (0, b"\x1b]0;owned\x07[red]\x9b31m\xff"), (1, "\u202ex\r\n".encode()))
    assert shown(path)[2:] == [
        r"    3 > \x1b]0;owned\x07[red]\x9b31m\xff",
        r"    4 < \u202ex",
    ]


@pytest.mark.parametrize(
    ("name", "flow", "keys", "text"),
    [
        ("hello.pcap", 0, "", "No connection is selected: f on one in Flows (1) shows"),
        ("hello.pcap", 9, "", "there is no connection 9"),
        ("refused.pcap", 1, "", "connection 1 carried nothing"),
        ("bulk.pcap.zst", 1, "dd", "connection 1 carried nothing to the left"),
    ],
)
def test_nothing_to_show(name: str, flow: int, keys: str, text: str) -> None:
    assert shown(PCAPS / name, *keys, flow=flow)[-1].startswith(text)


def test_keys_go_on_where_one_side_carried_nothing() -> None:
    assert shown(PCAPS / "bulk.pcap.zst", "d", "d", "d")[1].startswith(" text, both sides, part 1")


def test_a_long_stream_has_parts(tmp_path: Path) -> None:
    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        async def at(key: str) -> tuple[int, int, str]:
            await pilot.press(key)
            await settled(pilot)
            return len(app.view.starts), app.view.lines.cursor, app.lines[1]

        last = app.view.lines.count - 1
        assert app.lines[1] == " text, both sides, part 1, bytes > 0 to 196608, < 0 to 12"
        assert app.view.lines.virtual_size.height == last + 3
        assert await at("G") == (1, last, app.lines[1])
        assert app.lines[-1] == "… more: ] shows the next part …"
        second = " text, both sides, part 2, bytes > 196608 to 393216, < 12 to 24"
        assert await at("enter") == (2, 0, second)
        third = " text, both sides, part 3, the last, bytes > 393216 to 589824, < 24 to 36"
        assert await at("right_square_bracket") == (3, 0, third)
        await at("right_square_bracket")
        assert app.said == ["nothing follows"]
        back = await at("left_square_bracket")
        assert back[::2] == (2, second)
        assert back[1] == len(app.view.laid) - 1 > 0
        assert (await at("left_curly_bracket"))[:2] == (1, 0)
        await at("left_square_bracket")
        assert app.said == ["nothing follows", "this is the beginning"]
        assert await at("right_curly_bracket") == (3, len(app.view.laid) - 1, third)

    with looked(saved(tmp_path, long(9).packets)) as capture:
        play(Looked(capture), scenario)


def test_enter_and_a_click_go_to_the_packet() -> None:
    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        await pilot.press("j", "enter")
        await pilot.click(Rows, offset=(12, 2))
        await pilot.click(Rows, offset=(12, 2))
        await pilot.pause()
        numbers = [message.number for message in app.told if isinstance(message, GoTo)]
        assert numbers == [5, 3]

    with looked(PCAPS / "hello.pcap") as capture:
        play(Looked(capture), scenario)


def test_the_packet_that_was_looked_at_is_where_it_begins(tmp_path: Path) -> None:
    def cursor(packet: int) -> tuple[int, int]:
        found = []

        async def scenario(app: Looked, pilot: Pilot[None]) -> None:
            row = app.view.laid.line(app.view.lines.cursor)
            found.append((len(app.view.starts), row.number))

        with looked(saved(tmp_path, long(9).packets)) as capture:
            app = Looked(capture)
            app.current_packet = packet
            play(app, scenario)
        return found[0]

    assert cursor(0) == (1, 3)
    assert cursor(7) == (1, 7)
    assert cursor(16) == (3, 16)
    assert cursor(999) == (1, 3)


def test_the_cursor_stays_on_the_same_bytes() -> None:
    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        rows = app.view.lines
        rows.cursor = 900
        place = app.view.laid.place(900)
        for key in ("v", "v", "d"):
            await pilot.press(key)
            await settled(pilot)
            now = app.view.laid.place(rows.cursor)
            assert now <= place < app.view.laid.place(rows.cursor + 1)
            place = now
        await pilot.resize_terminal(50, 12)
        await settled(pilot)
        assert app.view.laid.place(rows.cursor) <= place
        assert place < app.view.laid.place(rows.cursor + 1)

    with looked(PCAPS / "bulk.pcap.zst") as capture:
        play(Looked(capture), scenario)


def test_another_connection() -> None:
    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        await pilot.press("v")
        app.selected_flows = [2, 3]
        app.view.show_flows()
        await settled(pilot)
        assert app.view.numbers == [2]
        assert app.view.mode is Mode.HEX
        assert app.lines[0].startswith(" connection 2: ")
        assert app.lines[2].startswith("   12 > ")

    with looked(PCAPS / "reuse.pcap") as capture:
        play(Looked(capture), scenario)


def test_what_comes_later_is_shown_later(tmp_path: Path) -> None:
    packets = gapped().packets
    whole = saved(tmp_path, packets).read_bytes()
    path = tmp_path / "growing.pcap"
    path.write_bytes(saved(tmp_path, packets[:3]).read_bytes())

    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        await pilot.press("v", "F")
        await settled(pilot)
        assert len(app.view.laid) == 7
        path.write_bytes(whole)
        until(app.opened, len(packets))
        while len(app.view.laid) < 16:  # in its own time, and not at once
            app.view.refresh_view()
            await pilot.pause(0.05)
        assert app.view.lines.cursor == 15
        assert "… 50 bytes not captured …" in [app.view.laid.line(row).text for row in range(16)]

    with looked(path, follow=True, read=False) as capture:
        capture.start()
        until(capture, 3)
        play(Looked(capture), scenario)


def test_the_tail_is_in_the_last_part(tmp_path: Path) -> None:
    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        await pilot.press("F")
        await settled(pilot)
        assert len(app.view.starts) == 3
        assert app.view.lines.cursor == len(app.view.laid) - 1
        await pilot.press("left_square_bracket")
        await settled(pilot)
        assert (len(app.view.starts), app.view.lines.follow) == (2, False)

    with looked(saved(tmp_path, long(9).packets)) as capture:
        play(Looked(capture), scenario)


def test_a_file_that_has_become_shorter(tmp_path: Path) -> None:
    path = saved(tmp_path, long(20).packets)

    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        os.truncate(path, 1000)
        await pilot.press("right_curly_bracket")
        await settled(pilot)
        assert app.view.state == f"{path}: the file has become shorter"

    with looked(path) as capture:
        play(Looked(capture), scenario)


def test_copy() -> None:
    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        await pilot.press("j")
        app.view.action_copy()
        await pilot.pause()
        assert app.clipboard == "welcome"
        assert app.said == ["copied the line"]

    with looked(PCAPS / "hello.pcap") as capture:
        play(Looked(capture), scenario)


def test_a_key_that_is_pressed_too_fast_is_not_counted(tmp_path: Path) -> None:
    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        for _ in range(9):
            app.view.action_part(1)
        await settled(pilot)
        assert [start.point.after for start in app.view.starts] == [0, 8]

    with looked(saved(tmp_path, long(9).packets)) as capture:
        play(Looked(capture), scenario)


def test_find(tmp_path: Path) -> None:
    talk = [(0, b"needle one\n" + b"hay\n" * 15000), (1, b"more\nNeedle two\n")]
    talk += [(0, b"hay\n" * 15000)] * 11 + [(0, b"at the end a \x00needle\n")]

    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        async def at(answer: str) -> tuple[int, str]:
            app.answers.append(answer)
            await pilot.press("f")
            await settled(pilot)
            return len(app.view.starts), app.view.laid.line(app.view.lines.cursor).text

        assert await at("needle") == (1, "needle one")
        assert await at("needle") == (1, "Needle two")
        assert await at("needle") == (3, r"at the end a \x00needle")
        assert await at("needle") == (3, r"at the end a \x00needle")
        assert app.said == ["needle is nowhere behind here"]
        assert await at("") == (3, r"at the end a \x00needle")
        await pilot.press("left_curly_bracket")
        await settled(pilot)
        assert (await at(r"\x00n"))[0] == 3
        assert [default for _, default in app.asked] == ["", *["needle"] * 5]

    with looked(said(tmp_path, *talk)) as capture:
        play(Looked(capture), scenario)


# --- saving ---------------------------------------------------------------------------------------


def save(capture: Path, answers: tuple[str, ...], *keys: str, flow: int = 1) -> Looked:
    async def scenario(app: Looked, pilot: Pilot[None]) -> None:
        await pilot.press(*keys)
        await settled(pilot)
        app.view.action_save()
        await settled(pilot)

    with looked(capture) as opened:
        app = Looked(opened, flow, answers)
        play(app, scenario)
    return app


def test_save_both_sides(tmp_path: Path) -> None:
    name = str(tmp_path / "out")
    app = save(PCAPS / "hello.pcap", (name,))
    assert app.asked == [("save both sides to NAME.src and NAME.dst, NAME:", "connection-1")]
    assert (tmp_path / "out.src").read_bytes() == b"Hello, world!"
    assert (tmp_path / "out.dst").read_bytes() == b"welcome"
    assert app.said == ["saving ...", f"saved 20 bytes to {name}.src and {name}.dst"]


def test_save_one_side_whole_however_many_parts_it_has(tmp_path: Path) -> None:
    name = str(tmp_path / "out")
    app = save(PCAPS / "bulk.pcap.zst", (name,), "d")
    assert app.asked == [("save the bytes of > to:", "connection-1")]
    assert (tmp_path / "out").read_bytes() == counter(600000)


@pytest.mark.parametrize(
    ("answer", "data", "last"),
    [("y", b"welcome", "saved 7 bytes to"), ("n", b"mine", "nothing"), ("", b"mine", "nothing")],
)
def test_nothing_is_written_over_unasked(
    tmp_path: Path, answer: str, data: bytes, last: str
) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"mine")
    app = save(PCAPS / "hello.pcap", (str(path), answer), "d", "d")
    assert app.asked[1] == (f"{path} is there already; y writes over it:", "n")
    assert path.read_bytes() == data
    assert app.said[-1].startswith(last)


def test_what_goes_wrong_is_said(tmp_path: Path) -> None:
    app = save(PCAPS / "hello.pcap", (f"{tmp_path}/no/where",), "d")
    assert app.said[-1] == f"{tmp_path}/no/where: No such file or directory"
    assert save(PCAPS / "hello.pcap", ("",)).said == []
    assert save(PCAPS / "hello.pcap", (), flow=0).said == ["no connection is selected"]
    path = saved(tmp_path, Talk().open().rw("src", 5).packets)
    app = save(path, (str(path), "y"), "d")
    assert app.said[-1] == f"{path}: this is the file that is read"


def test_a_full_disk() -> None:
    app = save(PCAPS / "hello.pcap", ("/dev/full", "y"), "d")
    assert app.said[-1] == "/dev/full: No space left on device"
