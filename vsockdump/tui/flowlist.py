"""Which connections a list shows, and in which order."""

from array import array
from collections.abc import Callable, Sequence
from typing import NamedTuple

from vsockdump.browsing.opened import Opened
from vsockdump.flowcolumns import stalled
from vsockdump.flows import Flow
from vsockdump.messages import plural

FIRST = 10_000
"""Connections that are put in another order than that of their numbers; the others are left out."""

_PACKETS = 1 << 16  # that are looked at before other threads have their turn
_AT_ONCE = 500  # connections that are asked for while the reader has to wait


class Sort(NamedTuple):
    """A way to sort: its words, the tracker's name for it, and what it goes by."""

    word: str
    measure: str  # empty: the order of their numbers
    value: Callable[[Flow], int]


SORTS = (
    Sort("number", "", lambda flow: flow.number),
    Sort("last activity", "latest", lambda flow: flow.last),
    Sort("bytes", "bytes", lambda flow: flow.fwd.bytes + flow.rev.bytes),
    Sort("packets", "packets", lambda flow: flow.fwd.packets + flow.rev.packets),
    Sort("duration", "duration", lambda flow: flow.duration),
    Sort("time stalled", "stalled", stalled),
    Sort("problems", "problems", lambda flow: flow.problems),
)
"""What has a measure is sorted downwards if nothing else is said."""


class Order(NamedTuple):
    """What is shown first: the place in SORTS, and whether the other way round."""

    place: int = 0
    reverse: bool = False

    @property
    def sort(self) -> Sort:
        """The way to sort."""
        return SORTS[self.place]

    def next(self) -> "Order":
        """Return the next way to sort."""
        return Order((self.place + 1) % len(SORTS))

    def turned(self) -> "Order":
        """Return the same the other way round."""
        return self._replace(reverse=not self.reverse)

    def __str__(self) -> str:
        """Say it."""
        return f"by {self.sort.word} {'↑' if self.reverse is bool(self.sort.measure) else '↓'}"


class Listed(NamedTuple):
    """Connections in an order; there may be more of them in all."""

    numbers: Sequence[int] = ()
    total: int = 0
    order: Order = Order()
    chosen: bool = False  # only of these that a filter chooses

    def __str__(self) -> str:
        """Say how many there are, and in which order."""
        left = len(self.numbers) < self.total
        first = f"the first {len(self.numbers)} of " if left else ""
        match = " with packets that match" if self.chosen else ""
        return f"{first}{plural(self.total, 'connection')}{match}, {self.order}"


class Among:
    """The connections of packets that match, of which there may be more every time."""

    def __init__(self, opened: Opened) -> None:
        """Begin with none."""
        self._opened = opened
        self._matching = array("Q")
        self._done = 0
        self._found: set[int] = set()

    def of(self, matching: "array[int] | None") -> "array[int] | None":
        """Return them in the order of their numbers; None for None.

        It may take a while, but lets other threads have their turn: call it in one.
        """
        if matching is None:
            return None
        if matching is not self._matching:  # another filter
            self._matching, self._done, self._found = matching, 0, set()
        end = len(matching)
        for begin in range(self._done, end, _PACKETS):
            packets = matching[begin : min(begin + _PACKETS, end)]
            self._found.update(self._opened.index.flows_of(packets))
        self._done = end
        return array("Q", sorted(self._found))


def listed(opened: Opened, order: Order, among: Sequence[int] | None = None) -> Listed:
    """Return the connections in an order; with `among` only these, which are in that of numbers.

    It may take a while: call it in a thread.
    """
    total = opened.counts.flows if among is None else len(among)
    if not order.sort.measure:
        numbers = range(1, total + 1) if among is None else among
    elif among is None:
        numbers = opened.ranked(order.sort.measure, FIRST)
    else:
        numbers = _ranked(opened, order.sort, among[:FIRST])
    return Listed(numbers[::-1] if order.reverse else numbers, total, order, among is not None)


def _ranked(opened: Opened, sort: Sort, among: Sequence[int]) -> Sequence[int]:
    flows: list[Flow] = []
    for begin in range(0, len(among), _AT_ONCE):
        flows += opened.flows(among[begin : begin + _AT_ONCE])
    return [flow.number for flow in sorted(flows, key=sort.value, reverse=True)]
