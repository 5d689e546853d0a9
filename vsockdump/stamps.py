"""How times are written: tcpdump's -t to -ttttt and its two precisions."""

import time
from collections.abc import Callable
from typing import NamedTuple

Stamp = Callable[[int, bool], bytes]


class Stamps(NamedTuple):
    """`stamp(second, negative)` words a whole second, None for no times at all.

    `since` is "" for the clock's times, "previous" or "first" for those since another packet, and
    `digits` how many of the fraction follow.
    """

    stamp: Stamp | None
    since: str
    digits: int


def stamps(level: int, nano: bool) -> Stamps:
    """Return how times are written for as many `-t` as `level` says, 0 to 5."""
    stamp, since = _LEVELS[level]
    return Stamps(stamp, since, 9 if nano else 6)


def _local(form: str) -> Stamp:
    def stamp(second: int, negative: bool) -> bytes:
        try:
            return time.strftime(form, time.localtime(second)).encode()
        except (OverflowError, ValueError, OSError):  # a file may say any number
            return str(second).encode()

    return stamp


def _epoch(second: int, negative: bool) -> bytes:
    return str(second).encode()


def _elapsed(second: int, negative: bool) -> bytes:
    """Hours, minutes and seconds; tcpdump puts a blank where a minus would be."""
    minutes, seconds = divmod(abs(second), 60)
    sign = "-" if negative else " "
    return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}".encode()


_LEVELS: tuple[tuple[Stamp | None, str], ...] = (
    (_local("%H:%M:%S"), ""),
    (None, ""),
    (_epoch, ""),
    (_elapsed, "previous"),
    (_local("%Y-%m-%d %H:%M:%S"), ""),
    (_elapsed, "first"),
)
