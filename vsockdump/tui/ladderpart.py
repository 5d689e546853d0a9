"""A part of a ladder: as many rows as people scroll through, and the packets behind them."""

from collections.abc import Callable, Iterable, Sequence
from heapq import merge
from typing import NamedTuple

from vsockdump.events import Event
from vsockdump.flows import Flow
from vsockdump.rungs import QUIET, Rungs
from vsockdump.steps import End, Packet

ROWS = 1000
"""Rows of a part."""

ENDS = 16
"""Columns; those that find no room on the screen are scrolled to."""

_SHARE = 20
"""A pause is worth a row if it is one part in so many of all the time there is."""

_SHORTEST = 10_000_000  # ns of a pause that is worth one; shorter ones are scheduling


class Asked(NamedTuple):
    """What is to be drawn."""

    flows: Sequence[Flow]
    whole: bool = False  # every packet has a row of its own
    begin: int = 0  # how many packets and events stand in the parts before

    @property
    def packets(self) -> int:
        """How many packets there are in all."""
        return sum(flow.fwd.packets + flow.rev.packets for flow in self.flows)

    @property
    def start(self) -> int:
        """When the first of them was, ns since 1970."""
        return min((flow.start for flow in self.flows), default=0)

    @property
    def span(self) -> int:
        """Nanoseconds from the first packet to the last, 1 at the least."""
        return max(max((flow.last for flow in self.flows), default=0) - self.start, 1)


class Part:
    """Some of the rows, in the order in which they happened."""

    def __init__(self, asked: Asked) -> None:
        """Make room for the connections, in the order in which they were met."""
        self.asked = asked
        quiet = min(max(asked.span // _SHARE, _SHORTEST), QUIET)
        self.rungs = Rungs(ends=ENDS, rows=ROWS, whole=asked.whole, quiet=quiet)
        for flow in sorted(asked.flows):
            ends = End(flow.src_cid, flow.src_port), End(flow.dst_cid, flow.dst_port)
            self.rungs.meet(flow.number, ends)
        self.before = 0
        """Packets in the parts before."""
        self.next: int | None = None
        """Where the next part begins, as in `Asked`; None while there is none."""
        self.lasts: dict[int, Packet] = {}
        """By row, the last packet that it stands for."""

    def read(self, found: Iterable[Packet | Event], going: Callable[[], bool]) -> None:
        """Take what happened, from the very beginning, until there is no room or it is stopped."""
        for at, one in enumerate(found):
            if not going():
                return
            if at < self.asked.begin:
                self.before += isinstance(one, Packet)
            elif not self._take(one):
                self.next = at
                return

    def _take(self, one: Packet | Event) -> bool:
        if isinstance(one, Event):
            return self.rungs.note(one)
        packets = self.rungs.packets
        if not self.rungs.add(one):
            return False
        if self.rungs.packets > packets:
            self.lasts[len(self.rungs.rows) - 1] = one
        return True

    @property
    def homeless(self) -> int:
        """How many connections found no room."""
        return len(self.asked.flows) - self.rungs.flows

    @property
    def title(self) -> str:
        """Say which packets these are, and what else there is."""
        first, last = self.before + 1, self.before + self.rungs.packets
        said = [f"packets {first} to {last} of {self.asked.packets}"]
        said += ["] goes on"] if self.next is not None else []
        said += ["[ goes back"] if self.asked.begin else []
        said += [f"no room for {self.homeless} of the connections"] if self.homeless else []
        return ", ".join(said)


def in_order(streams: Sequence[Iterable[Packet | Event]]) -> Iterable[Packet | Event]:
    """Return what happened to several connections as it happened."""
    return merge(*streams, key=lambda one: one.time)
