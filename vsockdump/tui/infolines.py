"""All that is known of a capture and of this machine, as lines of text and their inks."""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from vsockdump import kernels
from vsockdump.browsing.opened import Opened
from vsockdump.checks import Row
from vsockdump.events import Name, seconds
from vsockdump.interface import Interface
from vsockdump.messages import plural, printable
from vsockdump.paint import Line
from vsockdump.remarks import quality_line
from vsockdump.summary import FACTS, Facts, Section, Shape, Totals, times
from vsockdump.summarytext import text

from .bars import sparkline

Cell = tuple[str, str]
"""A text, and its ink: see Rows."""

Cells = list[Cell]
"""A line."""

_INDENT = "  "
_COLUMNS = 60  # of the line of packets over time
_KERNELS = 16  # that are named
_AT_ONCE = 500  # connections that are asked for while the reader has to wait
_TOLD = {
    "packets", "connections", "first", "last", "duration", "payload_bytes", "packet_rate",
    "payload_rate", "lost", "duplicates", "unread",
}  # fmt: skip
_VERDICTS = {"ok": "good", "warn": "warn", "no": "problem"}


def titled(title: str, lines: Iterable[Cells]) -> Iterator[Cells]:
    """Yield a section: a blank line, its title, and its lines, unless it has none."""
    found = list(lines)
    if found:
        yield []
        yield [(title, "head")]
        yield from found


def source(facts: Sequence[tuple[str, str]], width: int) -> Iterator[Cells]:
    """Yield what is known of where packets come from: a name and a value each."""
    wide = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        parts = _wrapped(printable(value), width - wide - 4) or [""]
        yield [(f"{_INDENT}{name:{wide}}  ", "dim"), (parts[0], "")]
        yield from ([(" " * (wide + 4) + part, "")] for part in parts[1:])


def carries(opened: Opened, width: int) -> Iterator[Cells]:
    """Yield what the capture can carry."""
    line = quality_line(opened.quality)
    yield from ([(_INDENT + part, line.kind)] for part in _wrapped(line.text, width - 2))


def defects(interfaces: Sequence[Interface], width: int) -> Iterator[Cells]:
    """Yield what the kernels that captured get wrong: of the first few, should there be many."""
    found = list(dict.fromkeys(interface.os for interface in interfaces))
    for os in found[:_KERNELS]:
        if os:
            yield from _kernel(os, width)
        else:
            yield [(f"{_INDENT}the capture does not say which kernel it is from", "dim")]
    if left := len(found[_KERNELS:]):
        yield [(f"{_INDENT}and {left} more", "dim")]


def _kernel(os: str, width: int) -> Iterator[Cells]:
    found = kernels.defects(os)
    known = kernels.parse(os) is not None
    none = "no known defect of its tap" if known else "not a kernel whose defects are known"
    name = printable(os) if found else f"{printable(os)}: {none}"
    yield from ([(_INDENT + part, "")] for part in _wrapped(name, width - len(_INDENT)))
    for defect in found:
        sure = "" if defect.certain else "perhaps: "
        for part in _wrapped(f"{sure}{defect.symptom} (defect {defect.key})", width - 4):
            yield [(f"{_INDENT * 2}{part}", "warn")]


def machine(rows: Sequence[Row], width: int) -> Iterator[Cells]:
    """Yield what `vsockdump doctor` says; advice that does not fit stands below."""
    what = max((len(row.what) for row in rows), default=0)
    value = max((len(row.value) for row in rows if len(row.value) < 32), default=0)
    for row in rows:
        fact = f"  {row.what:{what}}  {row.value:{value}}"
        cells = [(f"{_INDENT}{row.verdict:4}", _VERDICTS[row.verdict]), (fact, "")]
        if 6 + len(fact) + 2 + len(row.advice) <= width:
            yield [*cells, (f"  {row.advice}", "dim")]
            continue
        yield cells
        yield from ([(f"{'':8}{part}", "dim")] for part in _wrapped(row.advice, width - 8))


def statistics(
    opened: Opened, name: Name, width: int, wanted: Callable[[], bool] = lambda: True
) -> list[Cells]:
    """Return what `vsockdump stats` prints; ends early, with less, once it is not `wanted`.

    It may take long: call it in a thread.
    """
    totals = Totals()
    flows = opened.counts.flows
    for begin in range(1, flows + 1, _AT_ONCE):
        if not wanted():
            break
        for flow in opened.flows(range(begin, min(begin + _AT_ONCE, flows + 1))):
            totals.add(flow)
    with opened.lock:
        connect, credit = opened.tracker.connect_times(), opened.tracker.credit_times()
    facts = Facts("", "", "", None, opened.counts, opened.quality, 0, 0, totals.payload)
    fields = [field for field in FACTS if field.name in _TOLD]
    sections = [
        Section("capture", Shape.FACTS, fields, [facts]),
        *totals.sections(),
        *times("connect", connect),
        *times("credit", credit),
    ]
    return [
        *_drawn(text(sections, name, width)),
        *titled("packets over time", _steps(opened, width)),
    ]


def _drawn(lines: Iterable[Line]) -> Iterator[Cells]:
    return ([(line.text, line.kind)] if line.text else [] for line in lines)


def _steps(opened: Opened, width: int) -> Iterator[Cells]:
    """Draw how many packets came when; times are taken to rise."""
    first, last = opened.counts.first, opened.counts.last
    if first is None or last is None or last <= first:
        return
    columns = min(_COLUMNS, width - len(_INDENT))
    length = -(-(last - first + 1) // columns)
    times = (first + length * at for at in range(columns + 1))
    begins = (opened.index.since(time) if time <= last else 0 for time in times)
    numbers = [begin or opened.count + 1 for begin in begins]
    packets = [max(end - begin, 0) for begin, end in pairwise(numbers)]
    peak = max(packets)
    yield [(_INDENT + sparkline(packets).rstrip(), "note")]
    rate = peak * 10**9 // length
    worded = f"a column is {seconds(length)}, the highest {plural(peak, 'packet')}: {rate} a second"
    yield from ([(_INDENT + part, "")] for part in _wrapped(worded, width - len(_INDENT)))


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20))
