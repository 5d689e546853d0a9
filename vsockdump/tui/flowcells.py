"""What stands in the columns of a connection's line, and in which ink."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import NamedTuple

from vsockdump.creditplot import size
from vsockdump.events import seconds
from vsockdump.flowcolumns import Record, stalled
from vsockdump.flows import STALL_PROBLEM, Flow, Side
from vsockdump.flowtext import HEADS
from vsockdump.states import State

from .bars import gauge, sparkline, summed

Cell = tuple[str, str]
"""A text, and what kind of ink it is in: see Rows."""

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
    rates: tuple[Sequence[int], Sequence[int]] = ((), ())  # bytes each way, over time
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
