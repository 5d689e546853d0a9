"""What a program decides, as a graph of tests, before it is laid out in instructions.

A test puts a value into the accumulator, compares it with a constant, and goes on to one of two
other tests, or to the end. Equal tests are one. Threading leaves out those whose outcome is known
from what was tested on every way to them.
"""

from typing import NamedTuple

REJECT, ACCEPT = 0, 1
"""The two ends of a graph, which come before all tests."""

MOST = 0xFFFF_FFFF


class Recipe(NamedTuple):
    """How a value gets into the accumulator; `kind` is one of assembly.LOADS."""

    kind: str
    offset: int = 0
    size: int = 0
    parts: tuple[object, ...] = ()


class Test(NamedTuple):
    """One test; `sign` is one of "==", ">", ">=", "&" (any bit), or the first three after an "x":
    X, which the recipe loads as well, is what they compare with."""

    recipe: Recipe
    sign: str
    k: int
    yes: int
    no: int


class Known(NamedTuple):
    """What is known of a recipe's value: its bounds, and some values that it is not."""

    least: int = 0
    most: int = MOST
    never: frozenset[int] = frozenset()

    def decides(self, sign: str, k: int) -> bool | None:
        """Return the outcome of a test, None if it is not known."""
        if sign == "==":
            if k < self.least or k > self.most or k in self.never:
                return False
            return True if self.least == self.most else None
        if sign == ">":
            return self.decides(">=", k + 1)
        if sign == ">=":
            return True if self.least >= k else False if self.most < k else None
        if sign == "&" and self.least == self.most:
            return bool(self.least & k)
        return None

    def after(self, sign: str, k: int, outcome: bool) -> "Known":
        """Return what is known after a test with that outcome, which was open."""
        if sign == "==":
            return Known(k, k) if outcome else self._replace(never=self.never | {k})
        if sign == ">":
            return self.after(">=", k + 1, outcome)
        if sign == ">=":
            return self._replace(least=k) if outcome else self._replace(most=k - 1)
        return self

    def either(self, other: "Known") -> "Known":
        """Return what is known when one of both is true."""
        least, most = min(self.least, other.least), max(self.most, other.most)
        return Known(least, most, self.never & other.never)


NOTHING = Known()
Facts = dict[Recipe, Known]


class Graph:
    """Tests, each after those it leads to: `nodes[2]` is the first that was added."""

    def __init__(self) -> None:
        """Begin with the two ends alone."""
        self.tests: list[Test | None] = [None, None]
        self._seen: dict[Test, int] = {}

    def add(self, recipe: Recipe, sign: str, k: int, yes: int, no: int) -> int:
        """Return the node of a test that leads to these nodes."""
        if yes == no:
            return yes
        test = Test(recipe, sign, k, yes, no)
        if test not in self._seen:
            self._seen[test] = len(self.tests)
            self.tests.append(test)
        return self._seen[test]


def threaded(graph: Graph, start: int) -> tuple[Graph, int]:
    """Return the graph without tests whose outcome is known, and where it begins."""
    facts: dict[int, Facts] = {start: {}}
    ways: dict[int, tuple[int, int]] = {}
    for node in range(start, ACCEPT, -1):
        test = graph.tests[node]
        if node in facts and test:
            ways[node] = _follow(graph, test, facts, facts.pop(node))
    return _rebuilt(graph, start, ways)


def _follow(graph: Graph, test: Test, facts: dict[int, Facts], known: Facts) -> tuple[int, int]:
    """Return where both ways lead once known tests are skipped, and note what is known there."""
    ends = []
    for outcome, node in ((True, test.yes), (False, test.no)):
        there = known
        if not test.sign.startswith("x"):
            before = known.get(test.recipe, NOTHING)
            there = known | {test.recipe: before.after(test.sign, test.k, outcome)}
        end = _skipped(graph, node, there)
        facts[end] = _common(facts[end], there) if end in facts else there
        ends.append(end)
    return ends[0], ends[1]


def _skipped(graph: Graph, node: int, known: Facts) -> int:
    while test := graph.tests[node]:
        outcome = known.get(test.recipe, NOTHING).decides(test.sign, test.k)
        if outcome is None:
            break
        node = test.yes if outcome else test.no
    return node


def _common(one: Facts, other: Facts) -> Facts:
    return {recipe: one[recipe].either(other[recipe]) for recipe in one.keys() & other.keys()}


def _rebuilt(graph: Graph, start: int, ways: dict[int, tuple[int, int]]) -> tuple[Graph, int]:
    """Return a graph of the tests that can still be reached."""
    made, at = Graph(), {REJECT: REJECT, ACCEPT: ACCEPT}
    for node in sorted(ways):
        test, (yes, no) = graph.tests[node], ways[node]
        if test:
            at[node] = made.add(test.recipe, test.sign, test.k, at[yes], at[no])
    return made, at[start]
