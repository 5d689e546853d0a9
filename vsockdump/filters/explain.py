"""A tree in words, for people: what is true of the packets that it selects.

All that is said of fields and words is the text of their tables.
"""

from collections.abc import Iterator

from .fields import BY_NAME, Field
from .meanings import named, simpler
from .tree import (
    EVERYTHING,
    And,
    Endpoint,
    Load,
    Member,
    Name,
    Not,
    Number,
    Or,
    Pair,
    Present,
    Range,
    Relation,
    Search,
    Sum,
    Term,
    Text,
    Tree,
    Value,
    Word,
    quoted,
)
from .words import SUBJECTS, WORDS

_RELATIONS = {
    "==": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
}
_CAPITALS = ("op", "monitor_op", "verdict")  # fields whose values are printed in capitals
_ENDS = {"src": "the sender", "dst": "the receiver", "": "either side"}
_BASES = {"link": "the frame", "data": "the payload"}
_INDENT = "  "


def explain(tree: Tree) -> str:
    """Return what a tree selects: a line a term, indented below what joins them."""
    if tree == EVERYTHING:
        return "all packets"
    joint, parts = _joint(tree)
    head = f"packets of which {joint or 'this is true'}:"
    return "\n".join([head, *(_INDENT + line for part in parts for line in _lines(part))])


def _lines(tree: Tree) -> Iterator[str]:
    joint, parts = _joint(tree)
    if not joint:
        yield _statement(tree)
        return
    yield f"{joint}:"
    for part in parts:
        yield from (_INDENT + line for line in _lines(part))


def _joint(tree: Tree) -> tuple[str, tuple[Tree, ...]]:
    """Return how many of which parts have to be true; nothing and the tree for a single term."""
    match tree:
        case And(parts):
            return "all of these are true", parts
        case Or(parts):
            return "at least one of these is true", parts
        case Not(And(parts)):
            return "at least one of these is not true", parts
        case Not(Or(parts)):
            return "none of these is true", parts
        case Not(Not(part)):
            return _joint(part)
    return "", (tree,)


def _statement(tree: Tree) -> str:
    match tree:
        case Not(Not(part)):
            return _statement(part)
        case Not(part):
            return f"it is not true that {_statement(part)}"
        case And() | Or():
            raise TypeError(f"{tree}: no term")
        case Relation():
            return _relation(tree)
        case Search():
            return _search(tree)
        case _:
            return _term(tree)


def _term(term: Term) -> str:
    match term:
        case Member(name, ranges):
            return f"{BY_NAME[name].text} is {_any(BY_NAME[name], ranges)}"
        case Present(name):
            return f"{BY_NAME[name].text} is known"
        case Endpoint(side):
            return f"{_ENDS[side]} is {_address(term)}"
        case Pair(one, other):
            return f"one side is {_address(one)}, the other {_address(other)}"
        case Word(name):
            expression = WORDS[name].expression
            return f"the packet {WORDS[name].text}{expression and f' ({expression})'}"
    raise TypeError(term)


def _search(search: Search) -> str:
    subject, how, text = search
    if how == "matches":
        return f"{SUBJECTS[subject]} matches the regular expression {text.decode()}"
    return f"{SUBJECTS[subject]} {how} {quoted(text)}"


def _relation(relation: Relation) -> str:
    both = simpler(relation) if relation.op == "!=" else None
    if isinstance(both, And):  # "either side's is not 3" would say something else
        return " and ".join(map(_statement, both.parts))
    op, left, right = relation
    sentence = f"{_value(left)} {_RELATIONS[op]} {_compared(left, right)}"
    sums = [value for value in (left, right) if isinstance(value, Sum)]
    names = dict.fromkeys(name for value in sums for name in named(value))
    glossary = "; ".join(f"{name}: {BY_NAME[name].text}" for name in names)
    return f"{sentence} ({glossary})" if glossary else sentence


def _compared(left: Value, right: Value) -> str:
    match left, right:
        case Name(name), Number(k):
            return _one(BY_NAME[name], k)
        case Load(), Number(k):
            return f"{k} ({k:#x})"
    return _value(right)


def _value(value: Value) -> str:
    match value:
        case Name(name):
            return BY_NAME[name].text
        case Load(base, offset, 1):
            return f"the value of byte {offset} of {_BASES[base]}"
        case Load(base, offset, size):
            return f"the value of bytes {offset} to {offset + size - 1} of {_BASES[base]}"
        case Sum():
            return str(value)[1:-1]
        case Number() | Text():
            return str(value)


# --- constants --------------------------------------------------------------------------------


def _any(field: Field, ranges: tuple[Range, ...]) -> str:
    shown = [
        _one(field, first) if first == last else f"from {first} to {last}" for first, last in ranges
    ]
    return " or ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _one(field: Field, value: int) -> str:
    """Return a constant by the name that a packet's line has for it."""
    names = {number: name for name, number in field.names.items()}
    name = names.get(value, "")
    if field.is_cid:
        return f"{value} ({name})" if name else str(value)
    return (name.upper() if field.name in _CAPITALS else name) or str(value)


def _address(end: Endpoint) -> str:
    parts = [
        f"{word} {_one(BY_NAME[word], value)}"
        for word, value in (("cid", end.cid), ("port", end.port))
        if value is not None
    ]
    return ", ".join(parts).replace("cid", "CID") or "anyone"
