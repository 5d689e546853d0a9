"""The bytes of a frame, with a cursor and a range that stands out."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from .layers import NOWHERE, Span
from .rows import Line, Rows

_PER_ROW = (32, 16, 8)  # the most that fits; the last in any case
_SHOWN = bytes(c if 0x20 < c < 0x7F else 0x2E for c in range(256))  # as tcpdump's -X
_DIGITS = 4  # of an offset at the left: a frame has 65612 bytes at the most, usually


def _wide(count: int) -> int:
    """Return the cells that a row of so many bytes takes."""
    return _DIGITS + 2 + count // 2 * 5 + 1 + count


class HexPane(Rows):
    """Shows bytes; `at` is the offset of the one that the cursor is on."""

    DEFAULT_CSS = """
    HexPane {
        & > .rows--range { background: $secondary; color: $text; text-style: bold; }
        & > .rows--byte { text-style: underline; }
        &:focus > .rows--byte {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: bold reverse;
        }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--range", "rows--byte"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "shift(1)", "a byte on", show=False),
        Binding("left,h", "shift(-1)", "a byte back", show=False),
    ]
    over_row: ClassVar[bool] = False

    at: reactive[int] = reactive(0, repaint=False, init=False)

    class ByteHighlighted(Message):
        """The cursor came to another byte."""

        def __init__(self, pane: "HexPane", at: int) -> None:
            """Say which."""
            super().__init__()
            self.pane = pane
            self.at = at

        @property
        def control(self) -> "HexPane":
            """The pane."""
            return self.pane

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        """Show nothing yet."""
        super().__init__(self._line, lambda: -(-len(self.data) // self.per_row), id=id)
        self.data = b""
        self.span: Span = NOWHERE

    @property
    def per_row(self) -> int:
        """Bytes in a row."""
        return next((n for n in _PER_ROW if _wide(n) <= self._width), _PER_ROW[-1])

    def show(self, data: bytes) -> None:
        """Show other bytes, the cursor on the same one if it is there."""
        if data == self.data:
            return
        self.data = data
        self.refresh_rows()
        self.set_reactive(HexPane.at, self.validate_at(self.at))
        self.cursor = self.at // self.per_row

    def highlight(self, span: Span, *, move: bool) -> None:
        """Let a range stand out; `move` the cursor to its beginning."""
        self.span = span
        if move and span[1]:
            self.at = span[0]
        self.redraw()

    @property
    def text(self) -> str:
        """The bytes of the range in hexadecimal, or all if there is none."""
        offset, size = self.span
        return (self.data[offset : offset + size] if size else self.data).hex()

    def validate_at(self, at: int) -> int:
        """Stay within the bytes."""
        return max(min(at, len(self.data) - 1), 0)

    def watch_at(self, at: int) -> None:
        """Show where the cursor is, and say so."""
        self.cursor = at // self.per_row
        self.redraw()
        self.post_message(self.ByteHighlighted(self, at))

    def rearrange(self) -> None:
        """Lay out the bytes anew."""
        super().rearrange()
        self.cursor = self.at // self.per_row

    def action_shift(self, by: int) -> None:
        """Move by bytes."""
        self.at += by

    def action_follow(self) -> None:
        """It is the list that can follow the tail."""
        raise SkipAction

    def action_mark(self) -> None:
        """Bytes are not marked."""

    def _go(self, row: int) -> None:
        self.at = max(row, 0) * self.per_row + self.at % self.per_row

    def clicked(self, row: int, column: int) -> None:
        """Go to the byte, in hexadecimal or as a character."""
        byte = self._column(column)
        if byte is not None:
            self.at = row * self.per_row + byte

    def _column(self, x: int) -> int | None:
        """Return which byte of a row is drawn there, if any."""
        pair, rest = divmod(x - _DIGITS - 2, 5)
        if 0 <= pair < self.per_row // 2:
            return pair * 2 + (rest >= 2)
        column = x - _wide(self.per_row) + self.per_row
        return column if 0 <= column < self.per_row else None

    def _line(self, row: int, width: int) -> Line:
        begin = row * self.per_row
        data = self.data[begin : begin + self.per_row]
        shown = data.translate(_SHOWN).decode()
        styles = [self._style(begin + at) for at in range(len(data))]
        yield Segment(f"{begin:0{_DIGITS}x}  ", self.ink("dim"))
        for at, (byte, style) in enumerate(zip(data, styles, strict=True)):
            yield Segment(f"{byte:02x}", style)
            if at % 2:
                yield Segment(" ", style if style in styles[at + 1 : at + 2] else None)
        blank = self.per_row - len(data)
        yield Segment(" " * (blank * 2 + (blank + 1) // 2 + 1))
        yield from (Segment(char, style) for char, style in zip(shown, styles, strict=True))

    def _style(self, at: int) -> Style | None:
        offset, size = self.span
        inside = self.ink("range") if offset <= at < offset + size else None
        if at != self.at:
            return inside
        byte = self.get_component_rich_style("rows--byte", partial=True)
        return inside + byte if inside else byte
