"""What a command line's expressions choose: in the kernel, of what is read, of what is shown."""

import os
from collections.abc import Iterator
from contextlib import closing, suppress

from vsockdump import options
from vsockdump.choices import Choices
from vsockdump.engine.batch import Batch
from vsockdump.errors import ReadError, UsageError, reason
from vsockdump.filters.evaluate import Choice
from vsockdump.filters.followed import Followed
from vsockdump.filters.language import parse
from vsockdump.filters.plan import Plan, keeps_whole, names_processes, split
from vsockdump.filters.program import compiled, packed
from vsockdump.filters.tokens import FilterError
from vsockdump.filters.tree import EVERYTHING, Tree
from vsockdump.interface import SNAPLEN
from vsockdump.messages import say
from vsockdump.options import Options
from vsockdump.parser import COMMANDS
from vsockdump.processes import Processes
from vsockdump.remembered import Recalled
from vsockdump.sources.savefile import Savefile


def of_file(path: str, wanted: Options, *, twice: bool) -> Choices:
    """Return what is chosen of a file; raises FilterError, UsageError or ReadError.

    `twice`: it can be read once before it is read, for terms about how connections end.
    """
    tree, displayed = _trees(wanted)
    _check(wanted, tree)
    taken, shown = _recalling(wanted, tree), _recalling(wanted, displayed)
    if twice:
        _learn(path, taken, shown)
    elif any(choice and choice.followed for choice in (taken, shown)):
        say("this is read only once: terms about connections go by what is known so far")
    return Choices(taken, shown, whole=keeps_whole(tree))


def _recalling(wanted: Options, tree: Tree) -> Choice | None:
    recalled = Recalled()
    return _choice(tree, Followed(wanted.max_flows, recalled.known, [recalled]))


def _choice(tree: Tree, followed: Followed) -> Choice | None:
    return None if tree == EVERYTHING else Choice(tree, followed)


def live(wanted: Options, processes: Processes | None, *, following: bool) -> Choices:
    """Return what is chosen of a capture; raises FilterError or UsageError.

    `following`: connections are followed, so that the kernel should leave them whole.
    """
    tree, displayed = _trees(wanted)
    _check(wanted, tree)
    whole = keeps_whole(tree)
    plan = split(tree, whole=following and whole)
    if plan.rest != EVERYTHING:
        say(f"decided after the kernel's filter: {plan.rest}")
    known = processes.known if processes else None
    return Choices(
        _choice(plan.rest, Followed(wanted.max_flows)),
        _choice(displayed, Followed(wanted.max_flows, known)),
        _program(wanted, plan),
        "" if plan.kernel == EVERYTHING else str(plan.kernel),
        whole,
    )


def _program(wanted: Options, plan: Plan) -> bytes:
    payload = wanted.snap_payload if wanted.snap_payload >= 0 else None
    if plan.kernel == EVERYTHING and payload is None:
        return b""
    return packed(compiled(plan.kernel, snaplen=wanted.snaplen or SNAPLEN, payload=payload))


def asks_for_processes(wanted: Options) -> bool:
    """Whether what is shown depends on processes; raises FilterError."""
    return names_processes(_trees(wanted)[1])


def _learn(path: str, taken: Choice | None, shown: Choice | None) -> None:
    """Have both know how connections end: a pass over the file for each that asks for it."""
    if taken and taken.followed:
        for batch in _batches(path):
            taken.followed.feed(batch)
        taken.followed.learn()
    if shown and shown.followed:
        for batch in _batches(path):
            if taken:
                batch.select(taken(batch))
            shown.followed.feed(batch)
        shown.followed.learn()
        if taken and taken.followed:
            taken.followed.learn()


def _batches(path: str) -> Iterator[Batch]:
    with closing(Savefile(path)) as source, suppress(ReadError):  # which the next pass will tell
        yield from (batch for batch in source.batches() if batch is not None)


# --- expressions ------------------------------------------------------------------------------


def _trees(wanted: Options) -> tuple[Tree, Tree]:
    """Return what is to be taken and what is to be shown; raises FilterError, UsageError."""
    text = expression(wanted)
    names = options.names(wanted)
    cids = {name: cid for cid, name in names.cids.items()}
    ports = {name: port for port, name in names.ports.items()}
    try:
        taken = parse(text, cids, ports)
    except FilterError as error:
        what, hint = str(error).partition(";")[0], _hint(text)
        error.args = (f"{what}{hint}",) if hint else error.args
        raise
    return taken, parse(wanted.display, cids, ports)


def expression(wanted: Options) -> str:
    """Return the text of what is to be taken; raises UsageError."""
    if wanted.expression_file:
        return _from_file(wanted.expression_file)
    return " ".join(wanted.expression) or wanted.capture_filter


def _from_file(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
            return file.read()
    except OSError as error:
        raise UsageError(f"-F {path}: {reason(error)}") from error


def _hint(text: str) -> str:
    """What may have been meant by a word that stands where an expression would."""
    if os.path.isfile(text):  # noqa: PTH113 - pathlib costs a start 5 ms
        return f"; to read this file give -r {text}"
    import difflib  # noqa: PLC0415 - only for the way out

    near = difflib.get_close_matches(text, COMMANDS, 1)
    return f"; do you mean the command {near[0]}?" if near else ""


def _check(wanted: Options, tree: Tree) -> None:
    """Refuse what cannot be told of packets as they are taken."""
    if wanted.interface and names_processes(tree):
        raise UsageError(
            f"{tree}: who is at the ends is known only once a packet has been taken; -Y shows by it"
        )
    if wanted.whole_for and not keeps_whole(tree):
        raise UsageError(
            f"{wanted.whole_for} needs whole connections, and '{tree}' takes only some of their"
            " packets: choose by cid, port, pair, type or verdict, and by no side"
        )
