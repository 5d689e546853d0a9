"""The tree of a packet's layers, as a list that can be folded."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from textual.actions import SkipAction

from vsockdump.messages import printable

from .layers import Node
from .rows import Line, Rows

_NAMED = 9  # characters of most names: values stand below each other
_INDENT = "  "


class _Row(NamedTuple):
    """A line of a node: of a long text there are several."""

    node: Node
    name: str
    text: str


class LayerTree(Rows):
    """Shows the nodes of a packet; what is folded stays so from one packet to the next."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        """Show nothing yet."""
        super().__init__(self._line, lambda: len(self._rows), id=id)
        self.folded: set[str] = set()
        self._all: Sequence[Node] = ()
        self._rows: Sequence[_Row] = ()

    @property
    def node(self) -> Node | None:
        """The one that the cursor is on."""
        return self._rows[self.cursor].node if self._rows else None

    def show(self, nodes: Sequence[Node]) -> None:
        """Show a packet, the cursor on the same field as before if it has that."""
        if nodes != self._all:
            self._all = nodes
            self._arrange()

    def show_byte(self, at: int) -> None:
        """Go to the field that a byte of the frame belongs to."""
        holding = [n for n in self._all if n.span[0] <= at < sum(n.span)]
        if holding:
            self._find(min(holding, key=lambda node: node.span[1]))

    def rearrange(self) -> None:
        """Break lines anew."""
        self._arrange()
        super().rearrange()

    def action_choose(self) -> None:
        """Fold or unfold a layer; a field is chosen."""
        if self.node and self.node.is_branch:
            self.action_mark()
        else:
            super().action_choose()

    def action_follow(self) -> None:
        """It is the list that can follow the tail."""
        raise SkipAction

    def action_mark(self) -> None:
        """Fold or unfold the layer."""
        if self.node:
            self.folded ^= {self.node.branch}
            self._arrange()

    def _arrange(self) -> None:
        was = self.node
        shown = (n for n in self._all if n.is_branch or n.branch not in self.folded)
        self._rows = [row for node in shown for row in self._broken(node)]
        self.refresh_rows()
        if was:
            self._find(was)

    def _find(self, node: Node) -> None:
        """Go to a node, or to its branch if it is not in sight."""
        for wanted in ((node.branch, node.name), (node.branch, "")):
            for at, row in enumerate(self._rows):
                if (row.node.branch, row.node.name) == wanted:
                    self.cursor = at
                    return

    def _broken(self, node: Node) -> list[_Row]:
        if node.is_branch:
            sign = "▸" if node.branch in self.folded else "▾"
            return [_Row(node, f"{sign} {node.branch} ", node.value)]
        text = printable(" ".join(filter(None, (node.value, node.words))))
        name = f"{_INDENT}{node.name:{_NAMED}} "
        wide = max(self._width - len(name), 20)
        lines = textwrap.wrap(text, wide, break_on_hyphens=False) or [""]
        blank = " " * len(name)
        return [_Row(node, name if line is lines[0] else blank, line) for line in lines]

    def _line(self, at: int, width: int) -> Line:
        node, name, text = self._rows[at]
        yield Segment(name, self.ink("head" if node.is_branch else "dim"))
        yield Segment(text, self.ink(node.ink) if node.ink else None)
