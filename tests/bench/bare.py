"""A bare Textual application: j counts. What it takes, Textual takes."""

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static


class Bare(App[None]):
    """Shows a number on a screen that is otherwise empty."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("j", "count", "count", show=False)]
    count = 0

    def compose(self) -> ComposeResult:
        yield Static("\n0")

    def action_count(self) -> None:
        self.count += 1
        self.query_one(Static).update(f"\n{self.count}")


if __name__ == "__main__":
    Bare().run()
