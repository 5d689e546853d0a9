"""What is known of the processes at the ends of connections, in memory and in a capture file."""

import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from vsockdump.dissectors.virtio import Op
from vsockdump.engine.batch import Batch
from vsockdump.flows import Flow
from vsockdump.messages import printable
from vsockdump.packet import comments
from vsockdump.sources.owners import Process

MOST = 1 << 15
"""Connections whose processes are remembered."""

_ONE = r"(?:(.{1,80})\[([0-9]{1,7})\]|\?)"
_COMMENT = re.compile(f"{_ONE} > {_ONE}")
_BLOCK = 32 + 3  # bytes of an enhanced packet block besides its frame, and of padding at the most


class Ends(NamedTuple):
    """The addresses of a connection, who opened it first."""

    src_cid: int
    src_port: int
    dst_cid: int
    dst_port: int

    @classmethod
    def of(cls, flow: Flow) -> "Ends":
        """Return those of a flow."""
        return cls(flow.src_cid, flow.src_port, flow.dst_cid, flow.dst_port)

    @property
    def reversed(self) -> "Ends":
        """The same from the other end."""
        return Ends(*self[2:], *self[:2])


Pair = tuple[Process | None, Process | None]
Key = tuple[Ends, int]
"""A connection: its ends, and when its first packet was captured, for ends are used again."""


class Known:
    """Remembers who had the two ends of connections; the oldest are forgotten."""

    def __init__(self, most: int = MOST) -> None:
        """Remember so many."""
        self._most = most
        self._pairs: dict[Key, Pair] = {}

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._pairs)

    def put(self, ends: Ends, start: int, pair: Pair) -> None:
        """Remember one; what was known of it is replaced."""
        keep(self._pairs, (ends, start), pair, self._most)

    def process(self, ends: Ends, start: int) -> Pair:
        """Return the processes at src and dst, None for one that is not known."""
        if (pair := self._pairs.get((ends, start))) is not None:
            return pair
        dst, src = self._pairs.get((ends.reversed, start), (None, None))
        return src, dst

    def of(self, flow: Flow) -> tuple[str | None, str | None]:
        """Return the processes of a flow as they are shown: python3[812]."""
        src, dst = self.process(Ends.of(flow), flow.start)
        return str(src) if src else None, str(dst) if dst else None


class Recalled:
    """A sink that reads in a pcapng file what Processes said when it was captured."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.known = Known()

    @property
    def available(self) -> bool:
        """Whether the file has said anything so far."""
        return len(self.known) > 0

    def feed(self, batch: Batch) -> None:
        """Look at the comments of REQUESTs."""
        rows = batch.find(1 << Op.REQUEST) if batch.form == "pcapng" else ()
        if not rows:
            return
        ends, times = ends_of(batch), batch.column("time")
        records, frames = batch.column("record_size"), batch.column("cap_len")
        for row in rows:
            if records[row] > frames[row] + _BLOCK:
                for text in comments(batch, row):
                    if pair := parse(text):
                        self.known.put(ends(row), times[row], pair)


def comment(pair: Pair) -> bytes:
    """Return what a REQUEST's comment says: python3[812] > sshd[99], ? for one not known."""
    return " > ".join(str(process) if process else "?" for process in pair).encode()


def parse(text: str) -> Pair | None:
    """Return the processes that such a comment names; None for any other."""
    match = _COMMENT.fullmatch(text)
    if match is None:
        return None
    src, src_pid, dst, dst_pid = match.groups()
    return _parsed(src, src_pid), _parsed(dst, dst_pid)


def _parsed(command: str | None, pid: str) -> Process | None:
    return None if command is None else Process(int(pid), printable(command))


def ends_of(batch: Batch) -> Callable[[int], Ends]:
    """Return what gives the ends of a row."""
    columns = [batch.column(name) for name in Ends._fields]
    return lambda row: Ends(*(column[row] for column in columns))


K = TypeVar("K")
V = TypeVar("V")


def keep(entries: dict[K, V], key: K, value: V, most: int) -> None:
    """Put the newest entry, and forget the oldest where there are more than `most`."""
    entries.pop(key, None)
    entries[key] = value
    if len(entries) > most:
        del entries[next(iter(entries))]
