"""What a term says in simpler ones."""

from functools import cache

from vsockdump.sources.local import LOCAL

from .fields import BY_NAME
from .language import parse
from .tree import (
    And,
    Endpoint,
    Member,
    Name,
    Or,
    Pair,
    Present,
    Relation,
    Sum,
    Term,
    Tree,
    Value,
    Word,
)
from .words import WORDS


def simpler(term: Term) -> Tree | None:
    """Return what stands for a term; None if nothing simpler does."""
    match term:
        case Word(name) if WORDS[name].expression:
            return _word(name)
        case Endpoint():
            return _endpoint(term)
        case Pair(one, other):
            return Or((_way(one, other), _way(other, one)))
        case Relation() if both := _both(term):
            return both
    return None


@cache
def _word(name: str) -> Tree:
    return parse(WORDS[name].expression)


def _endpoint(end: Endpoint) -> Tree:
    if end.side:
        return _side(end.side, end)
    return Or((_side("src", end), _side("dst", end)))


def _way(src: Endpoint, dst: Endpoint) -> Tree:
    """One way of a connection. Loopback answers from CID 1, whatever CID was called."""
    sent = _side("src", src)
    if dst.cid == LOCAL and src.cid not in (None, LOCAL):
        sent = Or((sent, _side("src", src._replace(cid=LOCAL))))
    return And((sent, _side("dst", dst)))


def _side(side: str, end: Endpoint) -> Tree:
    parts = [
        Member(f"{side}_{name}", ((value, value),))
        for name, value in (("cid", end.cid), ("port", end.port))
        if value is not None
    ]
    return And(tuple(parts)) if parts else Present(f"{side}_cid")


def _both(relation: Relation) -> Tree | None:
    """Return a relation of a field of both sides as one of each: any of them, for `!=` both."""
    either = [name for name in named(relation) if BY_NAME[name].either]
    if not either:
        return None
    parts = tuple(
        Relation(relation.op, *(_put(v, either[0], side) for v in (relation.left, relation.right)))
        for side in BY_NAME[either[0]].either
    )
    return And(parts) if relation.op == "!=" else Or(parts)


def _put(value: Value, name: str, side: str) -> Value:
    match value:
        case Name(found) if found == name:
            return Name(side)
        case Sum(op, left, right):
            return Sum(op, _put(left, name, side), _put(right, name, side))
    return value


def named(part: Relation | Value) -> list[str]:
    """Return the fields that a relation or a value names."""
    match part:
        case Name(name):
            return [name]
        case Relation(_, left, right) | Sum(_, left, right):
            return [*named(left), *named(right)]
    return []
