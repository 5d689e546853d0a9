"""Plots in braille: an area, a dotted line above it, shaded stalls, and the axes around them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from vsockdump.creditplot import DOTS, axis, size
from vsockdump.paint import SHADE

Pair = tuple[int, int] | None
"""The least and the most within a stretch of time, None where nobody knows."""

Piece = tuple[str, str]
"""Text, and what kind it is: see `KINDS`."""

KINDS = ("axis", "title", "area", "full", "line", "stall")
"""What is drawn alike; `full` is area while nothing could be sent."""

_SHORTEST = 1000  # ns that are shown at the least


class Span(NamedTuple):
    """The times that are shown, in nanoseconds."""

    begin: int
    end: int

    @property
    def length(self) -> int:
        """How long it is, 1 at the least."""
        return max(self.end - self.begin, 1)

    def zoomed(self, at: int, by: float, whole: "Span") -> "Span":
        """Return one `by` times as long, in which `at` is where it was; not beyond `whole`."""
        length = min(max(round(self.length * by), _SHORTEST), whole.length)
        before = (at - self.begin) * length // self.length
        return Span(at - before, at - before + length).within(whole)

    def moved(self, by: int, whole: "Span") -> "Span":
        """Return the same length, `by` later; not beyond `whole`."""
        return Span(self.begin + by, self.end + by).within(whole)

    def within(self, whole: "Span") -> "Span":
        """Return the same length where it is nearest within `whole`."""
        length = min(self.end - self.begin, whole.end - whole.begin)
        begin = max(min(self.begin, whole.end - length), whole.begin)
        return Span(begin, begin + length)

    def column(self, time: int, across: int) -> int:
        """Return in which of `across` columns a time is; it may be none of them."""
        return min((time - self.begin) * across // self.length, across) - (time == self.end)

    def time(self, column: int, across: int) -> int:
        """Return the middle of a column."""
        return self.begin + self.length * (2 * column + 1) // (2 * across)


class Plot(NamedTuple):
    """What is drawn: two values for each column of characters, as the time goes by.

    `legend` stands above it. Values are from `low`, at the bottom, to `high`.
    """

    legend: Sequence[Piece]
    area: Sequence[Pair]
    line: Sequence[Pair]
    stalled: Sequence[bool]
    low: int
    high: int
    word: Callable[[int], str] = size

    def cells(self, height: int) -> Iterator[list[Piece]]:
        """Yield its rows from the top down."""
        dots = 4 * height
        areas = [self._dots(pair, dots) for pair in self.area]
        lines = [self._dots(pair, dots) for pair in self.line]
        for row in range(height):
            above = 4 * (height - 1 - row)
            made = [self._cell(areas, lines, at, above) for at in range(0, len(areas) - 1, 2)]
            yield joined(made)

    def _dots(self, pair: Pair, dots: int) -> tuple[int, int] | None:
        """Return how many dots high the two values are."""
        if pair is None:
            return None
        scale = max(self.high - self.low, 1)
        return (
            -(-max(pair[0] - self.low, 0) * dots // scale),
            -(-max(pair[1] - self.low, 0) * dots // scale),
        )

    def _cell(self, areas: Sequence[Pair], lines: Sequence[Pair], at: int, above: int) -> Piece:
        area = sum(_filled(areas[at + side], side, above) for side in (0, 1))
        line = sum(_outlined(lines[at + side], side, above) for side in (0, 1))
        stalled = any(self.stalled[at : at + 2])
        if area or line:
            kind = "line" if line & ~area else "full" if stalled else "area"
            return chr(0x2800 + (area | line)), kind
        return (SHADE, "stall") if stalled else (" ", "")


def _filled(heights: Pair, side: int, above: int) -> int:
    """Dots up to the least, and every other one up to the most."""
    if heights is None:
        return 0
    low, high = heights
    dots = enumerate(DOTS[side], above)
    return sum(bit for at, bit in dots if at < low or (at < high and (at + side) % 2 == 0))


def _outlined(heights: Pair, side: int, above: int) -> int:
    """Every other dot at a height; all of them from the least to the most."""
    if heights is None or (heights[0] == heights[1] and side):
        return 0
    low, high = max(heights[0], 1) - 1, max(heights[1], 1) - 1
    return sum(bit for at, bit in enumerate(DOTS[side], above) if low <= at <= high)


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Return neighbours of one kind as one."""
    return [
        ("".join(text for text, _ in group), kind)
        for kind, group in groupby(pieces, key=lambda piece: piece[1])
    ]


def rate(number: int) -> str:
    """Word bytes a second on an axis."""
    return f"{size(number)}/s"


class Picture(NamedTuple):
    """Plots below each other, with one axis of times.

    In the lines that are `plotted` the times are in `across` columns, from column `left` on.
    """

    lines: list[list[Piece]]
    plotted: set[int]
    left: int
    across: int


def _labels(plot: Plot, height: int) -> dict[int, str]:
    """Return what stands at the upper edge of a row, and at the axis below the last."""
    values = {0: plot.high, height: plot.low}
    if height > 3:
        below = height - height // 2
        values[height // 2] = plot.low + (plot.high - plot.low) * below // height
    return {row: plot.word(value) for row, value in values.items()}


def indent(plots: Sequence[Plot], heights: Sequence[int]) -> int:
    """Return the room that the labels of plots need on their left, the axis with it."""
    labels = [_labels(*one).values() for one in zip(plots, heights, strict=True)]
    return 2 + max(len(text) for texts in labels for text in texts)


def picture(plots: Sequence[Plot], heights: Sequence[int], span: Span, across: int) -> Picture:
    """Draw plots of `heights` lines, each below its legend, and the axis below the last.

    `span` is what they show, counted from where the axis is to have its 0.
    """
    left = indent(plots, heights)
    plotted: set[int] = set()
    lines = [_legend("", plots[0], left, across, " ")]
    for plot, height, below in zip(plots, heights, [*plots[1:], None], strict=True):
        labels = _labels(plot, height)
        bottom = labels.pop(height)
        plotted |= set(range(len(lines), len(lines) + height))
        lines += _labelled(plot.cells(height), labels, left)
        if below:
            lines.append(_legend(f"{bottom:>{left - 2}} ┼", below, left, across, "─"))
        else:
            marks, times = axis(span.begin, span.end, across)
            lines.append([(f"{bottom:>{left - 2}} └{marks}", "axis")])
            lines.append([(f"{'':{left}}{times}", "axis")])
    return Picture(lines, plotted, left, across)


def _legend(lead: str, plot: Plot, left: int, across: int, fill: str) -> list[Piece]:
    """What stands above a plot, in the line that is the axis of the one before."""
    room = across - 1
    pieces: list[Piece] = [(f"{lead:{left}}{fill}", "axis")]
    for text, kind in plot.legend:
        pieces.append((text[: max(room, 0)], kind))
        room -= len(text)
    return [*pieces, (fill * max(room, 0), "axis")]


def _labelled(
    rows: Iterable[list[Piece]], labels: Mapping[int, str], left: int
) -> Iterator[list[Piece]]:
    for row, cells in enumerate(rows):
        lead = f"{labels.get(row, ''):>{left - 2}} {'┤' if row in labels else '│'}"
        yield [(lead, "axis"), *cells]
