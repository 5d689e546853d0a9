"""Asks where to save what a connection carried, and has a thread do it."""

import asyncio
import os
from collections.abc import Mapping

from vsockdump.browsing import payloads
from vsockdump.errors import VsockdumpError
from vsockdump.messages import printable

from .followtext import MARKS
from .view import Said, View

_SUFFIXES = ".src", ".dst"


def ask(view: View, flow: int, side: int | None) -> None:
    """Save the bytes of one side, or of both, to what the user names."""
    if side is None:
        question = "save both sides to NAME.src and NAME.dst, NAME:"
    else:
        question = f"save the bytes of {MARKS[side]} to:"
    view.looking.ask(question, f"connection-{flow}", lambda name: _named(view, flow, side, name))


def _named(view: View, flow: int, side: int | None, name: str) -> None:
    if not name:
        return
    both = {at: name + suffix for at, suffix in enumerate(_SUFFIXES)}
    paths = both if side is None else {side: name}
    there = [path for path in paths.values() if os.path.lexists(os.path.expanduser(path))]  # noqa: PTH111

    def answered(answer: str) -> None:
        if answer.strip().lower() in ("y", "yes"):
            _save(view, flow, paths)
        else:
            view.post_message(Said("nothing is saved"))

    if there:
        question = f"{printable(' and '.join(there))} is there already; y writes over it:"
        view.looking.ask(question, "n", answered)
    else:
        _save(view, flow, paths)


def _save(view: View, flow: int, paths: Mapping[int, str]) -> None:
    view.post_message(Said("saving ..."))
    view.run_worker(_saving(view, flow, paths))


async def _saving(view: View, flow: int, paths: Mapping[int, str]) -> None:
    try:
        saved = await asyncio.to_thread(payloads.save, view.opened, flow, paths)
    except VsockdumpError as error:
        view.post_message(Said(str(error), error=True))
    else:
        view.post_message(Said(f"saved {saved} to {' and '.join(paths.values())}"))
