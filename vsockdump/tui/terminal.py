"""The terminal, where standard streams are something else."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO

from vsockdump.errors import OpenError, reason

_PLAIN = ("", "dumb")
"""Of terminals that cannot be drawn on."""


def can_be_drawn_on() -> bool:
    """Whether standard output is a terminal that has more than lines."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in _PLAIN


@contextmanager
def at_hand() -> Iterator[None]:
    """Have Textual get keys from the terminal, and draw there, whatever is redirected.

    It takes sys.__stdin__ for the keys and sys.__stderr__ for the screen. Raises OpenError.
    """
    with ExitStack() as stack:
        if not _is_terminal(sys.__stdin__):
            _replace(stack, "__stdin__", _opened(stack))
        if not _is_terminal(sys.__stderr__):
            file = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
            _replace(stack, "__stderr__", stack.enter_context(file))
        yield


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _opened(stack: ExitStack) -> TextIO:
    try:
        return stack.enter_context(open("/dev/tty", encoding="utf-8"))  # noqa: PTH123
    except OSError as error:
        raise OpenError(f"/dev/tty: {reason(error)}; keys have to come from somewhere") from error


def _replace(stack: ExitStack, name: str, stream: TextIO) -> None:
    stack.callback(setattr, sys, name, getattr(sys, name))
    setattr(sys, name, stream)
