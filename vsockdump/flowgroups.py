"""Connections added up by CID, port or pair of CIDs: `vsockdump flows --by`."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from vsockdump.aligned import Head, Row
from vsockdump.events import Name
from vsockdump.flowcolumns import stalled
from vsockdump.flows import Flow, Side, Verdict
from vsockdump.flowtext import clock, length
from vsockdump.states import State
from vsockdump.values import Field

Key = tuple[int, ...]

MOST = 100_000
"""Groups that are told apart; what comes beyond them is added up together."""

OTHERS: Key = ()


class Group:
    """What some connections add up to; `out` is what the group's own side sent."""

    def __init__(self, key: Key) -> None:
        """Begin with nothing."""
        self.key = key
        self.flows = self.open = self.failed = self.problems = 0
        self.packets_out = self.packets_in = self.bytes_out = self.bytes_in = 0
        self.stalled = 0  # ns
        self.start = self.last = 0  # ns since 1970

    def add(self, flow: Flow, own: Side, other: Side) -> None:
        """Count a connection in; `own` is the group's side of it."""
        self.start = min(self.start, flow.start) if self.flows else flow.start
        self.last = max(self.last, flow.last) if self.flows else flow.last
        self.flows += 1
        self.open += flow.state is not State.CLOSED
        self.failed += flow.verdict in (Verdict.S0, Verdict.REJ)
        self.problems += flow.problems
        self.packets_out += own.packets
        self.packets_in += other.packets
        self.bytes_out += own.bytes
        self.bytes_in += other.bytes
        self.stalled += stalled(flow)


class Grouping(NamedTuple):
    """A way to group: the names of the key's numbers, and where a connection belongs."""

    names: tuple[str, ...]
    groups: Callable[[Flow], Iterator[tuple[Key, Side, Side]]]
    word: Callable[[Name, Key], str]


def _by_cid(flow: Flow) -> Iterator[tuple[Key, Side, Side]]:
    yield (flow.src_cid,), flow.fwd, flow.rev
    if flow.dst_cid != flow.src_cid:
        yield (flow.dst_cid,), flow.rev, flow.fwd


def _by_port(flow: Flow) -> Iterator[tuple[Key, Side, Side]]:
    yield (flow.dst_port,), flow.rev, flow.fwd


def _by_pair(flow: Flow) -> Iterator[tuple[Key, Side, Side]]:
    yield (flow.src_cid, flow.dst_cid), flow.fwd, flow.rev


def _cid(name: Name, cid: int) -> str:
    return name(cid, 0).rpartition(":")[0]


def _port(name: Name, port: int) -> str:
    return name(0, port).rpartition(":")[2]


# A port is the one that was connected to: the other is random, and means nothing.
GROUPINGS = {
    "cid": Grouping(("cid",), _by_cid, lambda name, key: _cid(name, key[0])),
    "port": Grouping(("port",), _by_port, lambda name, key: _port(name, key[0])),
    "pair": Grouping(
        ("src_cid", "dst_cid"),
        _by_pair,
        lambda name, key: f"{_cid(name, key[0])} > {_cid(name, key[1])}",
    ),
}


class Groups:
    """The groups of a way to group, filled one connection after the other."""

    def __init__(self, grouping: Grouping) -> None:
        """Begin with none."""
        self._grouping = grouping
        self._found: dict[Key, Group] = {}

    def add(self, flow: Flow) -> None:
        """Count a connection where it belongs."""
        for key, own, other in self._grouping.groups(flow):
            group = self._found.get(key) or self._new(key)
            group.add(flow, own, other)

    def _new(self, key: Key) -> Group:
        key = key if len(self._found) < MOST else OTHERS
        return self._found.setdefault(key, Group(key))

    def __iter__(self) -> Iterator[Group]:
        """Yield them in the order in which they were found."""
        yield from self._found.values()


def fields(grouping: Grouping) -> tuple[Field[Group], ...]:
    """Return what can be asked of a group; the numbers of its key are None for all the others."""
    keys = (_key(name, place) for place, name in enumerate(grouping.names))
    return (
        *keys,
        Field("flows", "int", "", lambda group: group.flows),
        Field("open", "int", "", lambda group: group.open),
        Field("failed", "int", "", lambda group: group.failed),
        Field("problems", "int", "", lambda group: group.problems),
        Field("packets_out", "int", "", lambda group: group.packets_out),
        Field("packets_in", "int", "", lambda group: group.packets_in),
        Field("bytes_out", "int", "bytes", lambda group: group.bytes_out),
        Field("bytes_in", "int", "bytes", lambda group: group.bytes_in),
        Field("stalled_s", "seconds", "s", lambda group: group.stalled),
        Field("start", "time", "UTC", lambda group: group.start),
        Field("last", "time", "UTC", lambda group: group.last),
    )


def _key(name: str, place: int) -> Field[Group]:
    return Field(name, "int", "", lambda group: group.key[place] if group.key else None)


# What can be sorted by besides: both ways together.
TOTALS: tuple[Field[Group], ...] = (
    Field("packets", "int", "", lambda group: group.packets_out + group.packets_in),
    Field("bytes", "int", "bytes", lambda group: group.bytes_out + group.bytes_in),
)


def heads(title: str) -> tuple[Head, ...]:
    """Return the headings of the table, the first of which is the way to group."""
    return (
        Head(title),
        Head("flows", right=True),
        Head("open", right=True, spare=3),
        Head("failed", right=True, spare=2),
        Head("problems", right=True, spare=1),
        Head("packets out/in", right=True, spare=6),
        Head("bytes out/in", right=True),
        Head("stalled", right=True, spare=4),
        Head("start", spare=7),
        Head("last", spare=5),
    )


def cells(grouping: Grouping, name: Name) -> Callable[[Group], Row]:
    """Return what words a group, with CIDs and ports by `name`."""

    def worded(group: Group) -> Row:
        return (
            grouping.word(name, group.key) if group.key else "all others",
            str(group.flows),
            str(group.open),
            str(group.failed),
            str(group.problems),
            f"{group.packets_out}/{group.packets_in}",
            f"{group.bytes_out}/{group.bytes_in}",
            length(group.stalled or None),
            clock(group.start),
            clock(group.last),
        )

    return worded
