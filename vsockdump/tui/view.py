"""What the seven views have in common, and what they tell the application."""

from array import array
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol, cast

from textual.message import Message
from textual.widget import Widget

from vsockdump.browsing.opened import Opened
from vsockdump.events import Name


class GoTo(Message):
    """Show a packet in the list of packets."""

    def __init__(self, number: int) -> None:
        """Say which."""
        super().__init__()
        self.number = number


class OpenFlow(Message):
    """Show connections, as the view `view` does; that of packets shows all theirs."""

    def __init__(self, flows: int | Sequence[int], view: str) -> None:
        """Say which, the first of them for views of a single one."""
        super().__init__()
        self.flows = [flows] if isinstance(flows, int) else list(flows)
        self.view = view


class Said(Message):
    """Say something in the status line."""

    def __init__(self, text: str, *, error: bool = False) -> None:
        """Say `text`, which need not be printable."""
        super().__init__()
        self.text = text
        self.error = error


class Looking(Protocol):
    """What is looked at: the application, as views see it."""

    opened: Opened
    word: Name
    """Words an endpoint."""
    selected_flows: list[int]
    """The connections that single views show; none at the beginning."""
    current_packet: int
    """The packet the cursor of the list is on, 0 before there is one."""
    columns: Sequence[str]
    """Of the list of packets, in the words of columns.COLUMNS; empty: the usual ones."""

    @property
    def paused(self) -> bool:
        """Whether what is shown is to stay as it is."""

    @property
    def matching(self) -> "array[int] | None":
        """The packets that the display filter chooses, so far; None: all of them."""

    @property
    def facts(self) -> Sequence[tuple[str, str]]:
        """What is known of the source, name and value: that of the view of information."""

    def ask(self, question: str, default: str, answer: Callable[[str], None]) -> None:
        """Have the user type a line, and hand it over unless that is given up."""


class View(Widget):
    """One of the seven. Its `id` is its name in lower case."""

    title: ClassVar[str] = ""
    help: ClassVar[Sequence[tuple[str, str]]] = ()
    """Keys of this view alone, and what they do."""

    DEFAULT_CSS = """
    View { width: 1fr; height: 1fr; layout: vertical; }
    """

    @property
    def looking(self) -> Looking:
        """What is looked at."""
        return cast("Looking", self.app)

    @property
    def opened(self) -> Opened:
        """The capture."""
        return self.looking.opened

    def refresh_view(self) -> None:
        """Show what is new: it is in sight, and more was read, or the display filter changed."""

    def show_flows(self) -> None:
        """Other connections were selected; also called before it is seen for the first time."""
