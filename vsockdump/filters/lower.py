"""A tree to the graph of tests that tells whether a frame matches.

Fields are little-endian, a program's loads are big-endian: what is only compared for equality is
compared with swapped constants, what is ordered is put together byte by byte. No byte is loaded
before a test has shown that it is there, so that a short frame makes a term false and no more.
"""

from collections.abc import Sequence
from itertools import chain

from vsockdump.dissectors import (
    LINKTYPE_LINUX_SLL,
    LINKTYPE_LINUX_SLL2,
    LINKTYPES,
    virtio,
    vsockmon,
)
from vsockdump.dissectors.cooked import ARPHRD_VSOCKMON, SLL2_PLACES, SLL_PLACES

from .fields import BY_NAME, Field, Where
from .graph import MOST, Graph, Recipe
from .meanings import simpler
from .tree import (
    And,
    Load,
    Member,
    Name,
    Not,
    Number,
    Or,
    Present,
    Range,
    Relation,
    Sum,
    Term,
    Text,
    Tree,
    Value,
    disjoint,
)

CAPTURED, WIRE = Recipe("captured"), Recipe("wire")

_COOKED = {LINKTYPE_LINUX_SLL: SLL_PLACES, LINKTYPE_LINUX_SLL2: SLL2_PLACES}
_BEHIND_VIRTIO = vsockmon.SIZE + virtio.SIZE
_NEGATED = {"!=": "==", "<": ">=", "<=": ">"}
_CHAIN = 4  # so many values are compared one after the other, more by halves
_FEW = 8  # so many are sooner compared one by one than put together to be ordered


class Lowering:
    """Builds the graph for the frames of one link type.

    All that adds tests takes where to go on, `yes` and `no`, and returns where to begin.
    """

    def __init__(self, linktype: int) -> None:
        """Begin with an empty graph."""
        places = _COOKED.get(linktype, {})
        self.graph = Graph()
        self.base = sum(size for _, size in places.values())  # bytes before the monitor's header
        self._hatype = Recipe("bytes", *places["hatype"]) if places else None
        self._foreign = linktype not in LINKTYPES

    def tree(self, tree: Tree, yes: int, no: int) -> int:
        """Add a tree whose terms are about frames alone."""
        match tree:
            case And(parts):
                for part in reversed(parts):
                    yes = self.tree(part, yes, no)
                return yes
            case Or(parts):
                for part in reversed(_merged(parts)):
                    no = self.tree(part, yes, no)
                return no
            case Not(part):
                return self.tree(part, no, yes)
            case _:
                return self._term(tree, yes, no)

    def _term(self, term: Term, yes: int, no: int) -> int:
        match term:
            case Member(name, ranges):
                return self._member(BY_NAME[name], ranges, yes, no)
            case Present(name):
                return self._there(BY_NAME[name].where, yes, no)
        if expansion := simpler(term):
            return self.tree(expansion, yes, no)
        if isinstance(term, Relation):
            return self._relation(term, yes, no)
        raise TypeError(f"{term}: no frame tells")

    # --- what has to be there -----------------------------------------------------------------

    def _there(self, where: Where, yes: int, no: int) -> int:
        if where is Where.VIRTIO:
            return self._cooked(self._virtio(yes, no), no)
        if where is Where.MONITOR:
            return self._cooked(self._captured(vsockmon.SIZE, yes, no), no)
        return yes

    def _captured(self, size: int, yes: int, no: int) -> int:
        """So many bytes were captured, from the monitor's header on."""
        return self.graph.add(CAPTURED, ">=", self.base + size, yes, no)

    def _cooked(self, yes: int, no: int) -> int:
        """What stands before the monitor's header says that there is one."""
        if self._foreign:
            return no
        if self._hatype is None:
            return yes
        yes = self.graph.add(self._hatype, "==", ARPHRD_VSOCKMON, yes, no)
        return self._captured(0, yes, no)

    def _virtio(self, yes: int, no: int) -> int:
        """The header behind the monitor's is virtio's, and as long as that says."""
        offset, size = vsockmon.PLACES["len"]
        length = Recipe("little", self.base + offset, size)
        yes = self.graph.add(length, ">=", virtio.SIZE, yes, no)
        return self._captured(_BEHIND_VIRTIO, self._transport(yes, no), no)

    def _transport(self, yes: int, no: int) -> int:
        kind = int(vsockmon.Transport.VIRTIO)
        return self._values(BY_NAME["transport"], ((kind, kind),), yes, no)

    # --- fields -------------------------------------------------------------------------------

    def _member(self, field: Field, ranges: Sequence[Range], yes: int, no: int) -> int:
        found = no
        for name in reversed(field.either or (field.name,)):
            found = self._values(BY_NAME[name], ranges, yes, found)
        return self._there(field.where, found, no)

    def _values(self, field: Field, ranges: Sequence[Range], yes: int, no: int) -> int:
        """One field's value, which is there, is in one of the ranges."""
        ranges = disjoint(ranges)
        if field.where is Where.FRAME:
            return self._ordered(CAPTURED if field.name == "cap_len" else WIRE, ranges, yes, no)
        at = self.base + field.offset
        if field.size == 8:
            return self._wide(at, ranges, yes, no)
        return self._narrow(at, field.size, ranges, yes, no)

    def _narrow(self, at: int, size: int, ranges: Sequence[Range], yes: int, no: int) -> int:
        others = _complement(ranges, (1 << 8 * size) - 1)
        for wanted, there, not_there in ((ranges, yes, no), (others, no, yes)):
            if _count(wanted) <= max(len(wanted), _FEW):
                spelt = chain(*(range(first, last + 1) for first, last in wanted))
                values = sorted(_swapped(value, size) for value in spelt)
                return self._equal(Recipe("bytes", at, size), values, there, not_there)
        return self._ordered(Recipe("field", at, size), ranges, yes, no)

    def _wide(self, at: int, ranges: Sequence[Range], yes: int, no: int) -> int:
        """A CID: by its higher half, and for each of these by the lower."""
        halves: dict[int, list[Range]] = {}
        whole: list[Range] = []  # higher halves of which any lower will do
        for first, last in ranges:
            high, end = first >> 32, last >> 32
            if high == end:
                halves.setdefault(high, []).append((first & MOST, last & MOST))
                continue
            halves.setdefault(high, []).append((first & MOST, MOST))
            halves.setdefault(end, []).append((0, last & MOST))
            if end > high + 1:
                whole.append((high + 1, end - 1))
        found = self._narrow(at + 4, 4, whole, yes, no) if whole else no
        for high, lower in halves.items():
            there = self._narrow(at, 4, lower, yes, no)
            recipe = Recipe("bytes", at + 4, 4)
            found = self.graph.add(recipe, "==", _swapped(high, 4), there, found)
        return found

    def _equal(self, recipe: Recipe, values: Sequence[int], yes: int, no: int) -> int:
        if len(values) <= _CHAIN:
            for value in reversed(values):
                no = self.graph.add(recipe, "==", value, yes, no)
            return no
        half = len(values) // 2
        upper, lower = (self._equal(recipe, v, yes, no) for v in (values[half:], values[:half]))
        return self.graph.add(recipe, ">=", values[half], upper, lower)

    def _ordered(self, recipe: Recipe, ranges: Sequence[Range], yes: int, no: int) -> int:
        if not ranges:
            return no
        if len(ranges) > 1:
            half = len(ranges) // 2
            parts = (ranges[half:], ranges[:half])
            upper, lower = (self._ordered(recipe, part, yes, no) for part in parts)
            return self.graph.add(recipe, ">=", ranges[half][0], upper, lower)
        ((first, last),) = ranges
        most = (1 << 8 * (recipe.size or 4)) - 1
        if last < most:
            yes = self.graph.add(recipe, ">", last, no, yes)
        return self.graph.add(recipe, ">=", first, yes, no) if first else yes

    # --- relations ----------------------------------------------------------------------------

    def _relation(self, relation: Relation, yes: int, no: int) -> int:
        sign, left, right = relation
        if isinstance(left, Name) and isinstance(right, Number):
            ranges = _ranges(sign, right.value, (1 << 8 * BY_NAME[left.name].size) - 1)
            return self._member(BY_NAME[left.name], ranges, yes, no)
        if isinstance(right, Text) and isinstance(left, Load):
            found = self._text(left, right.value, *((yes, no) if sign == "==" else (no, yes)))
        elif isinstance(right, Number):
            found = self._constant(sign, left, right.value, yes, no)
        else:
            found = self._compared(sign, left, right, yes, no)
        for part in (right, left):
            found = self._needed(part, found, no)
        return found

    def _constant(self, sign: str, left: Value, k: int, yes: int, no: int) -> int:
        if k > MOST:
            return yes if sign in ("!=", "<", "<=") else no
        if sign in _NEGATED:
            sign, yes, no = _NEGATED[sign], no, yes
        match left:
            case Sum("&", Name(name), Number(bits)) if sign == "==" and not k and _is_header(name):
                field = BY_NAME[name]
                bits = _swapped(bits & ((1 << 8 * field.size) - 1), field.size)
                recipe = Recipe("bytes", self.base + field.offset, field.size)
                return self.graph.add(recipe, "&", bits, no, yes)
            case Sum("&", value, Number(bits)) if sign == "==" and not k:
                # One instruction, which leaves in A what it looks at.
                return self.graph.add(self._recipe(value), "&", bits, no, yes)
        return self.graph.add(self._recipe(left), sign, k, yes, no)

    def _compared(self, sign: str, left: Value, right: Value, yes: int, no: int) -> int:
        if sign in _NEGATED:
            sign, yes, no = _NEGATED[sign], no, yes
        return self.graph.add(Recipe("two", parts=(left, right)), f"x{sign}", 0, yes, no)

    def _text(self, load: Load, text: bytes, yes: int, no: int) -> int:
        at = len(text)
        for size in _pieces(len(text)):
            at -= size
            recipe = self._recipe(Load(load.base, load.offset + at, size))
            yes = self.graph.add(recipe, "==", int.from_bytes(text[at : at + size]), yes, no)
        return yes

    def _recipe(self, value: Value) -> Recipe:
        match value:
            case Load("link", offset, size):
                return Recipe("bytes", self.base + offset, size)
            case Load(_, offset, size):
                return Recipe("payload", self.base + offset, size)
            case Name("cap_len"):
                return CAPTURED
            case Name("wire_len"):
                return WIRE
            case Name(name):
                return Recipe("field", self.base + BY_NAME[name].offset, BY_NAME[name].size)
        return Recipe("sum", parts=(value,))

    def _needed(self, value: Value, yes: int, no: int) -> int:
        """All that a value is made of is there."""
        match value:
            case Sum(_, left, right):
                return self._needed(left, self._needed(right, yes, no), no)
            case Name(name):
                return self._there(BY_NAME[name].where, yes, no)
            case Load("link", offset, size):
                return self._cooked(self._captured(offset + size, yes, no), no)
            case Load(_, offset, size):
                return self._payload(offset + size, yes, no)
        return yes

    def _payload(self, size: int, yes: int, no: int) -> int:
        """So many bytes of payload: behind the header's length, and of a virtio packet its own."""
        behind = vsockmon.SIZE + size
        yes = self.graph.add(Recipe("room", self.base + behind), "x>=", 0, yes, no)
        yes = self._captured(behind, yes, no)
        mine = self._virtio(self._values(BY_NAME["len"], ((size, MOST),), yes, no), no)
        return self._there(Where.MONITOR, self._transport(mine, yes), no)


def _merged(parts: Sequence[Tree]) -> list[Tree]:
    """Return the parts of an `or` with those of one field in one: it is loaded once."""
    fields: dict[str, list[Range]] = {}
    for part in parts:
        if isinstance(part, Member):
            fields.setdefault(part.field, []).extend(part.ranges)
    others = [part for part in parts if not isinstance(part, Member)]
    return [*(Member(name, tuple(ranges)) for name, ranges in fields.items()), *others]


def _complement(ranges: Sequence[Range], most: int) -> list[Range]:
    starts = [0, *(last + 1 for _, last in ranges)]
    ends = [*(first - 1 for first, _ in ranges), most]
    return [pair for pair in zip(starts, ends, strict=True) if pair[0] <= pair[1]]


def _count(ranges: Sequence[Range]) -> int:
    return sum(last - first + 1 for first, last in ranges)


def _ranges(sign: str, k: int, most: int) -> list[Range]:
    """Return the values for which a relation with a constant holds."""
    found = {
        "==": [(k, k)], "!=": [(0, k - 1), (k + 1, most)], "<": [(0, k - 1)], "<=": [(0, k)],
        ">": [(k + 1, most)], ">=": [(k, most)],
    }[sign]  # fmt: skip
    return [(first, last) for first, last in found if first <= last]


def _is_header(name: str) -> bool:
    return BY_NAME[name].where in (Where.MONITOR, Where.VIRTIO)


def _swapped(value: int, size: int) -> int:
    return int.from_bytes(value.to_bytes(size, "little"))


def _pieces(size: int) -> list[int]:
    """Return what loads the last bytes first: 4 at a time, of the first what is left."""
    rest = size % 4
    return [4] * (size // 4) + {0: [], 1: [1], 2: [2], 3: [1, 2]}[rest]
