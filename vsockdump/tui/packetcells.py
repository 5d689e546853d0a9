"""What a row of the packet list says: a text a column."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple, cast

from textual.cache import LRUCache

from vsockdump import columns
from vsockdump.browsing.opened import Opened
from vsockdump.dissectors import virtio, vsockmon
from vsockdump.dissectors.notes import describe
from vsockdump.dissectors.virtio import Op, Type
from vsockdump.engine.batch import HAS_VIRTIO, HAS_VSOCKMON, Batch
from vsockdump.errors import VsockdumpError
from vsockdump.events import Name
from vsockdump.flows import Kept
from vsockdump.flowtext import clock, length
from vsockdump.messages import plural, printable

USUAL = ("number", "time", "src", "dst", "op", "len", "free", "info")
"""The list's own columns; any of columns.COLUMNS may stand among them."""

_NUMERIC = ("number", "time", "len", "free")
_KEPT = 1024  # packets whose words are kept: a few screens of them


def known(name: str) -> str:
    """Return the name of a column that can be shown; raises UsageError with a near one."""
    return name if name in USUAL else columns.find(name).name


class Times(Enum):
    """What the times in a list are relative to."""

    FIRST = "time"
    """The first packet of the capture."""
    CLOCK = "clock"
    DELTA = "delta"
    """The packet in the row above."""

    @property
    def next(self) -> "Times":
        """The one that follows when somebody asks for another."""
        every = list(Times)
        return every[(every.index(self) + 1) % len(every)]


class Words(NamedTuple):
    """What is said of a packet: its op (-1: unknown), whether it is odd, and a text a column.

    `marks` say in short what was found at it; the text of the column "info" begins with them.
    """

    op: int
    odd: bool
    texts: tuple[str, ...]
    marks: str = ""


class Cells:
    """Words packets, a text a column."""

    def __init__(self, opened: Opened, name: Name, names: Sequence[str] = USUAL) -> None:
        """Have ends worded by `name`; raises UsageError for a column that there is none of."""
        self.names = tuple(names)
        self.times = Times.FIRST
        self._opened, self._name = opened, name
        self._asked = [None if name in USUAL else columns.find(name) for name in names]
        self._words: LRUCache[int, Words] = LRUCache(_KEPT)

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """The title of each column, and whether it is aligned to the right."""
        titles = {"number": "no", "time": self.times.value}
        return [
            (titles.get(name, name), name in _NUMERIC or _is_number(column))
            for name, column in zip(self.names, self._asked, strict=True)
        ]

    def row(self, number: int, above: int = 0) -> Words:
        """Return what is said of a packet; `above` is the one in the row above it, if any."""
        words = self._words.get(number) or self._read(number)
        marks = self._marks(number)
        now = {"time": self._time(number, above), "info": marks}
        texts = (
            f"{now[name]} {text}".strip() if name in now else text
            for name, text in zip(self.names, words.texts, strict=True)
        )
        return words._replace(texts=tuple(texts), marks=marks)

    def _read(self, number: int) -> Words:
        try:
            batch, row = self._opened.batch(number)
            kept = self._opened.index.at(number)
        except IndexError:
            return Words(-1, True, self._only(number, "no longer kept"))
        except VsockdumpError as error:
            return Words(-1, True, self._only(number, str(error)))
        single = Single(batch, row)
        texts = tuple(self._text(at, single, kept) for at in range(len(self.names)))
        self._words[number] = words = Words(single.op, single.get("notes") > 0, texts)
        return words

    def _only(self, number: int, info: str) -> tuple[str, ...]:
        said = {"number": str(number), "info": printable(info)}
        return tuple(said.get(name, "") for name in self.names)

    def _text(self, at: int, single: "Single", kept: Kept) -> str:
        if (column := self._asked[at]) is not None:
            value = column.values(cast(Batch, single))[0]
            return printable(_plain(value))
        return _OWN[self.names[at]](single, kept, self._name)

    def _time(self, number: int, above: int) -> str:
        try:
            time = self._opened.index.at(number).time
            if self.times is Times.CLOCK:
                return clock(time)
            other = above if self.times is Times.DELTA else self._opened.first
            return length(time - self._opened.index.at(other or number).time)
        except IndexError:
            return "-"

    def _marks(self, number: int) -> str:
        marks = (event.mark for event in self._opened.findings.at(number))
        return " ".join(f"[{mark}]" for mark in marks if mark)


def _is_number(column: columns.Column | None) -> bool:
    return column is not None and column.type == "int"


def _plain(value: columns.Value) -> str:
    if isinstance(value, list):
        return "|".join(value)
    return "-" if value is None else str(value)


class Single:
    """One packet of a batch in a batch's place: its columns have one value."""

    count = 1

    def __init__(self, batch: Batch, row: int) -> None:
        """Show one row only."""
        self._batch, self._row = batch, row
        self.form = batch.form

    def column(self, name: str) -> "memoryview[int]":
        """Return a column of one value."""
        return self._batch.column(name)[self._row : self._row + 1]

    def frame(self, _: int) -> bytes:
        """Return its frame."""
        return self._batch.frame(self._row)

    def payload(self, _: int) -> bytes:
        """Return what it carried."""
        return self._batch.payload(self._row)

    def linktype(self, _: int) -> int:
        """Return its link type."""
        return self._batch.linktype(self._row)

    def number(self, _: int) -> int:
        """Return its number in the capture."""
        return self._batch.number(self._row)

    def get(self, name: str) -> int:
        """Return its value in a column."""
        return self._batch.column(name)[self._row]

    @property
    def op(self) -> int:
        """Its op, -1 where it has no header to say it."""
        return self.get("virtio_op") if self.get("layers") & HAS_VIRTIO else -1


def _endpoint(side: str) -> Callable[[Single, Kept, Name], str]:
    def cell(packet: Single, kept: Kept, name: Name) -> str:
        if not packet.get("layers") & HAS_VSOCKMON:
            return "-"
        return printable(name(packet.get(f"{side}_cid"), packet.get(f"{side}_port")))

    return cell


def _op(packet: Single, kept: Kept, name: Name) -> str:
    if packet.op >= 0:
        return virtio.op_name(packet.op)
    return vsockmon.op_name(packet.get("op")) if packet.get("layers") & HAS_VSOCKMON else "-"


def _info(packet: Single, kept: Kept, name: Name) -> str:
    notes = describe(packet.get("notes"))
    return " ".join([*_said(packet), *([f"[{', '.join(notes)}]"] if notes else [])])


def _said(packet: Single) -> list[str]:
    """Say what is particular to a packet of its op, much as its line does."""
    if packet.op < 0:
        transport = vsockmon.transport_name(packet.get("transport"))
        known = packet.get("layers") & HAS_VSOCKMON
        return [*([transport] if known else []), plural(packet.get("wire_len"), "byte")]
    kind, flags = packet.get("virtio_type"), packet.get("virtio_flags")
    said = []
    if packet.op in (Op.REQUEST, Op.RESPONSE):
        said = [f"{virtio.type_name(kind)}, buf {packet.get('buf_alloc')}"]
    elif packet.op in (Op.CREDIT_UPDATE, Op.CREDIT_REQUEST):
        said = [f"fwd {packet.get('fwd_cnt')}, buf {packet.get('buf_alloc')}"]
    elif kind == Type.SEQPACKET and packet.op == Op.RW:
        said = ["seq"]
    elif kind not in (Type.STREAM, Type.SEQPACKET):
        said = [virtio.type_name(kind)]
    return [*said, "|".join(virtio.flag_names(packet.op, kind, flags))] if flags else said


_OWN: dict[str, Callable[[Single, Kept, Name], str]] = {
    "number": lambda packet, kept, name: str(packet.number(0)),
    "time": lambda packet, kept, name: "",  # it depends on other packets
    "src": _endpoint("src"),
    "dst": _endpoint("dst"),
    "op": _op,
    "len": lambda packet, kept, name: str(packet.get("virtio_len")) if packet.op >= 0 else "-",
    "free": lambda packet, kept, name: "-" if kept.free is None else str(kept.free),
    "info": _info,
}
