"""A capture's summary as people read it: facts, tables, bars, and a line of throughput."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from vsockdump import flowgroups
from vsockdump.aligned import Head, lines
from vsockdump.events import Name, seconds
from vsockdump.flowgroups import GROUPINGS
from vsockdump.messages import plural, printable
from vsockdump.paint import Line
from vsockdump.series import Step
from vsockdump.summary import Section, Shape
from vsockdump.values import Value, as_text

MOST = 10
"""Rows of a table that are shown."""

_INDENT = "  "
_BAR = 30  # characters
_LEVELS = "▁▂▃▄▅▆▇█"
_COLUMNS = 60  # of the line of throughput


def text(sections: Sequence[Section], name: Name, room: int | None = None) -> Iterator[Line]:
    """Yield the lines of all sections, but of those that have no rows.

    Tables are as wide as they are, or have `room` for so many characters.
    """
    inner = None if room is None else room - len(_INDENT)
    for section in sections:
        if any(section.rows):  # of a time that never was there is a row, with nothing in it
            yield Line("")
            yield Line(section.name.replace("_", " "), "head")
            for line in _SHAPES[section.shape](section, name, inner):
                yield Line(f"{_INDENT}{line}")


def _facts(section: Section, name: Name, room: int | None) -> list[str]:
    (row,) = section.rows
    facts = (
        (field.name.removesuffix("_s").replace("_", " "), _worded(field.type, field.unit, value))
        for field in section.fields
        if (value := field.value(row)) is not None
    )
    return lines((Head(""), Head("")), list(facts))[1:]


def _worded(kind: str, unit: str, value: Value) -> str:
    """Return a value with its unit."""
    if isinstance(value, int) and kind == "seconds":
        return seconds(value)
    if isinstance(value, int) and kind == "int" and unit:
        return plural(value, unit.removesuffix("s"))
    return f"{as_text(kind, value)} {unit if kind == 'float' else ''}".rstrip()


def _table(section: Section, name: Name, room: int | None) -> list[str]:
    fields = section.fields
    heads = [Head(field.name.replace("_", " "), field.type == "int") for field in fields]
    shown = section.rows[:MOST]
    rows = [tuple(as_text(f.type, f.value(row)) for f in fields) for row in shown]
    return [*lines(heads, rows, room), *_left(section)]


def _counts(section: Section, name: Name, room: int | None) -> list[str]:
    """Draw a bar for how many there are of each."""
    totals: Counter[str] = Counter()
    key = section.fields[0]
    for what, number in section.rows:
        totals[_label(key.type, what)] += number
    longest = max(totals.values())
    cells = [(label, str(n), "█" * -(-n * _BAR // longest)) for label, n in totals.items()]
    return lines((Head(""), Head("", right=True), Head("")), cells)[1:]


def _label(kind: str, what: str | int | None) -> str:
    if isinstance(what, str):
        return printable(what)
    if what is None:
        return "more"
    if kind == "seconds":
        return f"up to {seconds(_rounded(what))}"
    return f"up to {plural(what, 'byte')}" if what else "empty"


def _rounded(ns: int) -> int:
    """Return the next 1, 2 or 5 and zeros, microseconds at least: all that people want to see."""
    ns = max(ns, 1000)
    unit = int("1".ljust(len(str(ns)), "0"))
    return next(step * unit for step in (1, 2, 5, 10) if step * unit >= ns)


def _groups(section: Section, name: Name, room: int | None) -> list[str]:
    way = section.name.removesuffix("s")
    cells = flowgroups.cells(GROUPINGS[way], name)
    shown = lines(flowgroups.heads(way), [cells(group) for group in section.rows[:MOST]], room)
    return [*shown, *_left(section)]


def _left(section: Section) -> list[str]:
    left = len(section.rows) - MOST
    return [f"... and {left} more; --json has all"] if left > 0 else []


def _steps(section: Section, name: Name, room: int | None) -> list[str]:
    """Draw how much payload came when, a column for so many steps that a line holds them."""
    steps: Sequence[Step] = section.rows
    first, last = steps[0], steps[-1]
    number = (last.start - first.start) // first.length + 1
    length = -(-number // _COLUMNS) * first.length
    sums = [0] * ((last.start - first.start) // length + 1)
    for step in steps:
        sums[(step.start - first.start) // length] += step.bytes
    peak = max(sums)
    if not peak:
        return ["no payload"]
    return [
        "".join(_LEVELS[total * 7 // peak] if total else " " for total in sums).rstrip(),
        f"a column is {seconds(length)}, the highest {plural(peak, 'byte')}:"
        f" {peak * 10**9 // length} bytes/s",
    ]


_SHAPES: dict[Shape, Callable[[Section, Name, int | None], list[str]]] = {
    Shape.FACTS: _facts,
    Shape.TABLE: _table,
    Shape.COUNTS: _counts,
    Shape.GROUPS: _groups,
    Shape.STEPS: _steps,
}
