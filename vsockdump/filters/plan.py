"""Who decides what of an expression: a program that sees only frames, and what comes after it."""

from collections.abc import Iterator
from typing import NamedTuple

from .fields import BY_NAME, Where
from .meanings import named, simpler
from .tree import And, Endpoint, Member, Not, Or, Pair, Present, Relation, Search, Term, Tree, Word


class Plan(NamedTuple):
    """An expression, the part that a program decides, and the part that is decided after it."""

    tree: Tree
    kernel: Tree
    rest: Tree


def split(tree: Tree, *, whole: bool = False) -> Plan:
    """Return who decides what: as much as can be is the program's.

    `whole`: connections are followed behind the program, which must not leave out some of the
    packets of one. That holds, too, where the rest of the expression asks about connections.
    """
    parts = tree.parts if isinstance(tree, And) else (tree,)
    mine = [part for part in parts if in_frame(part)]
    if whole or follows(And(tuple(part for part in parts if part not in mine))):
        mine = [part for part in mine if keeps_whole(part)]
    rest = [part for part in parts if part not in mine]
    return Plan(tree, _together(mine), _together(rest))


def _together(parts: list[Tree]) -> Tree:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def terms(tree: Tree) -> Iterator[Term]:
    """Yield the terms of a tree."""
    match tree:
        case And(parts) | Or(parts):
            for part in parts:
                yield from terms(part)
        case Not(part):
            yield from terms(part)
        case _:
            yield tree


def in_frame(tree: Tree) -> bool:
    """Whether the bytes of a frame tell all that a tree asks."""
    return all(map(_is_in_frame, terms(tree)))


def _is_in_frame(term: Term) -> bool:
    match term:
        case Word() if expansion := simpler(term):
            return in_frame(expansion)
        case Search() | Word():
            return False
    return all(BY_NAME[name].in_frame for name in fields(term))


def follows(tree: Tree) -> bool:
    """Whether connections have to be followed to tell what a tree asks."""
    return any(map(_follows, terms(tree)))


def _follows(term: Term) -> bool:
    match term:
        case Word():
            return simpler(term) is None
        case Search(subject):
            return subject == "process"
    return any(BY_NAME[name].where is Where.CONNECTION for name in fields(term))


def names_processes(tree: Tree) -> bool:
    """Whether a tree asks for the processes at the ends."""
    return any(
        getattr(term, "subject", "") == "process" or "pid" in fields(term) for term in terms(tree)
    )


def names_cids(tree: Tree) -> bool:
    """Whether a tree asks for CIDs, of which loopback's connections have two for one end."""
    return any(map(_names_cids, terms(tree)))


def _names_cids(term: Term) -> bool:
    match term:
        case Endpoint() | Pair() | Word("loopback" | "sibling"):
            return True
    return any(BY_NAME[name].is_cid for name in fields(term))


_BOTH_WAYS = {"cid", "port", "type", "flow", "verdict", "state", "pid"}
_WORDS = {"stream", "seqpacket", "loopback", "sibling", "problem", "process", "virtio", "vsock"}


def keeps_whole(tree: Tree) -> bool:
    """Whether a tree takes all packets of a connection or none.

    Loopback's answers, which come from CID 1 whatever CID was called, are the exception: no packet
    alone tells.
    """
    return all(map(_keeps_whole, terms(tree)))


def _keeps_whole(term: Term) -> bool:
    match term:
        case Pair() | Endpoint(""):
            return True
        case Word(name) | Search(name):
            return name in _WORDS
    return bool(found := fields(term)) and found <= _BOTH_WAYS


def fields(term: Term) -> set[str]:
    """Return the fields that a term names."""
    match term:
        case Member(name) | Present(name):
            return {name}
        case Relation():
            return set(named(term))
    return set()
