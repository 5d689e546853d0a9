"""A graph of tests to the instructions of classic BPF (linux/filter.h).

Laid out from the end to the front, so that wherever an instruction jumps to is known already. What
a test needs in A or X may be there from the test before: then it is entered behind the load.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from vsockdump.dissectors import vsockmon

from .fields import BY_NAME
from .graph import ACCEPT, REJECT, Graph, Recipe, Test
from .tree import Load, Name, Number, Sum, Value

MOST_INSTRUCTIONS = 4096
"""BPF_MAXINSNS (linux/bpf_common.h)."""

LD_IMM, LD_MEM, LD_LEN, LDX_LEN, ST = 0x00, 0x60, 0x80, 0x81, 0x02
LD_ABS, LD_IND = {4: 0x20, 2: 0x28, 1: 0x30}, {4: 0x40, 2: 0x48, 1: 0x50}
ADD, SUB, OR, LSH, X = 0x04, 0x14, 0x44, 0x64, 0x08
TAX, TXA, JA, RET_K, RET_A = 0x07, 0x87, 0x05, 0x06, 0x16
JUMPS = {"==": 0x15, ">": 0x25, ">=": 0x35, "&": 0x45}
RECKON = {
    "+": ADD, "-": SUB, "*": 0x24, "/": 0x34, "|": OR, "&": 0x54, "<<": LSH, ">>": 0x74,
    "%": 0x94, "^": 0xA4,
}  # fmt: skip

_FAR = 0xFF  # what jt and jf can hold
_SCRATCH = 16  # BPF_MEMWORDS


class TooLong(ValueError):  # noqa: N818 - an adjective says it better
    """More than a program can hold; says of what."""


class Instruction(NamedTuple):
    """struct sock_filter."""

    code: int
    jt: int = 0
    jf: int = 0
    k: int = 0


Code = list[Instruction]


class Steps(NamedTuple):
    """How a recipe's value gets into A: what leaves the payload's place in X, and the rest.

    `x` is what is in X afterwards: "kept" as it was, "base", or "" for anything.
    """

    base: Code
    load: Code
    x: str


def _do(code: int, k: int = 0) -> Instruction:
    return Instruction(code, 0, 0, k)


def _little(at: int, size: int) -> Code:
    """Put a little-endian number together, the last byte first."""
    found = [_do(LD_ABS[1], at + size - 1)]
    for index in reversed(range(size - 1)):
        found += [_do(LSH, 8), _do(TAX), _do(LD_ABS[1], at + index), _do(OR | X)]
    return found


def _base(base: int) -> Code:
    """Put the length of the transport's header into A and X."""
    offset, size = vsockmon.PLACES["len"]
    return [*_little(base + offset, size), _do(TAX)]


class Assembly:
    """Lays out one program; `base` is where the monitor's header begins."""

    def __init__(self, base: int, snaplen: int, payload: int | None) -> None:
        """Keep `snaplen` bytes of a frame, or its headers and `payload` bytes of what follows."""
        self._base = base
        self._out: Code = []  # from the last instruction to the first
        self._hops: dict[int, int] = {}  # the last jump to each place that is too far
        self._ends = {ACCEPT: self._accept(snaplen, payload), REJECT: [_do(RET_K, 0)]}
        self._loads: dict[str, Callable[[Recipe], Steps]] = {
            "captured": lambda recipe: Steps([], [_do(LD_LEN)], "kept"),
            "wire": lambda recipe: Steps([], [_do(LDX_LEN), _do(TXA)], ""),
            "bytes": self._bytes,
            "little": self._bytes,
            "field": self._field,
            "payload": self._payload,
            "room": self._room,
            "sum": lambda recipe: Steps([], self._value(recipe.parts[0], 0), ""),
            "two": self._two,
        }

    def program(self, graph: Graph, start: int) -> Code:
        """Return the instructions; raises TooLong."""
        entries = self._entries(graph, start)
        parts: dict[int, set[int]] = {start: {1, 2}}  # of every node, those that are entered
        for node, part in entries.values():
            parts.setdefault(node, set()).add(part)
        at: dict[tuple[int, int], int] = {}
        for end in (REJECT, ACCEPT):
            if end in parts:
                self._emit(self._ends[end])
                at[end, 0] = len(self._out)
        for node in range(ACCEPT + 1, start + 1):
            test = graph.tests[node]
            if test and (node, True) in entries:  # others led to a test that did not matter
                ways = [at[entries[node, outcome]] for outcome in (True, False)]
                at |= {(node, part): end for part, end in self._test(test, parts[node], *ways)}
        if len(self._out) > MOST_INSTRUCTIONS:
            raise TooLong(f"{len(self._out)} instructions; the kernel takes {MOST_INSTRUCTIONS}")
        return self._out[::-1]

    # --- which part of a node each way to it enters -------------------------------------------

    def _entries(self, graph: Graph, start: int) -> dict[tuple[int, bool], tuple[int, int]]:
        """Return for both ways out of every node which node is entered, and how far from its test.

        0: its test, 1: its load, 2: its base. Every way out has the value in A; what all ways in
        have left in X is there as well.
        """
        found: dict[tuple[int, bool], tuple[int, int]] = {}
        ways: dict[int, list[tuple[Recipe | None, str]]] = {start: [(None, "")]}
        came: dict[int, list[tuple[int, bool]]] = {}
        for node in range(start, ACCEPT, -1):
            test = graph.tests[node]
            if test is None or node not in ways:
                continue
            steps = self._steps(test.recipe)
            constant = not test.sign.startswith("x")
            left: set[str] = set()
            for (a, x), way in zip(ways[node], came.get(node, [None]), strict=True):
                part = 0 if constant and a == test.recipe else 1
                if part and steps.base and x != "base":
                    part = 2
                if way is not None:
                    found[way] = (node, part)
                left.add(x if part == 0 or steps.x == "kept" else steps.x)
            x = left.pop() if len(left) == 1 else ""
            for outcome, target in ((True, test.yes), (False, test.no)):
                found[node, outcome] = (target, 0)
                ways.setdefault(target, []).append((test.recipe, x))
                came.setdefault(target, []).append((node, outcome))
        return found

    # --- laying out, backwards ----------------------------------------------------------------

    def _test(self, test: Test, parts: set[int], yes: int, no: int) -> Iterator[tuple[int, int]]:
        """Emit a test with those parts of it that are entered; yield where each begins."""
        k = test.k
        if test.recipe.kind == "little":  # of 2 bytes, and >= less than 256: the higher one will do
            self._jump("&", 0xFF, yes, no)
            k, no = k << 8, len(self._out)
        self._jump(test.sign, k, yes, no)
        yield 0, len(self._out)
        steps = self._steps(test.recipe)
        if parts - {0}:
            self._emit(steps.load)
            yield 1, len(self._out)
        if 2 in parts:
            self._emit(steps.base)
            yield 2, len(self._out)

    def _jump(self, sign: str, k: int, yes: int, no: int) -> None:
        """Emit a test; `yes` and `no` count instructions from the end of the program."""
        no = self._near(no, 1)  # one more may come between
        yes = self._near(yes, 0)
        here = len(self._out)
        code = JUMPS[sign.removeprefix("x")] | (X if sign.startswith("x") else 0)
        self._out.append(Instruction(code, here - yes, here - no, k))

    def _near(self, target: int, more: int) -> int:
        """Return what leads there and can be jumped to, `more` instructions later."""
        for near in (target, self._hops.get(target, 0)):
            if len(self._out) + more - near <= _FAR:
                return near
        self._out.append(_do(JA, len(self._out) - target))
        self._hops[target] = len(self._out)
        return self._hops[target]

    def _emit(self, code: Code) -> None:
        self._out += reversed(code)

    # --- ends and loads -----------------------------------------------------------------------

    def _accept(self, snaplen: int, payload: int | None) -> Code:
        whole = [_do(RET_K, snaplen)]
        if payload is None:
            return whole
        size = self._base + vsockmon.SIZE
        cut = [*_base(self._base), _do(ADD, size + payload), _do(RET_A)]
        return [_do(LD_LEN), Instruction(JUMPS[">="], 0, len(cut), size), *cut, *whole]

    def _steps(self, recipe: Recipe) -> Steps:
        return self._loads[recipe.kind](recipe)

    def _bytes(self, recipe: Recipe) -> Steps:
        return Steps([], [_do(LD_ABS[recipe.size], recipe.offset)], "kept")

    def _field(self, recipe: Recipe) -> Steps:
        return Steps([], _little(recipe.offset, recipe.size), "" if recipe.size > 1 else "kept")

    def _payload(self, recipe: Recipe) -> Steps:
        at = vsockmon.SIZE + recipe.offset
        return Steps(_base(self._base), [_do(LD_IND[recipe.size], at)], "base")

    def _room(self, recipe: Recipe) -> Steps:
        load = [_do(LD_LEN), _do(SUB, recipe.offset)]
        return Steps(_base(self._base), load, "base")

    def _two(self, recipe: Recipe) -> Steps:
        """Put one value into A and the other into X."""
        left, right = recipe.parts
        code = [*self._value(left, 0), _do(ST, 0), *self._value(right, 1)]
        return Steps([], [*code, _do(TAX), _do(LD_MEM, 0)], "")

    def _value(self, value: object, depth: int) -> Code:
        """Reckon a value out in A, with the scratch words from `depth` on."""
        match value:
            case Number(k):
                return [_do(LD_IMM, k)]
            case Name(name):
                return self._named(name)
            case Load("link", offset, size):
                return [_do(LD_ABS[size], self._base + offset)]
            case Load(_, offset, size):
                return [*_base(self._base), _do(LD_IND[size], self._base + vsockmon.SIZE + offset)]
            case Sum(op, left, Number(k)):
                return [*self._value(left, depth), _do(RECKON[op], k)]
            case Sum(op, left, right):
                return self._sum(op, left, right, depth)
        raise TypeError(value)

    def _named(self, name: str) -> Code:
        if name == "cap_len":
            return [_do(LD_LEN)]
        if name == "wire_len":
            return [_do(LDX_LEN), _do(TXA)]
        return _little(self._base + BY_NAME[name].offset, BY_NAME[name].size)

    def _sum(self, op: str, left: Value, right: Value, depth: int) -> Code:
        if depth >= _SCRATCH:
            raise TooLong(f"more than {_SCRATCH} values to be remembered")
        code = [*self._value(left, depth), _do(ST, depth), *self._value(right, depth + 1)]
        return [*code, _do(TAX), _do(LD_MEM, depth), _do(RECKON[op] | X)]
