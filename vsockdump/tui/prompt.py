"""The line at the bottom where something is typed: a display filter, a command, a file's name."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from .completion import common

Check = Callable[[str], str]
"""Says what is wrong with a text, empty if nothing is."""

Complete = Callable[[str], Sequence[str]]
"""Returns the texts that one may become."""

_SHOWN = 12


class Line(Input):
    """An input that leaves tab and escape to the prompt."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "complete", show=False),
        Binding("escape", "give_up", "give up", show=False),
        Binding("up", "older", "older", show=False),
        Binding("down", "newer", "newer", show=False),
    ]

    def action_complete(self) -> None:
        """Have the prompt complete what is typed."""
        self.post_message(Prompt.Key("complete"))

    def action_give_up(self) -> None:
        """Have the prompt go away."""
        self.post_message(Prompt.Key("give_up"))

    def action_older(self) -> None:
        """Show what was typed before."""
        self.post_message(Prompt.Key("older"))

    def action_newer(self) -> None:
        """Show what was typed after that."""
        self.post_message(Prompt.Key("newer"))


class Prompt(Vertical):
    """A question, what is typed, and below it what is wrong with that or how it may go on."""

    DEFAULT_CSS = """
    Prompt { height: 2; display: none; background: $panel; }
    Prompt Line { height: 1; border: none; padding: 0; background: $panel; width: 1fr; }
    Prompt Line:focus { border: none; }
    Prompt #question { width: auto; height: 1; color: $text-accent; text-style: bold; }
    Prompt #typed { height: 1; layout: horizontal; }
    Prompt #below { height: 1; color: $text-muted; }
    Prompt.right Line { color: $text-success; }
    Prompt.wrong Line { color: $text-error; }
    Prompt.wrong #below { color: $text-error; }
    """

    class Key(Message):
        """A key that the input does not know."""

        def __init__(self, what: str) -> None:
            """Say what it asks for."""
            super().__init__()
            self.what = what

    def __init__(self) -> None:
        """Ask nothing yet."""
        super().__init__(id="prompt")
        self._answer: Callable[[str], None] = lambda text: None
        self._check: Check = lambda text: ""
        self._complete: Complete = lambda text: ()
        self._older: dict[str, list[str]] = {}
        self._question = ""
        self._at = 0

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(id="typed"):
            yield Static("", id="question", markup=False)
            yield Line(id="line")
        yield Static("", id="below", markup=False)

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
        self.query_one("#question", Static).update(Text(f"{question} "))
        self.display = True
        line = self._line
        line.value = default
        line.cursor_position = len(default)
        line.focus()
        self._look(default)

    @property
    def asks(self) -> bool:
        """Whether something is being typed."""
        return bool(self.display)

    def give_up(self) -> None:
        """Go away."""
        self.display = False

    @property
    def _line(self) -> Line:
        return self.query_one("#line", Line)

    @property
    def _history(self) -> list[str]:
        return self._older.setdefault(self._question, [])

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look at what is typed."""
        event.stop()
        self._look(event.value)

    def _look(self, text: str) -> None:
        wrong = self._check(text)
        self.set_class(bool(wrong), "wrong")
        self.set_class(not wrong and bool(text), "right")
        choices = [one.split()[-1] for one in self._complete(text)]
        more = " ..." if len(choices) > _SHOWN else ""
        below = wrong or "  ".join(choices[:_SHOWN]) + more
        self.query_one("#below", Static).update(Text(below, no_wrap=True, overflow="ellipsis"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand over what was typed, if nothing is wrong with it."""
        event.stop()
        text = event.value
        if self._check(text):
            return
        if text and text not in self._history[-1:]:
            self._history.append(text)
        self.give_up()
        self._answer(text)

    def on_prompt_key(self, event: Key) -> None:
        """Do what a key asks for."""
        event.stop()
        if event.what == "give_up":
            self.give_up()
        elif event.what == "complete":
            self._finish_word()
        else:
            self._recall(-1 if event.what == "older" else 1)

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
