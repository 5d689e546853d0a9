"""A sequence diagram as SVG: one file that needs nothing else, light or dark as its reader is.

All that comes from a capture is escaped; there are no scripts, and no reference leads anywhere.
"""

import html
import math
import textwrap
from collections.abc import Iterator, Sequence

from vsockdump.dissectors.virtio import Op
from vsockdump.events import Kind, Name, seconds
from vsockdump.messages import printable
from vsockdump.rungs import Arrow, Incident, Quiet, Row
from vsockdump.steps import End, since

ENDS = 8
"""Columns there can be: with more, a page would be wider than a screen."""

_CHARACTER = 7.25  # px of width, 12 px monospace
_TIMES = 218  # px: numbers, times, and times since the packet before
_STEP, _LINE, _HEAD = 30, 17, 64  # px: of a row, of a line of text, above the first row
_MARGIN = 90  # px: beside the first and the last column, at least
_NARROW, _WIDE, _ALL = 180, 420, 1400  # px: between two columns, at least and most; from the first
_AGAIN = 25  # rows beyond which the names stand below, too

_OPS: dict[int, str] = {
    Op.REQUEST: "open",
    Op.RESPONSE: "open",
    Op.RW: "data",
    Op.CREDIT_UPDATE: "credit",
    Op.CREDIT_REQUEST: "credit",
    Op.SHUTDOWN: "end",
    Op.RST: "end",
}

# No variables: not all that shows SVG knows them. On paper it is always light.
_STYLE = """
text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1f2328 }
.paper { fill: #ffffff } .dim { fill: #59636e } .name { font-weight: bold }
.right { text-anchor: end } .middle { text-anchor: middle }
.box { fill: #f6f8fa; stroke: #8c959f } .rail { stroke: #8c959f }
.pause { stroke: #8c959f; stroke-dasharray: 2 5 }
.arrow { stroke-width: 1.5 } .label { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
.open { stroke: #1a7f37 } .data { stroke: #0969da } .credit { stroke: #8250df }
.end { stroke: #cf222e } .other { stroke: #59636e }
.head.open { fill: #1a7f37 } .head.data { fill: #0969da } .head.credit { fill: #8250df }
.head.end { fill: #cf222e } .head.other { fill: #59636e }
.stall { fill: #ffcecb } .problem { fill: #ffebe9 } .warn { fill: #fff1c2 } .note { fill: #ddf4ff }
@media screen and (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .paper { fill: #0d1117 } .dim { fill: #9198a1 }
.box { fill: #151b23; stroke: #656c76 } .rail, .pause { stroke: #656c76 }
.label { stroke: #0d1117 }
.open { stroke: #3fb950 } .data { stroke: #58a6ff } .credit { stroke: #bc8cff }
.end { stroke: #f85149 } .other { stroke: #9198a1 }
.head.open { fill: #3fb950 } .head.data { fill: #58a6ff } .head.credit { fill: #bc8cff }
.head.end { fill: #f85149 } .head.other { fill: #9198a1 }
.stall { fill: #78191b } .problem { fill: #4c1a1d } .warn { fill: #453209 } .note { fill: #10304f }
}
"""


def draw(
    ends: Sequence[End], rows: Sequence[Row], name: Name, title: str, left_out: str = ""
) -> str:
    """Return the whole file; `title` stands above, and `left_out` below, if it says anything."""
    page = _Page(ends, rows, name)
    body = "\n".join([*page.rows(rows), *page.foot(len(rows), left_out)])
    width, height = page.width, page.y
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img">\n'
        f"<title>{_escaped(title)}</title>\n<style>{_STYLE}</style>\n"
        f'<rect class="paper" width="{width}" height="{height}"/>\n'
        f"{_text(12, 22, 'name', title)}\n"
        f"{page.rails()}\n{page.names(36)}\n{body}\n</svg>\n"
    )


class _Page:
    """Draws from the top down: `y` is where it has got to."""

    def __init__(self, ends: Sequence[End], rows: Sequence[Row], name: Name) -> None:
        self.y = _HEAD + 12
        self._name = name
        names = [printable(name(*end)) for end in ends]
        self._gap = _gap(names, rows)
        self._names = [_cut(one, self._gap - 24) for one in names]
        margin = max([_MARGIN, *(_width(one) // 2 + 12 for one in self._names)])
        self._at = [_TIMES + margin + self._gap * at for at in range(len(ends))]
        self.width = max([_TIMES, *self._at][-1] + margin, 640)
        self._start = next((row.time for row in rows if isinstance(row, Arrow)), 0)
        self._before = self._start
        self._bottom = 0

    def rows(self, rows: Sequence[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, Arrow):
                yield from self._arrow(row)
            elif isinstance(row, Quiet):
                yield from self._quiet(row)
            else:
                yield from self._incident(row)

    def foot(self, count: int, left_out: str) -> Iterator[str]:
        """Draw what stands below the rows: the names once more, and what is not drawn."""
        self.y += 8
        self._bottom = self.y
        if count > _AGAIN:
            yield self.names(self.y)
            self.y += 28
        if left_out:
            yield _text(12, self.y + 20, "dim", left_out)
            self.y += 20
        self.y += 12

    def rails(self) -> str:
        """Draw the line of every column, from its name to the last row."""
        return "\n".join(_line(x, 60, x, self._bottom, "rail") for x in self._at)

    def names(self, y: int) -> str:
        boxes = []
        for x, text in zip(self._at, self._names, strict=True):
            half = _width(text) // 2 + 8
            boxes.append(_rect(x - half, y, 2 * half, 24, "box"))
            boxes.append(_text(x, y + 16, "name middle", text))
        return "\n".join(boxes)

    def _arrow(self, row: Arrow) -> Iterator[str]:
        self.y += _STEP
        y, kind = self.y - 6, _OPS.get(row.op, "other")
        yield f"<g><title>{_numbers(row)}</title>"
        yield _text(52, y + 4, "dim right", str(row.number))
        yield _text(132, y + 4, "right", since(row.time - self._start))
        yield _text(206, y + 4, "dim right", f"+{since(row.time - self._before)}")
        begin, end = self._at[row.src], self._at[row.dst]
        way = -1 if begin >= end else 1
        yield _line(begin, y, end - 6 * way if begin != end else end + 40, y, f"arrow {kind}")
        yield f'<path class="head {kind}" d="M{end} {y}l{-9 * way} -4v8z"/>'
        yield self._label(row, begin, end, y)
        yield "</g>"
        self._before = row.end

    def _label(self, row: Arrow, begin: int, end: int, y: int) -> str:
        if begin == end:
            return _text(begin + 6, y - 6, "label", _cut(row.labels[-1], 80))
        most = abs(end - begin) - 12
        text = next((one for one in row.labels if _width(one) <= most), row.labels[-1])
        return _text((begin + end) // 2, y - 6, "label middle", _cut(text, most))

    def _quiet(self, row: Quiet) -> Iterator[str]:
        self.y += _STEP
        yield _rect(_TIMES, self.y - 22, self.width - _TIMES, 26, "paper")
        for x in self._at:
            yield _line(x, self.y - 22, x, self.y + 4, "pause")
        middle = (self._at[0] + self._at[-1]) // 2
        yield _text(
            middle, self.y - 5, "label dim middle", f"{seconds(row.length)} without a packet"
        )

    def _incident(self, row: Incident) -> Iterator[str]:
        kind = row.event.severity.name.lower()
        stall = row.event.kind is Kind.STALL
        words = row.text(self._name) if stall else f"{kind}: {row.text(self._name)}"
        width = self.width - _TIMES - 12
        parts = textwrap.wrap(words, int((width - 24) / _CHARACTER))
        top = self.y + 10
        self.y = top + _LINE * len(parts) + 8
        yield _rect(_TIMES, top, width, self.y - top, "stall" if stall else kind)
        for number, part in enumerate(parts):
            yield _text(_TIMES + 12, top + 16 + _LINE * number, "", part)


def _numbers(row: Arrow) -> str:
    """Say which packets an arrow is: what is shown where somebody points at it."""
    last = "" if row.packets == 1 else f" to {row.last}"
    return f"packet {row.number}{last}, connection {row.flow}"


def _gap(names: Sequence[str], rows: Sequence[Row]) -> int:
    """Return the pixels between two columns: room for every label, if a page has as much."""
    arrows = (row for row in rows if isinstance(row, Arrow))
    labels = max((_width(arrow.labels[0]) for arrow in arrows), default=0)
    wanted = max(labels + 40, *(_width(name) + 32 for name in names), _NARROW)
    return min(wanted, _WIDE, max(_ALL // max(len(names) - 1, 1), _NARROW))


def _width(text: str) -> int:
    return math.ceil(len(text) * _CHARACTER)


def _cut(text: str, px: float) -> str:
    most = max(int(px / _CHARACTER), 1)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _escaped(text: str) -> str:
    return html.escape(printable(text))


def _text(x: int, y: int, kind: str, text: str) -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{_escaped(text)}</text>'


def _line(x: int, y: int, to_x: int, to_y: int, kind: str) -> str:
    return f'<line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" class="{kind}"/>'


def _rect(x: int, y: int, width: int, height: int, kind: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" class="{kind}"/>'
