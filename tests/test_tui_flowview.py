"""When connections are read again: once they are seen, as they grow, and not too often."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Event as Flag

import pytest
from textual.app import ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from vsockdump.tui import flowview
from vsockdump.tui.flowview import FlowView, Work

from .captures import START, Taken, enhanced
from .conversation import Talk
from .looking import Look, opened, settled
from .talks import saved
from .test_steps import stalled


class Counted(FlowView):
    """Notes what it is asked to do."""

    def __init__(self) -> None:
        super().__init__()
        self.did: list[str] = []
        self.held, self.begun = Flag(), Flag()
        self.held.set()

    def compose(self) -> ComposeResult:
        yield Static(classes="state")
        yield Static("pane", classes="pane")

    def prepare(self, afresh: bool) -> Work:
        numbers = self.numbers
        self.did.append(f"read {numbers}{' afresh' if afresh else ''}")

        def work(going: Callable[[], bool]) -> None:
            self.begun.set()
            self.held.wait()
            if not going():
                self.did.append(f"gave up {numbers}")

        return work

    def arrived(self, afresh: bool) -> None:
        self.did.append("arrived")

    def aim(self, number: int) -> None:
        self.did.append(f"aim {number}")


Check = Callable[[Look, Counted, Pilot[None]], Awaitable[None]]


def run(path: Path, check: Check, *, follow: bool = False, current: int = 0) -> None:
    async def scenario() -> None:
        with opened(path, follow=follow) as capture:
            app = Look(capture, Counted)
            app.selected_flows, app.current_packet = [1], current
            async with app.run_test() as pilot:
                await settled(pilot)
                await check(app, app.query_one(Counted), pilot)

    asyncio.run(scenario())


async def select(app: Look, view: Counted, flows: list[int]) -> list[str]:
    """Select connections, and return what that leads to."""
    view.did.clear()
    app.selected_flows = flows
    view.show_flows()
    return view.did


def test_what_is_selected_is_read_once(tmp_path: Path) -> None:
    async def check(app: Look, view: Counted, pilot: Pilot[None]) -> None:
        assert view.did == ["read [1] afresh", "arrived", "aim 3"]
        for _ in range(3):
            view.refresh_view()
        await settled(pilot)
        assert await select(app, view, [1]) == []
        assert await select(app, view, [2]) == ["read [2] afresh"]
        await settled(pilot)
        assert await select(app, view, []) == ["arrived"]
        assert not view.busy

    run(saved(stalled(), tmp_path / "a.pcapng"), check, current=3)


def test_nothing_is_read_that_nobody_sees(tmp_path: Path) -> None:
    async def check(app: Look, view: Counted, pilot: Pilot[None]) -> None:
        view.display = False
        await pilot.pause()
        assert await select(app, view, [2]) == []
        view.display = True
        await settled(pilot)
        assert view.did == ["read [2] afresh", "arrived"]

    run(saved(stalled(), tmp_path / "a.pcapng"), check)


def test_it_goes_where_others_went_meanwhile(tmp_path: Path) -> None:
    async def check(app: Look, view: Counted, pilot: Pilot[None]) -> None:
        view.did.clear()
        for number in (5, 5, 4):  # the last is of another connection
            view.display = False
            app.current_packet = number
            await pilot.pause()
            view.display = True
            await pilot.pause()
        assert view.did == ["aim 5"]

    run(saved(stalled(), tmp_path / "a.pcapng"), check)


def test_another_connection_ends_the_reading_of_one(tmp_path: Path) -> None:
    async def check(app: Look, view: Counted, pilot: Pilot[None]) -> None:
        view.held.clear()
        view.begun.clear()
        await select(app, view, [2])
        assert view.busy
        while not view.begun.is_set():
            await pilot.pause()
        app.selected_flows = [1]
        view.show_flows()
        view.held.set()
        await settled(pilot)
        done = [one for one in view.did if not one.startswith("aim")]
        assert sorted(done) == ["arrived", "gave up [2]", "read [1] afresh", "read [2] afresh"]

    run(saved(stalled(), tmp_path / "a.pcapng"), check)


def test_what_grows_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flowview, "_PAUSE", 0)
    monkeypatch.setattr(flowview, "_SHARE", 0)
    talk = Talk().open().rw("src", 1)
    path = saved(talk, tmp_path / "a.pcapng")

    async def check(app: Look, view: Counted, pilot: Pilot[None]) -> None:
        view.did.clear()
        more = talk.rw("src", 1).packets[-1]
        with path.open("ab") as file:
            file.write(enhanced(Taken(START + more.time, more.frame, more.wire)))
        while app.opened.count < 4:
            await pilot.pause()
        view.refresh_view()
        await settled(pilot)
        assert view.did == ["read [1]", "arrived"]

    run(path, check, follow=True)


def test_not_too_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flowview, "_PAUSE", 1000)

    async def check(app: Look, view: Counted, pilot: Pilot[None]) -> None:
        view.did.clear()
        monkeypatch.setattr(view, "grown", lambda: True)
        for _ in range(9):
            view.refresh_view()
        await settled(pilot)
        assert view.did == []

    run(saved(stalled(), tmp_path / "a.pcapng"), check)


def test_a_state_covers_the_panes(tmp_path: Path) -> None:
    async def check(app: Look, view: Counted, pilot: Pilot[None]) -> None:
        pane, state = view.query_one(".pane", Static), view.query_one(".state", Static)
        view.cover("[b]no\x1b[0m", pane)
        assert (pane.display, state.display) == (False, True)
        assert str(state.render()) == r"[b]no\x1b[0m"
        view.cover("", pane)
        assert (pane.display, state.display) == (True, False)

    run(saved(stalled(), tmp_path / "a.pcapng"), check)
