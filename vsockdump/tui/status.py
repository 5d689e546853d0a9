"""The line at the bottom: what is looked at, how far it is read, and what was said last."""

from collections.abc import Iterator
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from vsockdump.browsing.opened import Opened, Reading
from vsockdump.browsing.picked import Picked
from vsockdump.messages import plural, printable


class Status(Widget):
    """Tells how things are, or for a while what `say` was given."""

    DEFAULT_CSS = """
    Status {
        height: 1; width: 1fr; background: $panel; color: $text;
        & > .status--bad { text-style: bold; color: $text-error; }
        & > .status--filter { color: $text-accent; }
        & > .status--dim { color: $text-muted; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"status--bad", "status--filter", "status--dim"}

    said = ""
    wrong = False

    def __init__(self, opened: Opened) -> None:
        """Tell of a capture."""
        super().__init__(id="status")
        self._opened = opened
        self.picked: Picked | None = None
        self.paused = 0
        """Packets there were when the screens were stopped, 0 while they go on."""
        self.dropped = self.selected = 0
        self.trouble = ""
        """Why a capture has ended that should not have."""

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Show a sentence until the next key."""
        self.said, self.wrong = printable(text), wrong
        self.refresh()

    def render(self) -> Text:
        """Return the line."""
        if self.said:
            ink = self._ink("bad") if self.wrong else ""
            return Text(f" {self.said}", ink, no_wrap=True, overflow="ellipsis")
        line = Text(" ", no_wrap=True, overflow="ellipsis")
        for number, (text, ink) in enumerate(self._parts()):
            line.append(" · " if number else "", self._ink("dim"))
            line.append(printable(text), self._ink(ink) if ink else "")
        return line

    def _parts(self) -> Iterator[tuple[str, str]]:
        opened = self._opened
        if self.paused:
            yield f"PAUSED, {plural(opened.count - self.paused, 'packet')} since", "bad"
        if self.trouble or opened.error:
            yield self.trouble or opened.error.removeprefix(f"{opened.path}: "), "bad"
        yield opened.path.rpartition("/")[2], ""
        yield plural(opened.count, "packet"), ""
        if opened.first > 1:
            yield f"{opened.first - 1} let go", "bad"
        if self.dropped:
            yield f"{self.dropped} dropped by kernel", "bad"
        yield from self._reading()
        if self.picked is not None:
            yield self._filter(self.picked), "filter"
        if self.selected:
            yield f"{self.selected} selected", "filter"
        yield "? help", "dim"

    def _reading(self) -> Iterator[tuple[str, str]]:
        opened = self._opened
        if opened.state is Reading.BEGUN and opened.progress is not None and not opened.follow:
            yield f"reading {opened.progress:.0%}", "dim"
        elif opened.follow:
            yield "live", "dim"

    def _filter(self, picked: Picked) -> str:
        if picked.error:
            return picked.error
        far = f", {picked.progress:.0%} looked at" if picked.progress < 1 else ""
        return f"/{picked.text}: {len(picked.numbers)}{far}"

    def _ink(self, kind: str) -> Style:
        return self.get_component_rich_style(f"status--{kind}", partial=True)
