"""What keys do: those of the view in sight, and those of all."""

from collections.abc import Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
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
    ("q, ctrl+c", "quit"),
)


class Help(ModalScreen[None]):
    """A page over the view; any of its keys closes it."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 100%;
        border: round $accent; padding: 0 1; background: $surface;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss(None)", "close", show=False),
        Binding("j", "down", "down", show=False),
        Binding("k", "up", "up", show=False),
    ]

    def __init__(self, title: str, keys: Keys) -> None:
        """Explain the keys of a view, then those of all."""
        super().__init__()
        self._title, self._keys = title, keys

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with VerticalScroll():
            if self._keys:
                yield Static(_table(f"In {self._title}", self._keys))
            yield Static(_table("Everywhere", EVERYWHERE))

    def action_down(self) -> None:
        """Scroll down."""
        self.query_one(VerticalScroll).scroll_down(animate=False)

    def action_up(self) -> None:
        """Scroll up."""
        self.query_one(VerticalScroll).scroll_up(animate=False)


def _table(title: str, keys: Keys) -> Table:
    table = Table(title=Text(title, "bold"), title_justify="left", box=None, show_header=False)
    table.add_column(no_wrap=True, style="bold", min_width=12)
    table.add_column()
    for key, text in keys:
        table.add_row(Text(key), Text(text))
    return table
