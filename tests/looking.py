"""An application with a single view in it: what it asks of the real one, and what it tells it."""

import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from vsockdump.browsing.opened import Opened, Reading
from vsockdump.names import Names
from vsockdump.tui.view import GoTo, OpenFlow, Said, View


class Look(App[None]):
    """Shows a view of a capture."""

    def __init__(self, opened: Opened, make: Callable[[], View]) -> None:
        super().__init__()
        self.opened = opened
        self.make = make
        self.word = Names().endpoint
        self.selected_flows: list[int] = []
        self.current_packet = 0
        self.columns: Sequence[str] = ()
        self.paused = False
        self.matching: array[int] | None = None
        self.facts: Sequence[tuple[str, str]] = ()
        self.told: list[GoTo | OpenFlow | Said] = []

    def compose(self) -> ComposeResult:
        yield self.make()

    def ask(self, question: str, default: str, answer: Callable[[str], None]) -> None:
        answer(default)

    def on_go_to(self, message: GoTo) -> None:
        self.told.append(message)

    def on_open_flow(self, message: OpenFlow) -> None:
        self.told.append(message)

    def on_said(self, message: Said) -> None:
        self.told.append(message)


@contextmanager
def opened(path: Path, *, follow: bool = False, read: bool = True) -> Iterator[Opened]:
    """Open a capture, and read all of it unless that is not wanted."""
    found = Opened(str(path), follow=follow)
    try:
        if read:
            found.start()
        while read and found.state is Reading.BEGUN:
            time.sleep(0.001)
        yield found
    finally:
        found.close()


async def settled(pilot: Pilot[None]) -> None:
    """Wait until all threads that a view had begun are done, and what they found is shown."""
    await pilot.pause()
    while pilot.app.workers:
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
