"""What a command line's expressions choose: in the kernel, of what is read, of what is shown."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from vsockdump import kernels, options
from vsockdump.choices import Choices
from vsockdump.dissectors import LINKTYPE_VSOCK
from vsockdump.engine.batch import Batch
from vsockdump.errors import ReadError, UsageError, reason
from vsockdump.filters.evaluate import Choice, Connections, Openings
from vsockdump.filters.followed import Followed
from vsockdump.filters.language import parse
from vsockdump.filters.plan import (
    follows,
    in_frame,
    keeps_whole,
    names_cids,
    names_processes,
    split,
)
from vsockdump.filters.program import compiled, packed
from vsockdump.filters.tokens import FilterError
from vsockdump.filters.tree import EVERYTHING, Member, Or, Tree, joined
from vsockdump.interface import SNAPLEN, Interface
from vsockdump.messages import say
from vsockdump.options import Options
from vsockdump.parser import COMMANDS
from vsockdump.remembered import Recalled
from vsockdump.sources.local import LOCAL
from vsockdump.sources.savefile import Savefile

if TYPE_CHECKING:
    from vsockdump.processes import Processes


def of_file(path: str, wanted: Options, interfaces: Sequence[Interface], *, twice: bool) -> Choices:
    """Return what is chosen of a file; raises FilterError, UsageError or ReadError.

    `interfaces` are those of the file, and may grow. `twice`: it can be read before it is read, for
    terms about how connections end. What needs whole connections then gets those of which any
    packet matches.
    """
    tree, displayed = trees(wanted)
    recalled = Recalled()
    followed = Followed(wanted.max_flows, recalled.known, [recalled])
    taken, shown = _of_tree(wanted, tree, twice, followed), _choice(displayed, followed)
    asked = follows(tree) or follows(displayed)
    if asked and twice:
        followed.learn(_batches(path, followed))
    elif asked:
        say("this is read only once: terms about connections go by what is known so far")
    if isinstance(taken, Connections):
        taken.learn(_batches(path, followed))
    followed.interfaces = interfaces
    guides = isinstance(taken, Connections | Openings)
    watching = [followed] if asked or guides else []
    return Choices(taken, shown, watching=watching, guide=followed.tracker if guides else None)


def _of_tree(
    wanted: Options, tree: Tree, twice: bool, followed: Followed
) -> Choice | Openings | Connections | None:
    if not wanted.whole_for or tree == EVERYTHING:
        return _choice(tree, followed)
    if in_frame(tree) and keeps_whole(tree):
        return Openings(tree, followed, wanted.max_flows)
    if not twice:
        raise _not_whole(wanted, tree)
    return Connections(tree, followed)


def _choice(tree: Tree, followed: Followed) -> Choice | None:
    return None if tree == EVERYTHING else Choice(tree, followed)


def live(wanted: Options, processes: "Processes | None", *, following: bool) -> Choices:
    """Return what is chosen of a capture; raises FilterError or UsageError.

    `following`: lines say what is known of connections.
    """
    tree, displayed = trees(wanted)
    followed = Followed(wanted.max_flows, processes.known if processes else None)
    followed.interfaces = [Interface(LINKTYPE_VSOCK, os=kernels.running())]
    if wanted.whole_for and tree != EVERYTHING:
        return _whole_live(wanted, tree, followed)
    plan = split(tree, whole=follows(displayed))
    if plan.rest != EVERYTHING:
        say(f"decided after the kernel's filter: {plan.rest}")
    asked = follows(plan.rest) or follows(displayed)
    whole = keeps_whole(plan.kernel)
    kernel = _with_answers(plan.kernel) if whole and (following or asked) else plan.kernel
    return Choices(
        _choice(plan.rest if kernel == plan.kernel else tree, followed),
        _choice(displayed, followed),
        _program(wanted, kernel),
        "" if kernel == EVERYTHING else str(kernel),
        whole,
        [followed] if asked else [],
    )


def _whole_live(wanted: Options, tree: Tree, followed: Followed) -> Choices:
    if not (in_frame(tree) and keeps_whole(tree)):
        raise _not_whole(wanted, tree)
    kernel = _with_answers(tree)
    program, text = _program(wanted, kernel), str(kernel)
    if kernel == tree:
        return Choices(program=program, text=text)
    taken = Openings(tree, followed, wanted.max_flows)
    return Choices(taken, None, program, text, watching=[followed], guide=followed.tracker)


def _with_answers(tree: Tree) -> Tree:
    """Return what takes loopback's answers as well, which come from CID 1 whoever was called."""
    return joined(Or, tree, Member("cid", ((LOCAL, LOCAL),))) if names_cids(tree) else tree


def _program(wanted: Options, kernel: Tree) -> bytes:
    payload = wanted.snap_payload if wanted.snap_payload >= 0 else None
    if kernel == EVERYTHING and payload is None:
        return b""
    return packed(compiled(kernel, snaplen=wanted.snaplen or SNAPLEN, payload=payload))


def asks_for_processes(wanted: Options) -> bool:
    """Whether what is taken or shown depends on processes; raises FilterError."""
    return any(map(names_processes, trees(wanted)))


def _batches(path: str, followed: Followed) -> Iterator[Batch]:
    """Yield what is in a file; what is wrong with it the next pass will tell."""
    came = 0
    with closing(Savefile(path)) as source, suppress(ReadError):
        followed.interfaces = source.interfaces
        for batch in source.batches():
            if batch is not None:
                batch.first = came + 1
                came += batch.count
                yield batch


# --- expressions ------------------------------------------------------------------------------


def trees(wanted: Options) -> tuple[Tree, Tree]:
    """Return what is to be taken and what is to be shown; raises FilterError, UsageError."""
    text = expression(wanted)
    cids, ports = numbers(wanted)
    try:
        taken = parse(text, cids, ports)
    except FilterError as error:
        what, hint = str(error).partition(";")[0], _hint(wanted, text)
        error.args = (f"{what}{hint}",) if hint else error.args
        raise
    return taken, parse(wanted.display, cids, ports)


def numbers(wanted: Options) -> tuple[dict[str, int], dict[str, int]]:
    """Return the CIDs and ports that have names; raises UsageError for what names none."""
    names = options.names(wanted)
    cids = {name: cid for cid, name in names.cids.items()}
    return cids, {name: port for port, name in names.ports.items()}


def expression(wanted: Options) -> str:
    """Return the text of what is to be taken; raises UsageError."""
    if wanted.expression_file:
        return _from_file(wanted.expression_file)
    return " ".join(wanted.expression) or wanted.capture_filter


def _from_file(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
            text = file.read(MOST + 1)
    except OSError as error:
        raise UsageError(f"-F {path}: {reason(error)}") from error
    if len(text) > MOST:
        raise UsageError(f"-F {path}: more than {MOST} characters are no expression")
    return text


MOST = 1 << 20
"""Characters of an expression in a file: no program holds more, and a file may have no end."""


def _hint(wanted: Options, text: str) -> str:
    """What may have been meant by a word that stands where an expression would."""
    if os.path.isfile(text):  # noqa: PTH113 - pathlib costs a start 5 ms
        is_command = wanted.whole_for not in ("", "--problems")
        return f"; to read this file {'leave out -i' if is_command else f'give -r {text}'}"
    import difflib  # noqa: PLC0415 - only for the way out

    near = difflib.get_close_matches(text, COMMANDS, 1)
    return f"; do you mean the command {near[0]}?" if near else ""


def _not_whole(wanted: Options, tree: Tree) -> UsageError:
    return UsageError(
        f"{wanted.whole_for} needs whole connections, and '{tree}' takes only some of their"
        " packets, or depends on how they end: choose by cid, port, pair or type, and by no side"
    )
