"""Whether a frame matches a tree, reckoned in plain Python: what compiled programs are held to.

It knows trees and the dissectors, nothing of compilers: a value is a number or None, and a term
about a value that is not there is false.
"""

import operator
from collections.abc import Callable, Mapping
from typing import NamedTuple

from vsockdump.dissectors import Dissection, dissect
from vsockdump.dissectors.notes import Note
from vsockdump.filters.tree import (
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
    Relation,
    Sum,
    Term,
    Text,
    Tree,
    Value,
    Word,
)

from .frames import SLL, SLL2, VSOCK

BEFORE = {VSOCK: 0, SLL: 16, SLL2: 20}
"""Bytes before the monitor's header."""

MONITOR = ("src_cid", "dst_cid", "src_port", "dst_port", "monitor_op", "transport", "trans_len")
VIRTIO = (
    *("virtio_src_cid", "virtio_dst_cid", "virtio_src_port", "virtio_dst_port", "len", "type"),
    *("op", "flags", "buf_alloc", "fwd_cnt"),
)

Numbers = Mapping[str, int]


class Seen(NamedTuple):
    """A frame as terms see it: its numbers by name, its bytes from the monitor's header on."""

    numbers: Numbers
    link: bytes
    data: bytes


def seen(frame: bytes, wire_len: int | None = None, linktype: int = VSOCK) -> Seen:
    """Take a frame apart; `wire_len` is what it had before it was cut."""
    wire_len = len(frame) if wire_len is None else wire_len
    found = dissect(frame, linktype, wire_len)
    numbers = {"cap_len": len(frame), "wire_len": wire_len}
    if found.vsockmon is not None:
        numbers |= dict(zip((*MONITOR, "reserved"), found.vsockmon, strict=True))
    if found.virtio is not None:
        numbers |= dict(zip(VIRTIO, found.virtio, strict=True))
    link = frame[BEFORE[linktype] :] if _is_vsock(found, linktype) else b""
    return Seen(numbers, link, found.payload)


def _is_vsock(found: Dissection, linktype: int) -> bool:
    if linktype not in BEFORE:
        return False
    return linktype == VSOCK or bool(found.layers and not found.notes & Note.NOT_VSOCK)


def matches(tree: Tree, frame: Seen) -> bool:
    """Return the truth of a tree whose terms are about frames."""
    match tree:
        case And(parts):
            return all(matches(part, frame) for part in parts)
        case Or(parts):
            return any(matches(part, frame) for part in parts)
        case Not(part):
            return not matches(part, frame)
    return _term(tree, frame)


def _term(term: Term, frame: Seen) -> bool:
    match term:
        case Member(name, ranges):
            values = [frame.numbers.get(one) for one in _sides(name)]
            return any(
                first <= v <= last for v in values if v is not None for first, last in ranges
            )
        case Present(name):
            return _sides(name)[0] in frame.numbers
        case Endpoint(side, cid, port):
            ends = [_end(frame, side)] if side else [_end(frame, "src"), _end(frame, "dst")]
            return any(_is_at(end, cid, port) for end in ends)
        case Pair(one, other):
            ends = [_end(frame, "src"), _end(frame, "dst")]
            return any(_is_at(a, *one[1:]) and _is_at(b, *other[1:]) for a, b in (ends, ends[::-1]))
        case Relation():
            return _relation(term, frame)
        case Word(name):
            return _WORDS[name](frame.numbers)
    raise TypeError(term)


# --- addresses --------------------------------------------------------------------------------


def _sides(name: str) -> list[str]:
    return [f"src_{name}", f"dst_{name}"] if name in ("cid", "port") else [name]


def _end(frame: Seen, side: str) -> tuple[int | None, int | None]:
    return frame.numbers.get(f"{side}_cid"), frame.numbers.get(f"{side}_port")


def _is_at(end: tuple[int | None, int | None], cid: int | None, port: int | None) -> bool:
    return end[0] is not None and cid in (None, end[0]) and port in (None, end[1])


# --- relations --------------------------------------------------------------------------------

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_RECKON: dict[str, Callable[[int, int], int]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv,
    "%": operator.mod, "&": operator.and_, "|": operator.or_, "^": operator.xor,
    "<<": operator.lshift, ">>": operator.rshift,
}  # fmt: skip


def _relation(relation: Relation, frame: Seen) -> bool:
    """A field of both sides is first the sender's, then the receiver's: one will do, of != both."""
    held = []
    for side in ("src", "dst"):
        ends = {name: frame.numbers[f"{side}_{name}"] for name in ("cid", "port")
                if f"{side}_{name}" in frame.numbers}  # fmt: skip
        this = frame._replace(numbers={**frame.numbers, **ends})
        left, right = (_value(one, this) for one in (relation.left, relation.right))
        there = left is not None and right is not None and _COMPARE[relation.op](left, right)
        held.append(there)
    return all(held) if relation.op == "!=" else any(held)


def _value(value: Value, frame: Seen) -> int | None:
    match value:
        case Number(number):
            return number
        case Text(text):
            return int.from_bytes(text)
        case Name(name):
            return frame.numbers.get(name)
        case Load():
            held = frame.link if value.base == "link" else frame.data
            found = held[value.offset : value.offset + value.size]
            return int.from_bytes(found) if len(found) == value.size else None
        case Sum(op, left, right):
            one, other = _value(left, frame), _value(right, frame)
            if one is None or other is None:
                return None
            return _RECKON[op](one, other) % 2**32
    raise TypeError(value)


# --- words ------------------------------------------------------------------------------------


def _is_flag(op: int, kind: int | None, flags: int, some: int) -> Callable[[Numbers], bool]:
    """Return whether `some` of these flags are set in a packet of that op, of that type if any."""

    def ask(n: Numbers) -> bool:
        is_such = n.get("op") == op and kind in (None, n.get("type"))
        return is_such and (n["flags"] & flags).bit_count() >= some

    return ask


def _from_to(
    source: Callable[[int], bool], target: Callable[[int], bool]
) -> Callable[[Numbers], bool]:
    return lambda n: "src_cid" in n and source(n["src_cid"]) and target(n["dst_cid"])


def _is_guest(cid: int) -> bool:
    return cid > 2


def _is_host(cid: int) -> bool:
    return cid in (0, 2)


_WORDS: dict[str, Callable[[Numbers], bool]] = {
    "vsock": lambda n: "src_cid" in n,
    "virtio": lambda n: "op" in n,
    "stream": lambda n: n.get("type") == 1,
    "seqpacket": lambda n: n.get("type") == 2,
    "g2h": _from_to(_is_guest, _is_host),
    "h2g": _from_to(_is_host, _is_guest),
    "sibling": _from_to(_is_guest, _is_guest),
    "loopback": lambda n: 1 in (n.get("src_cid"), n.get("dst_cid")),
    "flags eom": _is_flag(5, 2, 1, 1),
    "flags eor": _is_flag(5, 2, 2, 1),
    "shutdown rcv": _is_flag(4, None, 1, 1),
    "shutdown send": _is_flag(4, None, 2, 1),
    "shutdown both": _is_flag(4, None, 3, 2),
}
