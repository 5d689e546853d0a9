"""A byte a packet."""

from hypothesis import given
from hypothesis import strategies as st

from tests.conversation import batches
from tests.talks import hello
from vsockdump.filters import masks

pairs = st.lists(st.tuples(st.booleans(), st.booleans()))


@given(pairs)
def test_what_is_done_with_two(pairs: list[tuple[bool, bool]]) -> None:
    one, other = (bytes(column) for column in zip(*pairs, strict=True)) if pairs else (b"", b"")
    assert masks.both(one, other) == bytes(a and b for a, b in pairs)
    assert masks.either(one, other) == bytes(a or b for a, b in pairs)
    assert masks.but(one, other) == bytes(a and not b for a, b in pairs)


def test_tests_see_only_rows_that_are_wanted() -> None:
    seen: list[int] = []

    def test(row: int) -> bool:
        seen.append(row)
        return row != 4

    for batch in batches(hello().packets):
        assert masks.every(batch) == b"\1" * 7
        assert masks.where(batch, b"\0\1\0\0\1\0\1", test) == b"\0\1\0\0\0\0\1"
    assert seen == [1, 4, 6]
