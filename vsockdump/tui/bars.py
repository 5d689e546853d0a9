"""Small drawings within a line: how much came when, and how much of a window is free."""

from collections.abc import Sequence
from itertools import pairwise

_LEVELS = "▁▂▃▄▅▆▇█"
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_EMPTY = "·"


def sparkline(amounts: Sequence[int], peak: int = 0) -> str:
    """Return a column an amount, as high as it is to `peak`, or to the largest of them.

    There is none for nothing, and one for anything.
    """
    peak = max(peak, *amounts, 1)
    return "".join(_LEVELS[(amount * 8 - 1) // peak] if amount else " " for amount in amounts)


def summed(amounts: Sequence[int], width: int) -> list[int]:
    """Return amounts added up to `width` of them, if there are more."""
    width = min(width, len(amounts))
    ends = [len(amounts) * place // width for place in range(width + 1)] if width else [0]
    return [sum(amounts[begin:end]) for begin, end in pairwise(ends)]


def gauge(part: int, whole: int, width: int) -> str:
    """Return a bar of `width` characters, filled as far as `part` is of `whole`.

    It is full only where all of it is there, and empty only where nothing is.
    """
    most = 8 * width
    eighths = min(part * most // max(whole, 1), most)
    eighths = max(eighths, 1) if part else 0
    filled = "█" * (eighths // 8) + _EIGHTHS[eighths % 8]
    return filled.ljust(width, _EMPTY)
