"""What command lines are taken apart with: argparse, worded as we word things."""

import argparse
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn

from vsockdump.errors import UsageError


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence; tcpdump's exit status for it is 1."""

    def __init__(self, prog: str, usage: str, description: str, epilog: str = "") -> None:
        """Prepare one that takes no abbreviations; its --help is an option like the others."""
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=epilog,
            # Every add_argument() makes one: of a width given, it does not ask the terminal.
            formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=80),
            allow_abbrev=False,
            add_help=False,
        )

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message.removeprefix('argument ')}; see '{self.prog} --help'")

    def format_help(self) -> str:
        """Return it in colours, where these are wanted."""
        from rich_argparse import RawDescriptionRichHelpFormatter  # noqa: PLC0415 - 20 ms

        class Formatter(RawDescriptionRichHelpFormatter):
            group_name_formatter = str  # as it is written, not Like A Headline

        self.formatter_class = Formatter
        return super().format_help()


class Group:
    """One section of the help: options that are flags, counts of a letter, or take a value."""

    def __init__(self, parser: argparse.ArgumentParser, title: str) -> None:
        """Begin the section."""
        self._add = parser.add_argument_group(title).add_argument

    def words(self, name: str, metavar: str, text: str) -> None:
        """Add what is named without an option: any number of words."""
        self._add(name, metavar=metavar, nargs="*", help=text)

    def flag(self, names: str, name: str, text: str) -> None:
        """Add an option that is given or not."""
        self._add(*names.split(), dest=name, action="store_true", help=text)

    def count(self, letter: str, name: str, text: str) -> None:
        """Add a letter that may be repeated."""
        self._add(letter, dest=name, action="count", default=0, help=text)

    def value(self, names: str, name: str, metavar: str, text: str, default: str = "") -> None:
        """Add an option that takes a text."""
        self._add(*names.split(), dest=name, metavar=metavar, default=default, help=text)

    def number(
        self, names: str, name: str, metavar: str, text: str, kind: Callable[[str], int]
    ) -> None:
        """Add an option that takes a number, or what `kind` makes one of."""
        self._add(*names.split(), dest=name, metavar=metavar, type=kind, default=0, help=text)

    def choice(
        self, names: str, name: str, choices: Sequence[str], default: str, text: str
    ) -> None:
        """Add an option that takes one of some words."""
        self._add(*names.split(), dest=name, choices=choices, default=default, help=text)


def number(text: str) -> int:
    """Return a number below 2^32; raises argparse's error."""
    if not re.fullmatch("[0-9]{1,10}", text) or int(text) >= 1 << 32:
        raise argparse.ArgumentTypeError(f"{text!r} is no number below 2^32")
    return int(text)


def positive(text: str) -> int:
    """Return a number from 1 to 2^32 - 1; raises argparse's error."""
    if not number(text):
        raise argparse.ArgumentTypeError("0 makes no sense")
    return number(text)


def connections(text: str) -> int:
    """Return how many connections to follow, from 1 to 2^30 - 1; raises argparse's error."""
    if positive(text) >= 1 << 30:
        raise argparse.ArgumentTypeError(f"{text} is more than can be followed, 2^30 - 1")
    return positive(text)
