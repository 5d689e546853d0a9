"""The line at the top: the views, and which of them is seen."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

Labels = Sequence[tuple[str, str]]


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
    problems: reactive[int] = reactive(0)
    """How many were found: it stands behind the title of their view."""

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
        line, style = Text(no_wrap=True), self.get_component_rich_style("tabline--seen")
        for view, label in self._labels():
            line.append(label, style if view == self.seen else "")
            line.append(" ")
        return line

    def on_click(self, event: events.Click) -> None:
        """Ask for the view that was clicked."""
        begin = 0
        for view, label in self._labels():
            if begin <= event.x < begin + len(label):
                self.post_message(self.Chosen(view))
            begin += len(label) + 1

    # --- what fits --------------------------------------------------------------------------------

    def _labels(self) -> Labels:
        """Return ids and labels; where there is little room first padding is left out, then titles.

        The view in sight is always called by its title.
        """
        everything = [view for view, _ in self._views]
        padded = [(view, f" {label} ") for view, label in self._titled(everything)]
        if self._fit(padded):
            return padded
        titled, wished = [self.seen], ["problems"] if self.problems else []
        for view in [*wished, *everything]:
            if self._fit(self._titled([*titled, view])):
                titled.append(view)
        return self._titled(titled)

    def _titled(self, titled: Sequence[str]) -> Labels:
        """Return ids and labels, with titles only of some."""
        return [
            (view, f"{key} {self._title(view, title)}" if view in titled else str(key))
            for key, (view, title) in enumerate(self._views, 1)
        ]

    def _title(self, view: str, title: str) -> str:
        return f"{title} {self.problems}" if view == "problems" and self.problems else title

    def _fit(self, labels: Labels) -> bool:
        return sum(len(label) + 1 for _, label in labels) - 1 <= self.size.width
