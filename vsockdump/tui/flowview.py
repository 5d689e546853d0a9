"""How connections are read again for a view: in a thread, seldom, and only while it is seen."""

from collections.abc import Callable
from time import monotonic
from typing import NamedTuple, cast

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker, WorkerState, get_current_worker

from vsockdump.errors import VsockdumpError
from vsockdump.messages import printable

from .view import View

_PAUSE = 0.5
"""Seconds between two readings at the least."""

_SHARE = 4
"""A pause is so many times as long as the reading before took: keys shall not wait for it."""

Work = Callable[[Callable[[], bool]], None]
"""What is done in a thread, as long as what it is given says that it is wanted."""


class _Done(NamedTuple):
    error: str
    took: float  # seconds
    afresh: bool


class FlowView(View):
    """A view of the connections that are selected, which it reads as a whole."""

    DEFAULT_CSS = """
    FlowView > .state {
        height: 1fr; content-align: center middle; color: $text-muted; padding: 0 2;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        """Read nothing yet."""
        super().__init__(id=id)
        self.error = ""
        """Why the connections could not be read; empty where they could."""
        self.numbers: list[int] = []
        """The connections that are shown."""
        self._stale = True  # others are selected by now
        self._known = 0  # packets and events that there were when the last reading began
        self._next = 0.0  # when there may be another
        self._timer = False
        self._went = 0  # the packet that others were at when this was shown last
        self._worker: Worker[_Done] | None = None

    # --- what each view has of its own ------------------------------------------------------------

    def wanted(self) -> list[int]:
        """Return which of the selected connections are to be read."""
        return self.looking.selected_flows

    def prepare(self, afresh: bool) -> Work:
        """Return what reads.

        With `afresh` the connections are others than before. Raises nothing but VsockdumpError.
        """
        raise NotImplementedError

    def arrived(self, afresh: bool) -> None:
        """Show what was read, or `error`."""
        raise NotImplementedError

    def proceed(self) -> None:
        """Show how far the reading is; called a few times a second."""

    def aim(self, number: int) -> None:
        """Put the cursor on a packet of theirs, if it was read."""

    def cover(self, state: str, *panes: Widget) -> None:
        """Show the panes, of which the first gets the keys, or else say `state` in their place."""
        said = self.query_one(".state", Static)
        said.update(Content(printable(state)), layout=False)
        said.display = bool(state)
        for pane in panes:
            pane.display = not state
        if not state and self.screen.focused is None and self.is_on_screen:
            self.screen.set_focus(panes[0])

    # --- when to read -----------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a thread is reading."""
        return self._worker is not None

    def on_mount(self) -> None:
        """Keep an eye on the thread."""
        self.set_interval(0.25, self._look)

    def _look(self) -> None:
        if self.busy and self.is_on_screen:
            self.proceed()

    def on_show(self) -> None:
        """Read what was selected while this was not seen, and go where others went."""
        self.refresh_view()
        if not self.busy and self._went != self.looking.current_packet:
            self._follow()

    def _follow(self) -> None:
        self._went, opened = self.looking.current_packet, self.opened
        kept = opened.first <= self._went <= opened.count
        if kept and opened.flow_of(self._went) in self.numbers:
            self.aim(self._went)

    def show_flows(self) -> None:
        """Read other connections, as soon as somebody sees them."""
        self._stale = self._stale or self.wanted() != self.numbers
        if self.is_on_screen:
            self.refresh_view()

    def refresh_view(self) -> None:
        """Read again what has grown, when it is time."""
        if self._stale:
            self._stale, self.numbers = False, self.wanted()
            self.read(afresh=True)
        elif not self.busy and self.grown():
            self._later(self._next - monotonic())

    def _later(self, wait: float) -> None:
        if wait <= 0:
            self.read(afresh=False)
        elif not self._timer:
            self._timer = True
            self.set_timer(wait, self._now)

    def _now(self) -> None:
        self._timer = False
        if self.is_on_screen:
            self.refresh_view()

    def packets(self) -> int:
        """Return how many packets these connections have by now."""
        flows = self.opened.flows(self.numbers)
        return sum(flow.fwd.packets + flow.rev.packets for flow in flows)

    def _measured(self) -> int:
        events = sum(len(self.opened.findings.of(number)) for number in self.numbers)
        return self.packets() + events

    def grown(self) -> bool:
        """Whether there is more than was read."""
        return bool(self.numbers) and self._measured() != self._known

    def read(self, *, afresh: bool) -> None:
        """Read; what another thread was reading is given up."""
        if self._worker is not None:
            self._worker.cancel()
        self.error, self._known = "", self._measured()
        if not self.numbers:
            self._worker = None
            self.arrived(afresh)
            return
        work = self.prepare(afresh)
        self._worker = self.run_worker(lambda: _work(work, afresh), thread=True)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what the last thread that was begun has read."""
        if event.worker is not self._worker or event.state is not WorkerState.SUCCESS:
            return
        done = cast("_Done", event.worker.result)
        self._worker, self.error = None, done.error
        self._next = monotonic() + max(_PAUSE, _SHARE * done.took)
        self.arrived(done.afresh)
        if done.afresh:
            self._follow()
        if self.is_on_screen:
            self.refresh_view()  # more may have come meanwhile


def _work(work: Work, afresh: bool) -> _Done:
    worker, begun, error = get_current_worker(), monotonic(), ""
    try:
        work(lambda: not worker.is_cancelled)
    except VsockdumpError as found:
        error = str(found)
    except IndexError:
        error = "packets of it have been let go meanwhile"
    return _Done(error, monotonic() - begun, afresh)
