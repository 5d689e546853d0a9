"""The plots of a connection's credit: the window, what was read, and how fast it went."""

from collections.abc import Sequence

from vsockdump.paint import SHADE

from .plot import Pair, Piece, Plot, Span, rate
from .trace import Trace

_LEAST = 2
"""Lines of a plot at the least."""

_WEIGHTS = (3, 2, 2)  # of window, progress and throughput


def heights(lines: int, ways: int) -> list[int]:
    """Return how high the plots of each direction are, three or as many as there is room for."""
    for count in (3, 2, 1):
        room = (lines - 2 - count * ways) // ways
        if room >= count * _LEAST:
            break
    total = sum(_WEIGHTS[:count])
    others = [max(room * weight // total, _LEAST) for weight in _WEIGHTS[1:count]]
    return [max(room - sum(others), 1), *others]


def plots(trace: Trace, side: int, title: str, span: Span, across: int) -> tuple[Plot, Plot, Plot]:
    """Return what is to be drawn of a direction; `span` is ns since 1970."""
    parts = list(trace.stretches(side, span.begin, span.end, 2 * across))
    stalled = [part.stalled for part in parts]
    sizes = trace.carried(side, span.begin, span.end, across)
    rates = [size * 1_000_000_000 * across // span.length for size in sizes for _ in (0, 1)]
    credit = _Ranges([part.in_flight for part in parts], [part.window for part in parts])
    progress = _Ranges([part.read for part in parts], [part.sent for part in parts])
    shade: list[Piece] = [(f"  {SHADE} stalled", "stall")] if any(stalled) else []
    head: list[Piece] = [(f"{title}  ", "title"), ("⠒⠒ window", "line"), ("  ⣿ in flight", "area")]
    return (
        credit.plot([*head, *shade], stalled, low=0),
        progress.plot([("⠒⠒ sent", "line"), ("  ⣿ read", "area")], stalled, low=progress.low),
        _Ranges([(one, one) for one in rates], [None] * len(rates))
        .plot([("⣿ sent per second", "area")], stalled, low=0)
        ._replace(word=rate),
    )


class _Ranges:
    """The values of an area and of a line, and between what they are."""

    def __init__(self, area: Sequence[Pair], line: Sequence[Pair]) -> None:
        self._area, self._line = area, line
        known = [pair for pair in (*area, *line) if pair is not None]
        self.low = min((low for low, _ in known), default=0)
        self._high = max((high for _, high in known), default=0)

    def plot(self, legend: Sequence[Piece], stalled: Sequence[bool], low: int) -> Plot:
        high = max(self._high, low + 1)
        return Plot(legend, self._area, self._line, stalled, low, high)
