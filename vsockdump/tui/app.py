"""The application: seven views of one capture, and what all of them share."""

import asyncio
import importlib
import os
import signal
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import ClassVar

from rich import cells
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import Reactive
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from vsockdump import choosing, options
from vsockdump.browsing import kept
from vsockdump.browsing.opened import Opened
from vsockdump.browsing.picked import Picked
from vsockdump.browsing.recording import Recording
from vsockdump.errors import UsageError, VsockdumpError
from vsockdump.events import Name, Severity
from vsockdump.filters.language import parse
from vsockdump.filters.tokens import FilterError
from vsockdump.messages import plural, printable
from vsockdump.options import Options

from . import commands, completion, rubbish
from .config import Config
from .credit import Credit
from .driver import Driver
from .flows import Flows
from .follow import Follow
from .helpscreen import Help
from .info import Info
from .ladder import Ladder
from .packets import Packets
from .problems import Problems
from .prompt import Check, Complete, Prompt
from .rubbish import Rubbish
from .status import Status
from .tabline import TabLine
from .view import GoTo, OpenFlow, Said, View

VIEWS: tuple[type[View], ...] = (Flows, Packets, Ladder, Credit, Follow, Problems, Info)

OF_FLOWS = ("ladder", "credit", "follow")
"""Views of the connections that are selected."""

REFRESH_S = 1 / 15

SWITCH_S = 0.001
"""After so long a thread that reads lets others go on, so that keys are not waited for."""


class _Screen(Screen[None]):
    """Leaves it to widgets to draw whether they have the focus."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)


class Vsockdump(App[None]):
    """Shows `opened`, and where it is being captured what `recording` says of that."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; }
    ContentSwitcher { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                f"{key}", f"show('{view.__name__.lower()}')", view.title, False, id=f"view{key}"
            )
            for key, view in enumerate(VIEWS, 1)
        ),
        Binding("slash", "filter", "filter", show=False, id="filter"),
        Binding("colon", "command", "command", show=False, id="command"),
        Binding("question_mark", "help", "help", show=False, id="help"),
        Binding("n", "problem(1)", "next problem", show=False, id="next_problem"),
        Binding("N", "problem(-1)", "previous problem", show=False, id="previous_problem"),
        Binding("p", "pause", "pause", show=False, id="pause"),
        Binding("s", "in_view('sort', False)", "sort", show=False, id="sort"),
        Binding("S", "in_view('sort', True)", "the other way", show=False, id="sort_reverse"),
        Binding("c", "in_view('copy')", "copy", show=False, id="copy"),
        Binding("backslash", "in_view('zoom')", "zoom", show=False, id="zoom"),
        Binding("w", "save", "save", show=False, id="save"),
        Binding("m", "mark('set')", "mark", show=False, id="mark"),
        Binding("apostrophe", "mark('go')", "go to mark", show=False, id="go_to_mark"),
        Binding("escape", "return", "back", show=False, id="back"),
        Binding("q", "quit", "quit", show=False, id="quit"),
        Binding("ctrl+c", "quit", "quit", show=False, priority=True, id="quit_at_once"),
        Binding("ctrl+z", "suspend_process", "suspend", show=False, priority=True, id="suspend"),
    ]

    def __init__(  # noqa: PLR0913 - each is one thing that was asked for
        self,
        opened: Opened,
        word: Name,
        *,
        recording: Recording | None = None,
        config: Config | None = None,
        names: tuple[Mapping[str, int], Mapping[str, int]] = ({}, {}),
        expression: str = "",
    ) -> None:
        """Look at a capture; endpoints are worded by `word`, `names` are those a filter may use.

        `expression` is the display filter to begin with.
        """
        # Textual would only turn colours into greys (https://no-color.org has none of them).
        super().__init__(Driver, ansi_color=True if "NO_COLOR" in os.environ else None)
        config = config or Config()
        self.opened, self.word, self.recording = opened, word, recording
        self.columns: Sequence[str] = config.columns
        self.selected_flows: list[int] = []
        self.current_packet = 0
        self.marks: dict[str, tuple[str, int]] = {}
        self.view_before = "flows"
        self._config, self._names, self._expression = config, names, expression
        self._picked: Picked | None = None
        self._seen: tuple[object, ...] = ()
        self._told = 0  # of what has happened to the link
        self._awaits = ""  # what the next key names a mark for
        self._status = Status(opened)
        self._rubbish = Rubbish()

    def get_default_screen(self) -> Screen[None]:
        """Return what all is on."""
        return _Screen(id="_default")

    def compose(self) -> ComposeResult:
        """Lay it out."""
        # Held, and not looked for: Help may be in front, or all of it about to go.
        self.flows, self.packets = Flows(id="flows"), Packets(id="packets")
        others = (view(id=view.__name__.lower()) for view in VIEWS[2:])
        self.views = {str(view.id): view for view in (self.flows, self.packets, *others)}
        self.tabs = TabLine([(name, view.title) for name, view in self.views.items()])
        self.prompt = Prompt()
        self._switcher = ContentSwitcher(*self.views.values(), initial="flows")
        yield from (self.tabs, self._switcher, self.prompt, self._status)

    def on_mount(self) -> None:
        """Begin to show what is read."""
        self.title = f"vsockdump {printable(self.opened.path)}"
        if self._config.theme:
            self.theme = self._config.theme
        self.set_keymap(dict(self._config.keys))
        self.action_show("flows")
        if self._expression:
            self.pick(self._expression)
        self.set_interval(REFRESH_S, self._tick)
        # Textual draws nothing where the size is what it was before it was suspended.
        self.app_resume_signal.subscribe(self, lambda app: self.refresh(layout=True))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit)
        loop.add_signal_handler(signal.SIGUSR1, self._say_counts)
        loop.add_signal_handler(signal.SIGUSR2, self._save_to_disk)

    def on_resize(self) -> None:
        """Draw all of it: a terminal that changes its size may have cleared any of it."""
        self.call_after_refresh(self.refresh)

    def on_unmount(self) -> None:
        """End what still looks for something."""
        if self._picked is not None:
            self._picked.stop()

    # --- what views ask for -------------------------------------------------------------------

    @property
    def paused(self) -> bool:
        """Whether what is shown stays as it is."""
        return self._status.paused > 0

    @property
    def matching(self) -> "array[int] | None":
        """The packets that the display filter chooses, so far; None: all of them."""
        return None if self._picked is None else self._picked.numbers

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What is known of the source, name and value."""
        return commands.facts(self.opened, self.recording, self._picked)

    @property
    def view(self) -> View:
        """The view in sight."""
        return self.views[self._switcher.current or "flows"]

    def ask(
        self,
        question: str,
        default: str,
        answer: Callable[[str], None],
        check: Check = lambda text: "",
        complete: Complete = lambda text: (),
    ) -> None:
        """Have the user type a line, and hand it over unless that is given up."""
        self.prompt.ask(question, default, answer, check, complete)

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Say something in the status line, until the next key."""
        self._status.say(text, wrong=wrong)

    def on_said(self, message: Said) -> None:
        """Say what a view has to say."""
        self.say(message.text, wrong=message.error)

    def on_go_to(self, message: GoTo) -> None:
        """Show a packet."""
        self.go_to(message.number)

    def on_open_flow(self, message: OpenFlow) -> None:
        """Show connections."""
        self.open_flows(message.flows, message.view)

    def open_flows(self, flows: list[int], view: str) -> None:
        """Show connections, or in the list of packets theirs."""
        self.selected_flows = flows
        if view == "packets":
            self.pick(" or ".join(f"flow {flow}" for flow in flows))
        for each in self.views.values():
            each.show_flows()
        self.action_show(view)

    def on_tab_line_chosen(self, message: TabLine.Chosen) -> None:
        """Show the view that was clicked."""
        self.action_show(message.view)

    # --- keeping up ---------------------------------------------------------------------------

    def _tick(self) -> None:
        """Show what is new, if anything is."""
        self._rubbish.collect()
        opened, picked = self.opened, self._picked
        if self.recording is not None:
            self._status.dropped = self.recording.counts.dropped
            self._status.trouble = self.recording.error
            for text in self.recording.told[self._told :]:
                self._told += 1
                self.say(text)
        self._status.selected = len(self.packets.list.marked)
        self.tabs.problems = opened.findings.problems
        told = (
            self._status.selected,
            self._status.dropped,
            self._status.trouble,
            picked,
            picked and picked.looked_at,
        )
        now = (opened.count, opened.state, opened.progress, *told)
        if now != self._seen:
            self._seen = now
            self._status.refresh()
            if not self.paused:
                self.view.refresh_view()

    def _say_counts(self) -> None:
        """Answer SIGUSR1."""
        dropped = self.recording.counts.dropped if self.recording else 0
        self.say(f"{plural(self.opened.count, 'packet')}, {dropped} dropped by kernel")

    def _save_to_disk(self) -> None:
        """Answer SIGUSR2."""
        if self.recording is not None:
            self.recording.flush()

    def pick(self, text: str) -> None:
        """Show only packets that an expression chooses, of an empty one all; raises FilterError."""
        if self._picked is not None:
            self._picked.stop()
        self._picked = Picked(self.opened, text, *self._names) if text.strip() else None
        if self._picked is not None:
            self._picked.start()
        self._status.picked = self._picked
        self._status.refresh()
        for view in self.views.values():
            view.refresh_view()

    def go_to(self, number: int) -> None:
        """Show a packet in the list of packets."""
        numbers = self.matching
        if not self.opened.first <= number <= self.opened.count:
            return self.say(f"there is no packet {number}", wrong=True)
        if numbers is not None:
            at = bisect_left(numbers, number)
            if at == len(numbers) or numbers[at] != number:
                return self.say(f"the display filter does not show packet {number}", wrong=True)
        self.action_show("packets")
        self.packets.show_packet(number)
        return None

    # --- keys ---------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Take keys one by one: each is for what the one before it has led to.

        Textual would hand them to the widget with the focus, and find out later what they do.
        """
        if isinstance(event, events.Key):
            self._rubbish.pressed()
        taken = isinstance(event, events.Key) and not event.is_forwarded and await self._key(event)
        if not taken:
            await super().on_event(event)

    async def _key(self, event: events.Key) -> bool:
        """Do what a key does; False where that is for the widget with the focus to find out."""
        if self._status.said:  # it has been read
            self._status.say("")
        awaits, self._awaits = self._awaits, ""
        if awaits and event.is_printable:
            self._name_mark(awaits, event.character or "")
        elif len(self.screen_stack) > 1 or (self.prompt.asks and event.is_printable):
            return False
        elif not (self.prompt.asks and await self.prompt.press(event.key)):
            return await self._check_bindings(event.key)
        return True

    def _name_mark(self, awaits: str, name: str) -> None:
        if awaits == "set":
            self.marks[name] = (self.view.id or "", self.current_packet)
            self.say(f"mark {name} is at packet {self.current_packet}")
        elif name in self.marks:
            self.go_to(self.marks[name][1])
        else:
            self.say(f"there is no mark {name}", wrong=True)

    def action_mark(self, what: str) -> None:
        """Wait for the name of a mark."""
        self._awaits = what
        self.say("set mark: press a letter" if what == "set" else "go to mark: press its letter")

    def action_show(self, view: str) -> None:
        """Show a view."""
        switcher = self._switcher
        if switcher.current != view:
            self.view_before = switcher.current or view
        if view in OF_FLOWS and not self.selected_flows:
            self._select_flow()
        with ExitStack() as until_focused:  # or all would be painted twice
            until_focused.enter_context(self.batch_update())
            switcher.current = view
            self.tabs.seen = view
            self.view.refresh_view()
            self._focus_view()
            (self.focused or self.view).call_later(until_focused.pop_all().close)

    def _select_flow(self) -> None:
        """Select the connection that the cursor is at, where none was selected."""
        packets, flows = self.packets, self.flows
        self.selected_flows = flows.selected
        if self.view is packets and packets.current:
            flow = self.opened.flow_of(packets.current)
            self.selected_flows = [flow] if flow else []
        for view in self.views.values():
            view.show_flows()

    def _focus_view(self) -> None:
        chain = [widget for widget in self.view.query("*") if widget.focusable]
        if self.focused is None or self.view not in self.focused.ancestors_with_self:
            self.set_focus(chain[0] if chain else None)

    def action_return(self) -> None:
        """Return to the view before."""
        self.action_show(self.view_before)

    def action_filter(self) -> None:
        """Ask for a display filter."""
        text = self._picked.text if self._picked else ""
        self.ask("filter", text, self.pick, self.wrong_filter, completion.complete)

    def wrong_filter(self, text: str) -> str:
        """Return what is wrong with an expression, empty if nothing is."""
        try:
            parse(text, *self._names)
        except FilterError as error:
            return completion.sentence(error)
        return ""

    def action_command(self) -> None:
        """Ask for a command."""
        self.ask(
            ":",
            "",
            lambda text: commands.run(self, text),
            commands.wrong,
            commands.complete,
        )

    def action_help(self) -> None:
        """Say what keys do."""
        self.push_screen(Help(self.view.title, self.view.help))

    def action_problem(self, step: int) -> None:
        """Go to the next packet at which a problem was found, of those that are shown."""
        number, matching = self.current_packet, self.matching
        while number := self.opened.index.next(number, Severity.PROBLEM + 1, step):
            at = bisect_left(matching, number) if matching is not None else 0
            if matching is None or (at < len(matching) and matching[at] == number):
                return self.go_to(number)
        which = "more" if step > 0 else "earlier"
        found = self.opened.findings.problems
        return self.say(f"no {which} problem" if found else "no problem was found")

    def action_pause(self) -> None:
        """Leave the screens as they are, or no longer."""
        self._status.paused = 0 if self._status.paused else max(self.opened.count, 1)
        self._seen = ()
        self._status.refresh()

    def action_in_view(self, action: str, *arguments: object) -> None:
        """Have the view in sight do something, if it can."""
        do = getattr(self.view, f"action_{action}", None)
        if do is None:
            self.say(f"{self.view.title} has nothing to {action}")
        else:
            do(*arguments)

    def action_save(self) -> None:
        """Save what the view in sight has to save, or packets."""
        if hasattr(self.view, "action_save"):
            return self.action_in_view("save")
        numbers = self.wanted
        count = self.opened.count + 1 - self.opened.first if numbers is None else len(numbers)
        return self.ask(f"save {plural(count, 'packet')} to", "packets.pcapng", self.save_shown)

    @property
    def wanted(self) -> "array[int] | None":
        """The packets that are selected, or of connections that are; else those that are shown."""
        flows, packets = self.flows, self.packets
        if self.view is flows and flows.rows.marked:
            of_each = (self.opened.index.of(flow) for flow in flows.rows.marked)
            return array("Q", sorted(chain.from_iterable(of_each)))
        return packets.selected or self.matching

    def save_shown(self, path: str) -> None:
        """Save the packets that are wanted, in the background."""
        numbers, there = self.wanted, os.path.expanduser(path.strip())  # noqa: PTH111
        if not there:
            return self.say("the name of a file is missing", wrong=True)
        if os.path.lexists(there) and not os.path.isdir(there):  # noqa: PTH112
            question = f"{printable(path)} is there already; write over it? y or n"
            return self.ask(question, "", lambda answer: self._save_over(answer, there, numbers))
        return self._save_over("y", there, numbers)

    def _save_over(self, answer: str, path: str, numbers: "array[int] | None") -> None:
        if answer.strip().lower() not in ("y", "yes"):
            return self.say("nothing was saved")
        self.say(f"saving {printable(path)}")
        self.run_worker(lambda: self._save(path, numbers), thread=True)
        return None

    def _save(self, path: str, numbers: "array[int] | None") -> None:
        try:
            count = kept.save(self.opened, numbers, path)
        except VsockdumpError as error:
            self.call_from_thread(self.say, str(error), wrong=True)
        else:
            self.call_from_thread(self.say, f"{plural(count, 'packet')} saved in {path}")


def check(config: Config, path: str) -> None:
    """Refuse themes and actions that there are not; raises UsageError, which names `path`."""
    actions = [str(one.id) for one in Vsockdump.BINDINGS if isinstance(one, Binding)]
    for name in config.keys:
        if name not in actions:
            raise UsageError(f"{path}: no action is called {name}; there are {', '.join(actions)}")
    if config.theme and config.theme not in BUILTIN_THEMES:
        themes = ", ".join(BUILTIN_THEMES)
        raise UsageError(f"{path}: no theme is called {config.theme}; there are {themes}")


def load() -> None:
    """Load what is loaded late: once privileges are given up it may not be readable."""
    late = (
        *("concurrent.futures.thread", "textual.drivers.headless_driver", "textual.pilot"),
        *("textual.drivers.linux_driver", "textual.layouts.factory", "textual.scrollbar"),
        *("rich.traceback", "rich._emoji_codes", "rich.ansi", "pygments.lexers.python"),
        "re2",
    )
    for name in late:
        importlib.import_module(name)
    cells.cell_len("→")  # has rich load what it knows of characters


def run(
    wanted: Options, opened: Opened, config: Config, recording: Recording | None, expression: str
) -> int:
    """Show a capture until the user has seen enough, or a signal ends it; return how it ended.

    What is left to do takes a moment: signals that would end the program are ignored from here on.
    """
    app = Vsockdump(
        opened,
        options.names(wanted).endpoint,
        recording=recording,
        config=config,
        names=choosing.numbers(wanted),
        expression=expression,
    )
    sys.setswitchinterval(SWITCH_S)
    rubbish.wait()
    app.run()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return app.return_code or 0
