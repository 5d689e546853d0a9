"""The lines at the bottom where something is typed: a display filter, a command, a name."""

import asyncio
from collections.abc import Callable, Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from vsockdump.messages import printable

from .completion import common

Check = Callable[[str], str]
"""Says what is wrong with a text, empty if nothing is."""

Complete = Callable[[str], Sequence[str]]
"""Returns the texts that one may become."""

_SHOWN = 12


class Prompt(Vertical):
    """A question, what is typed, and below it what is wrong with that and how it may go on."""

    DEFAULT_CSS = """
    Prompt { height: 3; display: none; background: $panel; }
    Prompt Input { height: 1; border: none; padding: 0; background: $panel; width: 1fr; }
    Prompt Input:focus { border: none; }
    Prompt #question { width: auto; height: 1; color: $text-accent; text-style: bold; }
    Prompt #typed { height: 1; layout: horizontal; }
    Prompt #wrong { height: 1; }
    Prompt #more { height: 1; color: $text-muted; }
    Prompt.right Input { color: $text-success; }
    Prompt.wrong Input { color: $text-error; }
    Prompt.wrong #wrong { color: $text-error; }
    """

    def __init__(self) -> None:
        """Ask nothing yet."""
        super().__init__(id="prompt")
        self._answer: Callable[[str], None] = lambda text: None
        self._check: Check = lambda text: ""
        self._complete: Complete = lambda text: ()
        self._older: dict[str, list[str]] = {}
        self._question = ""
        self._at = 0
        self._before: Widget | None = None

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(id="typed"):
            yield Static("", id="question", markup=False)
            yield Input(id="line", select_on_focus=False)
        yield Static("", id="wrong", markup=False)
        yield Static("", id="more", markup=False)

    def ask(
        self,
        question: str,
        default: str,
        answer: Callable[[str], None],
        check: Check = lambda text: "",
        complete: Complete = lambda text: (),
    ) -> None:
        """Show a question; `answer` gets what was typed, once that is right."""
        self._answer, self._check, self._complete = answer, check, complete
        self._question = question
        self._at = len(self._history)
        self._before = self.screen.focused if not self.asks else self._before
        self.display = True
        line = self._line
        line.value = printable(default)
        line.cursor_position = len(line.value)
        self.screen.set_focus(line)  # at once: the next key may be on its way
        self._look(line.value)

    @property
    def asks(self) -> bool:
        """Whether something is being typed."""
        return bool(self.display)

    def give_up(self) -> None:
        """Go away; keys are for what had them before."""
        self.display = False
        self.screen.set_focus(self._before)

    @property
    def _line(self) -> Input:
        return self.query_one("#line", Input)

    @property
    def _history(self) -> list[str]:
        return self._older.setdefault(self._question, [])

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look at what is typed."""
        event.stop()
        if event.value.isprintable():
            self._look(event.value)
        else:  # it was pasted
            event.input.value = printable(event.value)

    def _look(self, text: str) -> None:
        wrong = self._check(text)
        self.set_class(bool(wrong), "wrong")
        self.set_class(not wrong and bool(text), "right")
        sign = "✗" if wrong else "✓" if text else " "
        self._write("question", f"{self._question} {sign} ")
        self._write("wrong", printable(wrong))
        choices = [one.split()[-1] for one in self._complete(text)]
        more = ["..."] if len(choices) > _SHOWN else []
        self._write("more", printable("  ".join([*choices[:_SHOWN], *more])))

    def _write(self, part: str, text: str) -> None:
        line = Text(text, no_wrap=True, overflow="ellipsis")
        self.query_one(f"#{part}", Static).update(line)

    async def press(self, key: str) -> bool:
        """Do what a key asks for, once all that was typed before is there; whether it does."""
        typed = asyncio.Event()
        self._line.call_later(typed.set)
        await typed.wait()
        actions: dict[str, Callable[[], None]] = {
            "enter": self._submit,
            "escape": self.give_up,
            "tab": self._finish_word,
            "up": lambda: self._recall(-1),
            "down": lambda: self._recall(1),
        }
        if key in actions:
            actions[key]()
        return key in actions

    def _submit(self) -> None:
        """Hand over what was typed, if nothing is wrong with it."""
        text = self._line.value
        if self._check(text):
            return
        if text and text not in self._history[-1:]:
            self._history.append(text)
        self.give_up()
        self._answer(text)

    def _finish_word(self) -> None:
        line = self._line
        choices = self._complete(line.value)
        if choices:
            line.value = common(choices) + (" " if len(choices) == 1 else "")
            line.cursor_position = len(line.value)

    def _recall(self, step: int) -> None:
        self._at = max(min(self._at + step, len(self._history)), 0)
        line = self._line
        line.value = self._history[self._at] if self._at < len(self._history) else ""
        line.cursor_position = len(line.value)
