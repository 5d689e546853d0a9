"""The lines of what a connection carried."""

from collections.abc import Iterator
from typing import ClassVar

from rich.segment import Segment

from vsockdump.dissectors import virtio
from vsockdump.events import Name
from vsockdump.flows import Flow
from vsockdump.messages import printable

from .followread import Shown
from .followtext import MARKS, Laid
from .rows import Line, Rows

_INKS = "src", "dst"
_KINDS = {"message": "dim", "hole": "warn", "leak": "problem"}

_DIGITS = 5  # of a packet's number, if it has no more


class FollowList(Rows):
    """Shows a part, and below it that there is another one."""

    DEFAULT_CSS = """
    FollowList {
        & > .rows--src { color: $text-primary; }
        & > .rows--dst { color: $text-success; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--src", "rows--dst"}

    def __init__(self, name: Name) -> None:
        """Show nothing yet; `name` words ends."""
        super().__init__(self._line, self._lines, self._head)
        self.shown = Shown()
        self.busy = False
        """Whether something else is being read."""
        self._word = name
        self._flow: Flow | None = None
        self._digits = _DIGITS

    def show(self, shown: Shown, flow: Flow | None, last: int) -> None:
        """Show something else; no packet has a higher number than `last`."""
        self.shown, self._flow = shown, flow
        self._digits = digits(last)
        self.refresh_rows()

    def across(self, last: int) -> int:
        """Return how many cells there are for bytes, where packets have numbers up to `last`."""
        width = self.size.width - 1 if self.size.width else 79  # a scroll bar may take 1
        return max(width - digits(last) - 3, 1)

    @property
    def laid(self) -> Laid:
        """The lines."""
        return self.shown.laid

    def _lines(self) -> int:
        return len(self.laid) + self.shown.piece.more if len(self.laid) else 0

    def _line(self, row: int, width: int) -> Line:
        if row >= len(self.laid):
            return [Segment("… more: ] shows the next part …", self.ink("note"))]
        line = self.laid.line(row)
        number = f"{line.number if line.begins else '':>{self._digits}}"
        text = f"── {line.text} ".ljust(width, "─") if line.kind == "message" else line.text
        ink = self.ink(_KINDS.get(line.kind, _INKS[line.side]))
        return [Segment(number, self.ink("dim")), Segment(f" {MARKS[line.side]} {text}", ink)]

    def _head(self, width: int) -> list[Line]:
        if self._flow is None:
            return []
        title = Segment(self._title(self._flow)[:width], self.ink("head"))
        return [[title], [Segment(f" {', '.join(self._said())}"[:width], self.ink("dim"))]]

    def _title(self, flow: Flow) -> str:
        src, dst = ((flow.src_cid, flow.src_port), (flow.dst_cid, flow.dst_port))
        kind = virtio.type_name(flow.type)
        ends = f"{self._word(*src)} > {self._word(*dst)}"
        return printable(f" connection {flow.number}: {ends}, {kind}")

    def _said(self) -> Iterator[str]:
        """Say what is shown."""
        piece, parts = self.shown.piece, len(self.shown.starts)
        yield self.shown.mode.value
        yield "both sides" if self.shown.side is None else f"{MARKS[self.shown.side]} alone"
        if self.busy:
            yield "reading ..."
        elif piece.more or parts > 1:
            begin, end = piece.start.point.offsets, piece.end.offsets
            both = zip(MARKS, begin, end, strict=True)
            of = [f"{mark} {a} to {b}" for mark, a, b in both if b > a]
            last = "" if piece.more else "the last, "
            yield f"part {parts}, {last}bytes {', '.join(of)}"


def digits(last: int) -> int:
    """Return how many cells packet numbers take."""
    return max(len(str(last)), _DIGITS)
