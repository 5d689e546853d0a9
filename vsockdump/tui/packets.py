"""The view of packets: their list, the layers of one, and its bytes."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Static

from vsockdump.errors import VsockdumpError
from vsockdump.messages import plural

from .hexpane import HexPane
from .layers import known, nodes
from .layertree import LayerTree
from .nothing import nothing
from .packetcells import USUAL, Cells
from .packetlist import PacketList
from .rows import Rows
from .view import OpenFlow, Said, View

_NARROW = 76  # cells below which the tree and the bytes stand above each other
_WIDE = 108  # cells from which there is room for 16 bytes a row


class Packets(View):
    """Shows the packets that the display filter chooses, and one of them in full."""

    title: ClassVar[str] = "Packets"
    help: ClassVar[Sequence[tuple[str, str]]] = (
        ("tab, shift+tab", "go to the next or previous pane"),
        ("enter", "in the list: to the layers; there: fold a layer, or show a field's bytes"),
        ("esc", "back to the list"),
        ("\\", "the pane alone, or all three"),
        ("t", "times since the first packet, of the clock, since the packet above"),
        ("o", "the connection of this packet as a ladder"),
        ("space", "select: ●"),
        ("! ~ ·", "a problem, a warning, a note: what was found at the packet, or stands in it"),
        ("F", "follow the tail"),
        ("h j k l", "move; in the bytes by a byte"),
        ("c", "copy the line, the field or the bytes"),
    )
    DEFAULT_CSS = """
    Packets {
        & Static { display: none; height: 1fr; padding: 1 2; }
        &.-empty Static { display: block; }
        & #details { height: 1fr; layout: horizontal; }
        & #list { height: 1fr; }
        & #fields { width: 1fr; border-top: solid $panel; }
        & #bytes { width: 37; border-top: solid $panel; border-left: solid $panel; }
        & #details Rows:focus { border-top: solid $accent; }
        &.wide #bytes { width: 65; }
        &.narrow #details { layout: vertical; }
        &.narrow #bytes { width: 1fr; border-left: none; }
        &.-empty #list { height: 1; }
        &.-empty #details { display: none; }
        &.zoomed Rows { display: none; }
        &.zoomed Rows.zoom { display: block; }
        &.zoomed #bytes { width: 1fr; border-left: none; }
        &.zoomed #details { display: none; }
        &.zoomed #details.zoom { display: block; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "pane(1)", "the next pane", show=False),
        Binding("shift+tab", "pane(-1)", "the previous pane", show=False),
        Binding("escape", "list", "back to the list", show=False),
        Binding("t", "times", "other times", show=False),
        Binding("F", "follow", "follow the tail", show=False),
        Binding("o", "ladder", "the ladder of its connection", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Make the three panes."""
        cells = Cells(self.opened, self.looking.word, self.looking.columns or USUAL)
        self._matching: array[int] | None = None
        self._first = 1
        self.list = PacketList(cells, self._count, self.number, self._severity, id="list")
        self.fields = LayerTree(id="fields")
        self.bytes = HexPane(id="bytes")
        yield Static(markup=False)
        yield self.list
        with Container(id="details"):
            yield self.fields
            yield self.bytes

    # --- which packets --------------------------------------------------------------------------

    def _count(self) -> int:
        if self._matching is not None:
            return len(self._matching)
        return max(self.opened.count + 1 - self._first, 0)

    def number(self, row: int) -> int:
        """Return the number of the packet in a row of the list."""
        return self._first + row if self._matching is None else self._matching[row]

    def row(self, number: int) -> int:
        """Return the row of a packet, or of the next one if the filter leaves it out."""
        if self._matching is None:
            return max(number - self._first, 0)
        return bisect_left(self._matching, number)

    def _severity(self, number: int) -> int:
        try:
            return self.opened.index.at(number).severity
        except IndexError:
            return 0

    @property
    def current(self) -> int:
        """The number of the packet that the cursor is on, 0 if there is none."""
        return self.number(self.list.cursor) if self.list.count else 0

    @property
    def selected(self) -> "array[int]":
        """The numbers of the packets that are marked."""
        return array("Q", sorted(self.list.marked))

    # --- what the application says ----------------------------------------------------------------

    def refresh_view(self) -> None:
        """Show what is new, the cursor on the same packet."""
        was = self.current
        self._matching = self.looking.matching
        self._first = self.opened.first
        self.list.refresh_rows()
        if was and not self.list.follow and self.current != was:
            self.list.cursor = self.row(was)
        filtered = self._matching is not None
        self.query_one(Static).update(nothing(self.opened, filtered, "packet"))
        self.set_class(not self.list.count, "-empty")
        self._details()

    def show_packet(self, number: int) -> None:
        """Put the cursor on a packet, or say why it cannot be seen."""
        self.refresh_view()
        row = self.row(number)
        if not self._first <= number <= self.opened.count:
            self.post_message(Said(f"there is no packet {number}", error=True))
        elif row >= self.list.count or self.number(row) != number:
            self.post_message(Said(f"the display filter hides packet {number}", error=True))
        else:
            self.list.show_row(row)
            self._focus(self.list)

    # --- one packet -------------------------------------------------------------------------------

    def _details(self) -> None:
        """Show the packet that the cursor is on in the lower panes."""
        number = self.looking.current_packet = self.current
        try:
            found = known(self.opened, number, self.looking.word)
        except (VsockdumpError, IndexError) as error:
            if number and isinstance(error, VsockdumpError):
                self.post_message(Said(str(error), error=True))
            self.fields.show(())
            self.bytes.show(b"")
            return
        self.bytes.show(found.packet.frame)
        self.fields.show(list(nodes(found, self.looking.word)))
        self._field()

    def _field(self) -> None:
        """Let the bytes of the field in the tree stand out."""
        if node := self.fields.node:
            self.bytes.highlight(node.span, move=not self.bytes.has_focus)

    @on(Rows.RowHighlighted, "#list")
    def _packet_changed(self) -> None:
        if self.current != self.looking.current_packet:
            self._details()

    @on(Rows.RowHighlighted, "#fields")
    def _field_changed(self) -> None:
        self._field()

    @on(HexPane.ByteHighlighted)
    def _byte_changed(self, event: HexPane.ByteHighlighted) -> None:
        if self.bytes.has_focus:
            self.fields.show_byte(event.at)

    @on(Rows.RowSelected, "#list")
    def _packet_chosen(self) -> None:
        self._focus(self.fields)

    @on(Rows.RowSelected, "#fields")
    def _field_chosen(self) -> None:
        if self.fields.node and self.fields.node.span[1]:
            self._focus(self.bytes)

    # --- panes ------------------------------------------------------------------------------------

    @property
    def panes(self) -> tuple[Rows, ...]:
        """The three, in the order of tab."""
        return self.list, self.fields, self.bytes

    @property
    def pane(self) -> Rows:
        """The one with the focus."""
        return next((pane for pane in self.panes if pane.has_focus), self.list)

    def _focus(self, pane: Rows) -> None:
        self._zoom(pane)
        pane.focus()

    def _zoom(self, pane: Rows) -> None:
        """Should one pane be shown alone, it is this one."""
        for one in self.panes:
            one.set_class(one is pane, "zoom")
        self.query_one("#details").set_class(pane is not self.list, "zoom")

    def on_descendant_focus(self) -> None:
        """Whatever brought the focus to a pane."""
        self._zoom(self.pane)

    def on_resize(self, event: Resize) -> None:
        """Arrange the panes for the room there is."""
        self.set_class(event.size.width < _NARROW, "narrow")
        self.set_class(event.size.width >= _WIDE, "wide")

    # --- keys -------------------------------------------------------------------------------------

    def action_pane(self, by: int) -> None:
        """Go to the next pane, or the one before."""
        self._focus(self.panes[(self.panes.index(self.pane) + by) % len(self.panes)])

    def action_list(self) -> None:
        """Go back to the list; from there escape is the application's."""
        if self.pane is self.list:
            raise SkipAction
        self._focus(self.list)

    def action_zoom(self) -> None:
        """Show the pane alone, or all of them."""
        self._zoom(self.pane)
        self.toggle_class("zoomed")

    def action_times(self) -> None:
        """Word times another way."""
        self.list.cells.times = self.list.cells.times.next
        self.list.narrow()

    def action_follow(self) -> None:
        """Follow the tail, or no longer, from any pane."""
        self.list.action_follow()

    def action_ladder(self) -> None:
        """Show the connection of this packet as a ladder."""
        number = self.current
        flow = self.opened.flow_of(number)
        if flow:
            self.post_message(OpenFlow(flow, "ladder"))
        else:
            self.post_message(Said("this packet belongs to no connection", error=True))

    def action_copy(self) -> None:
        """Copy the line, the field's value or the bytes."""
        texts = {
            self.list: self.list.text(self.list.cursor) if self.list.count else "",
            self.fields: self.fields.node.text if self.fields.node else "",
            self.bytes: self.bytes.text,
        }
        if text := texts[self.pane]:
            self.app.copy_to_clipboard(text)
            self.post_message(Said(f"copied {plural(len(text), 'character')}"))
