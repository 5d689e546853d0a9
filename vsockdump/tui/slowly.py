"""What takes too long for the thread that draws is done in another, one at a time, with pauses."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

from textual.timer import Timer
from textual.widget import Widget

from vsockdump.errors import VsockdumpError

from .view import Said

EVERY = 0.5
"""Seconds from the end of one to the beginning of the next, if nothing else is said."""

_SHARE = 4  # pauses are so much longer than what was done: others need the machine, too

T = TypeVar("T")


class Slowly(Generic[T]):
    """Has a thread find something out, and a widget show what it found."""

    def __init__(self, widget: Widget, show: Callable[[T], None], every: float = 0) -> None:
        """Show with `show`, which `widget` then is in sight for or not."""
        self._widget, self._show, self._every = widget, show, every
        self._wanted: Callable[[], T] | None = None
        self._busy = self._now = False
        self._after = 0.0
        self._timer: Timer | None = None

    def ask(self, find: Callable[[], T], *, now: bool = False) -> None:
        """Find something out soon, `now` without a pause; what was asked before need not be.

        Where `find` raises VsockdumpError that is said, and nothing shown.
        """
        self._wanted = find
        self._now |= now
        left = 0.0 if self._now else self._after - monotonic()
        if left <= 0:
            self._begin()
        elif self._timer is None:
            self._timer = self._widget.set_timer(left, self._begin)

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._wanted is not None and not self._busy:
            self._busy, self._now = True, False
            find, self._wanted = self._wanted, None
            self._widget.run_worker(self._run(find))

    async def _run(self, find: Callable[[], T]) -> None:
        began = monotonic()
        try:
            found = await asyncio.to_thread(find)
        except VsockdumpError as error:
            self._widget.post_message(Said(str(error), error=True))
        else:
            self._show(found)
        finally:
            self._busy = False
            took = monotonic() - began
            self._after = monotonic() + max(self._every or EVERY, _SHARE * took)
        if self._wanted is not None:
            self.ask(self._wanted)
