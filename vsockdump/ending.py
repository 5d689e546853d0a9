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
            if before[number] != signal.SIG_IGN:
                signal.signal(number, end)
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler or signal.SIG_DFL)


@contextmanager
def signals(
    stop: Callable[[], None], count: Callable[[], None], flush: Callable[[], None]
) -> Iterator[None]:
    """End by SIGINT, SIGTERM and SIGHUP; SIGUSR1 tells the counts, SIGUSR2 flushes files.

    A signal that was ignored at the start, as nohup does, stays ignored. A second one ends at once.
    """
    before = {int(number): signal.getsignal(number) for number in (*_END, *_ASK)}

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(number, before[number] or signal.SIG_DFL)
        stop()

    try:
        for number in _END:
            if before[number] != signal.SIG_IGN:
                signal.signal(number, end)
        signal.signal(signal.SIGUSR1, lambda number, frame: count())
        signal.signal(signal.SIGUSR2, lambda number, frame: flush())
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler or signal.SIG_DFL)
