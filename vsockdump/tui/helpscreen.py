"""What keys do: those of the view in sight, and those of all."""

from collections.abc import Sequence
from typing import ClassVar

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Static

Keys = Sequence[tuple[str, str]]

EVERYWHERE: Keys = (
    ("1 ... 7", "show a view: Flows, Packets, Ladder, Credit, Follow, Problems, Info"),
    ("j k, arrows", "down, up; h l to the side"),
    ("gg G", "to the first, to the last"),
    ("PgUp PgDn", "a screen up, down"),
    ("enter, esc", "open; back"),
    ("tab", "to the next pane"),
    ("space", "select"),
    ("/", "display filter: show only packets that match; empty takes it away"),
    (":", "command: a number goes to that packet; help lists them"),
    ("n N", "next, previous problem"),
    ("s S", "sort by the next column; the other way round"),
    ("F", "follow the tail"),
    ("p", "pause, go on"),
    ("m x, ' x", "set mark x, go to it"),
    ("c", "copy"),
    ("w", "save what is selected, else what the filter shows"),
    ("\\", "zoom the pane"),
    ("ctrl+z", "suspend"),
    ("?", "this page; esc closes it"),
    ("q, ctrl+c", "quit"),
)

_NARROW = 40
"""Cells below which a text stands below its key, and not beside it."""

_WIDEST = 80
"""Characters of a text that is easily read."""


class Help(ModalScreen[None]):
    """A page in place of all else; any of its keys closes it."""

    DEFAULT_CSS = """
    Help { background: $surface; }  /* or what is below would be drawn, too, for every key */
    Help VerticalScroll { padding: 0 1; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss(None)", "close", show=False),
        Binding("j", "go('down')", "down", show=False),
        Binding("k", "go('up')", "up", show=False),
        Binding("g", "go('home')", "the first", show=False),
        Binding("G", "go('end')", "the last", show=False),
    ]

    def __init__(self, title: str, keys: Keys) -> None:
        """Explain the keys of a view, then those of all."""
        super().__init__()
        self._title, self._keys = title, keys

    def compose(self) -> ComposeResult:
        """Have room for it."""
        with VerticalScroll():
            yield Static()

    def on_resize(self, event: Resize) -> None:
        """Lay it out for the width there is."""
        narrow = event.size.width < _NARROW
        view = _table(f"In {self._title}", self._keys, narrow)
        self.query_one(Static).update(Group(view, _table("Everywhere", EVERYWHERE, narrow)))

    def action_go(self, where: str) -> None:
        """Scroll."""
        getattr(self.query_one(VerticalScroll), f"scroll_{where}")(animate=False)


def _table(title: str, keys: Keys, narrow: bool) -> Table:
    table = Table(title=Text(title, "bold"), title_justify="left", box=None, show_header=False)
    if narrow:
        for key, text in keys:
            table.add_row(Text(key, "bold"))
            table.add_row(Padding(Text(text), (0, 0, 0, 2)))
        return table
    table.add_column(no_wrap=True, style="bold", min_width=12)
    table.add_column(max_width=_WIDEST)
    for key, text in keys:
        table.add_row(Text(key), Text(text))
    return table
