"""What signals do to a run: they end it in order, or ask it something."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ASK = (signal.SIGUSR1, signal.SIGUSR2)


class Ended(Exception):  # noqa: N818 - the end of a run, not a failure
    """A signal came before the run had begun: there is nothing to finish."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Ended where a signal comes that would end a run: a pipe may give nothing for long."""
    before = {int(number): signal.getsignal(number) for number in _END}

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended

    try:
        for number in _END:
            if not _is_kept_ignored(number):
                signal.signal(number, end)
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler or signal.SIG_DFL)


class Asked:
    """What signals have asked of a run since it last looked."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.counts = False
        self.flush = False


@contextmanager
def signals(stop: Callable[[], None]) -> Iterator[Asked]:
    """End by SIGINT, SIGTERM and SIGHUP; SIGUSR1 asks for the counts, SIGUSR2 to flush files.

    A second one ends at once. SIGHUP stays ignored where nohup had it ignored, as in tcpdump; not
    SIGINT, which shells ignore for what they start in the background.
    The loop does what is asked, between two batches: a handler may come at any moment.
    """
    before = {int(number): signal.getsignal(number) for number in (*_END, *_ASK)}
    asked = Asked()

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(number, before[number] or signal.SIG_DFL)
        stop()

    def ask(number: int, frame: FrameType | None) -> None:
        setattr(asked, "counts" if number == signal.SIGUSR1 else "flush", True)

    try:
        for number in (*_END, *_ASK):
            if not _is_kept_ignored(number):
                signal.signal(number, end if number in _END else ask)
        yield asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler or signal.SIG_DFL)


def _is_kept_ignored(number: signal.Signals) -> bool:
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN
