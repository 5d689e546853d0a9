"""The line at the top: the views, and which of them is seen."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class TabLine(Widget):
    """Names views with the keys that show them; a click shows one, too."""

    DEFAULT_CSS = """
    TabLine {
        height: 1; width: 1fr; background: $panel; color: $text-muted;
        & > .tabline--seen { text-style: bold reverse; color: $text-accent; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tabline--seen"}

    seen: reactive[str] = reactive("")
    """The id of the view in sight."""

    class Chosen(Message):
        """A view was asked for."""

        def __init__(self, view: str) -> None:
            """Say which."""
            super().__init__()
            self.view = view

    def __init__(self, views: Sequence[tuple[str, str]]) -> None:
        """Take the ids and titles of views."""
        super().__init__(id="tabline")
        self._views = views

    def render(self) -> Text:
        """Return the line."""
        line, style = Text(" ", no_wrap=True), self.get_component_rich_style("tabline--seen")
        for view, label in self._labels():
            line.append(label, style if view == self.seen else "")
            line.append(" ")
        return line

    def _labels(self) -> list[tuple[str, str]]:
        return [(view, f" {key} {title} ") for key, (view, title) in enumerate(self._views, 1)]

    def on_click(self, event: events.Click) -> None:
        """Ask for the view that was clicked."""
        begin = 1
        for view, label in self._labels():
            if begin <= event.x < begin + len(label):
                self.post_message(self.Chosen(view))
            begin += len(label) + 1
