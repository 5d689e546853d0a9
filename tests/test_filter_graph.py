"""Graphs of tests: what is known after a test, and that leaving out known ones changes nothing."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from vsockdump.filters.graph import ACCEPT, NOTHING, REJECT, Graph, Recipe, threaded

BIG = 0xFFFF_FFFF
VALUES = [0, 1, 2, 3, 4, 5, 6, 7, BIG - 1, BIG]
SIGNS = ["==", ">", ">=", "&"]
RECIPES = [Recipe("bytes", at, 1) for at in range(3)]

NUMBERS = st.sampled_from(VALUES)


def holds(value: int, sign: str, k: int) -> bool:
    return {"==": value == k, ">": value > k, ">=": value >= k, "&": bool(value & k)}[sign]


@settings(max_examples=500)
@given(
    st.lists(st.tuples(st.sampled_from(SIGNS), NUMBERS), max_size=6),
    st.lists(st.tuples(st.sampled_from(SIGNS), NUMBERS), max_size=6),
    NUMBERS,
    NUMBERS,
)
def test_what_is_known_is_true(
    one: list[tuple[str, int]], other: list[tuple[str, int]], first: int, second: int
) -> None:
    """On two ways to the same place, of a value each; only open tests are made."""
    ways = []
    for tests, value in ((one, first), (other, second)):
        known = NOTHING
        for sign, k in tests:
            if known.decides(sign, k) is None:
                known = known.after(sign, k, holds(value, sign, k))
        ways.append((known, value))
    both = ways[0][0].either(ways[1][0])
    for known, value in (*ways, (both, first), (both, second)):
        for sign in SIGNS:
            for k in VALUES:
                assert known.decides(sign, k) in (None, holds(value, sign, k))


def test_what_is_known_is_used() -> None:
    assert NOTHING.after(">=", 5, True).decides(">", 4) is True
    assert NOTHING.after(">=", 5, False).decides(">", 4) is False
    assert NOTHING.after(">", 5, True).decides("==", 5) is False
    assert NOTHING.after("==", 5, False).decides("==", 5) is False
    assert NOTHING.after("==", 5, True).decides("&", 4) is True
    assert (
        NOTHING.after("==", 5, True).either(NOTHING.after("==", 7, True)).decides(">", 7) is False
    )
    assert NOTHING.after("==", 5, False).either(NOTHING).decides("==", 5) is None


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, int]:
    graph, nodes = Graph(), [REJECT, ACCEPT]
    for _ in range(draw(st.integers(1, 25))):
        targets = (draw(st.sampled_from(nodes[-6:] + nodes[:2])) for _ in range(2))
        test = (draw(st.sampled_from(RECIPES)), draw(st.sampled_from(SIGNS)), draw(NUMBERS))
        nodes.append(graph.add(*test, *targets))
    return graph, max(nodes)


def walked(graph: Graph, node: int, values: Mapping[Recipe, int]) -> tuple[int, list[int]]:
    """Return the end that is reached, and the tests on the way."""
    way = []
    while test := graph.tests[node]:
        way.append(node)
        node = test.yes if holds(values[test.recipe], test.sign, test.k) else test.no
    return node, way


@settings(max_examples=500)
@given(graphs(), st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=5, max_size=20))
def test_threading_leads_to_the_same_end(
    made: tuple[Graph, int], tries: list[tuple[int, int, int]]
) -> None:
    graph, start = made
    short, begin = threaded(graph, start)
    for numbers in tries:
        values = dict(zip(RECIPES, numbers, strict=True))
        (end, way), (other, shorter) = walked(graph, start, values), walked(short, begin, values)
        assert end == other
        assert len(shorter) <= len(way)


def test_equal_tests_are_one() -> None:
    graph = Graph()
    one = graph.add(RECIPES[0], "==", 3, ACCEPT, REJECT)
    assert graph.add(RECIPES[0], "==", 3, ACCEPT, REJECT) == one
    assert graph.add(RECIPES[0], "==", 3, one, one) == one
    assert graph.add(RECIPES[0], "==", 3, REJECT, ACCEPT) != one
