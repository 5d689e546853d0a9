"""A connection in one line of a screen: which columns fit, and what stands in them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from vsockdump.creditplot import size
from vsockdump.events import seconds
from vsockdump.flowcolumns import Record, stalled
from vsockdump.flows import STALL_PROBLEM, Flow, Side
from vsockdump.flowtext import HEADS
from vsockdump.states import State

from .bars import gauge, sparkline, summed

Cell = tuple[str, str]
"""A text, and what kind of ink it is in: see Rows."""

GAP = 1

_LARGEST = 65536  # VIRTIO_VSOCK_MAX_PKT_BUF_SIZE (linux/virtio_vsock.h)
_INKS = {
    "red": "problem", "bold red": "problem", "yellow": "warn", "green": "good", "cyan": "note",
    "magenta": "accent", "dim": "dim", "": "",
}  # fmt: skip
_VERDICTS = next(head.styles for head in HEADS if head.title == "verdict")


class Shown(NamedTuple):
    """A connection, and what its own numbers do not tell."""

    record: Record
    words: Sequence[str]  # as `flows` prints them: see HEADS
    rates: tuple[Sequence[int], Sequence[int]] = (
        (),
        (),
    )  # bytes each way, over time
    waited: int = 0  # ns that a stall which goes on has lasted since the last packet


class Tight(NamedTuple):
    """How much one side of a connection may send: the side that is nearest to having to wait."""

    way: str  # → who opened the connection, ← the other
    free: int | None  # bytes; of a connection that is closed, the least there ever was
    window: int
    ink: str

    @property
    def part(self) -> float:
        """What is free of the window."""
        return 1.0 if self.free is None else self.free / max(self.window, 1)


def tightest(flow: Flow) -> Tight:
    """Return the credit that matters: that of the side that has the least of its window left."""
    over = flow.state is State.CLOSED
    return min((_tight(*way, over) for way in (("→", flow.fwd), ("←", flow.rev))), key=_part)


_part = attrgetter("part")


def _tight(way: str, side: Side, over: bool) -> Tight:
    if over:
        return Tight(way, side.min_free if side.bytes else None, side.window or 0, _past(side))
    return Tight(way, side.free, side.window or 0, _ink(side))


def _ink(side: Side) -> str:
    """Say how near a side is to having to wait.

    Linux says nothing of what was read before less than a packet of the largest size looks free
    (virtio_transport_stream_do_dequeue): less than that is little. It is a quarter of the usual
    window, and of a smaller one a quarter is little.
    """
    if side.free is None:
        return ""
    if side.stalled_now or not side.free:
        return "problem"
    return "warn" if side.free < min(_LARGEST, (side.window or 0) // 4) else "good"


def _past(side: Side) -> str:
    """Say how near it ever was."""
    if side.longest_stall >= STALL_PROBLEM:
        return "problem"
    return "warn" if side.min_free == 0 else "dim"


# --- cells ------------------------------------------------------------------------------------


def amount(count: int | None) -> str:
    """Word bytes in at most nine characters."""
    if count is None:
        return "-"
    return str(count) if count < 10_000_000 else size(count)


def brief(ns: int) -> str:
    """Word a length of time."""
    return seconds(ns).replace(" ", "")


def _word(title: str) -> Callable[[Shown, int], Cell]:
    place = [head.title for head in HEADS].index(title)
    return lambda shown, width: (shown.words[place], "")


def _verdict(shown: Shown, width: int) -> Cell:
    word = shown.record.flow.verdict.name
    return word, _INKS.get(_VERDICTS.get(word, ""), "")


def _bytes(side: int) -> Callable[[Shown, int], Cell]:
    return lambda shown, width: (amount(shown.record.flow[-2:][side].bytes), "")


def _spark(side: int) -> Callable[[Shown, int], Cell]:
    def spark(shown: Shown, width: int) -> Cell:
        ways = [summed(way, width) for way in shown.rates]
        return sparkline(ways[side], max((0, *ways[0], *ways[1]))), "accent" if side else "note"

    return spark


def _gauge(shown: Shown, width: int) -> Cell:
    flow = shown.record.flow
    tight = tightest(flow)
    if tight.free is None:
        return "", ""
    word = "min" if flow.state is State.CLOSED else ""
    room = width - len(tight.way + word) - bool(word)
    bar = gauge(tight.free, tight.window, room) if room > 0 else ""
    return f"{tight.way}{word}{' ' if word and bar else ''}{bar}", tight.ink


def _free(shown: Shown, width: int) -> Cell:
    tight = tightest(shown.record.flow)
    return amount(tight.free), tight.ink


def _stalled(shown: Shown, width: int) -> Cell:
    flow = shown.record.flow
    now = 0 if flow.state is State.CLOSED else sum(map(_waits, (flow.fwd, flow.rev)))
    ns = stalled(flow) + now * shown.waited
    return brief(ns) if ns else "-", "problem" if now else ""


def _waits(side: Side) -> bool:
    """Tell whether a side is stalled, also where no packet since has told how long."""
    full = side.free == 0 and side.in_flight > 0 and not side.shutdown
    return side.stalled_now or full


def _problems(shown: Shown, width: int) -> Cell:
    problems = shown.record.flow.problems
    return str(problems or "-"), "problem" if problems else ""


class Column(NamedTuple):
    """A column: what it is known by, its heading, and its cells."""

    name: str
    title: str
    cell: Callable[[Shown, int], Cell]
    right: bool = False


COLUMNS = (
    Column("number", "#", _word("flow"), right=True),
    Column("who", "connection", _word("connection")),
    Column("verdict", "verdict", _verdict),
    Column("bytes", "→ bytes", _bytes(0), right=True),
    Column("spark", "", _spark(0)),
    Column("bytes", "← bytes", _bytes(1), right=True),
    Column("spark", "", _spark(1)),
    Column("gauge", "", _gauge),
    Column("free", "free", _free, right=True),
    Column("stalled", "stalled", _stalled, right=True),
    Column("state", "state", _word("state")),
    Column("duration", "duration", _word("duration"), right=True),
    Column("packets", "packets", _word("packets"), right=True),
    Column("problems", "problems", _problems, right=True),
    Column("start", "start", _word("start")),
    Column("reason", "why", _word("reason")),
)

# What is there in any case, and what then gets the room that is left, one wish after the other: a
# column so many characters, or (0) as many as it needs.
_NEEDED = {"number": 0, "who": 20, "verdict": 0, "bytes": 0, "gauge": 4, "free": 0, "stalled": 0}
_WISHES = (
    ("spark", 3), ("who", 30), ("spark", 5), ("state", 0), ("duration", 0), ("who", 48),
    ("spark", 8), ("gauge", 7), ("packets", 0), ("problems", 0), ("start", 0), ("spark", 16),
    ("gauge", 12), ("who", 0), ("reason", 0),
)  # fmt: skip
_ELASTIC = ("who", "reason")  # of use with less than they need
_USEFUL = 8  # characters of such a one at the least


class Widths:
    """How wide each column is: never narrower than before, or all would jump about."""

    def __init__(self) -> None:
        """Begin with the headings."""
        self._needs: dict[str, int] = {}
        for column in COLUMNS:
            self._need(column.name, column.title)

    def see(self, lines: Iterable[Shown]) -> bool:
        """Look at lines that are to be shown; tell whether that made anything wider."""
        before = dict(self._needs)
        for line in lines:
            for column in COLUMNS:
                self._need(column.name, column.cell(line, 0)[0])
        return before != self._needs

    def _need(self, name: str, text: str) -> None:
        self._needs[name] = max(self._needs.get(name, 0), cell_len(text))

    def within(self, room: int) -> tuple[int, ...]:
        """Return a width a column for lines of so many characters, 0 for one that is left out."""
        return _within(self._needs, room)


def _within(needs: Mapping[str, int], room: int) -> tuple[int, ...]:
    names = [column.name for column in COLUMNS]
    given = {name: min(least or needs[name], _full(needs, name)) for name, least in _NEEDED.items()}
    left = room + GAP - sum(given[name] + GAP for name in names if name in given)
    for name, wish in _WISHES:
        had, many = given.get(name, -GAP), names.count(name)
        more = min(wish or needs[name], _full(needs, name)) - had
        if name in _ELASTIC and left >= (0 if name in given else _USEFUL):
            more = min(more, left)
        if 0 < more * many <= left:
            given[name] = had + more
            left -= more * many
    return tuple(given.get(name, 0) for name in names)


def _full(needs: Mapping[str, int], name: str) -> int:
    """Return the most that is of use: what is drawn has no end."""
    return needs[name] if name in _ELASTIC else max(needs[name], 16)


# --- lines ------------------------------------------------------------------------------------


def head(widths: Sequence[int]) -> str:
    """Return the line of headings."""
    cells = ((column, (column.title, "")) for column in COLUMNS)
    return "".join(text for text, _ in _placed(cells, widths)).rstrip()


def line(shown: Shown, widths: Sequence[int]) -> list[Cell]:
    """Return a connection's line in pieces, each with its ink."""
    pairs = zip(COLUMNS, widths, strict=True)
    cells = ((column, column.cell(shown, width)) for column, width in pairs)
    return list(_placed(cells, widths))


def _placed(cells: Iterable[tuple[Column, Cell]], widths: Sequence[int]) -> Iterable[Cell]:
    for (column, (text, ink)), width in zip(cells, widths, strict=True):
        if width:
            yield _fitted(text, width, column.right), ink
            yield " " * GAP, ""


def _fitted(text: str, width: int, right: bool) -> str:
    missing = width - cell_len(text)
    if missing < 0:
        return f"{set_cell_size(text, width - 1)}…"
    return " " * missing + text if right else text + " " * missing
