"""The order of rows: as they come, by number, or by a column, the best of them only."""

import random
from collections.abc import Iterable

import pytest

from vsockdump import arranging
from vsockdump.arranging import Arranged, ByNumber, Sorted, Unordered, by
from vsockdump.errors import UsageError
from vsockdump.values import Field

Row = tuple[int, int | None, str]

FIELDS: tuple[Field[Row], ...] = (
    Field("flow", "int", "", lambda row: row[0]),
    Field("bytes_fwd", "int", "", lambda row: row[1]),
    Field("stalled_s", "seconds", "", lambda row: row[1]),
    Field("verdict", "str", "", lambda row: row[2]),
)
ROWS: list[Row] = [(1, 50, "SF"), (2, None, "S0"), (3, 900, "SF"), (4, 50, "GAP")]


def arranged(order: Arranged[Row], rows: Iterable[Row] = ROWS, late: int = 2) -> list[int]:
    """Give the numbers in their order; the last ones come by their number, at the end."""
    rows = list(rows)
    first, rest = rows[:-late], sorted(rows[-late:])
    return [row[0] for row in [*order.take(first), *order.rest(rest)]]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("flow", [1, 2, 3, 4]),
        ("-flow", [4, 3, 2, 1]),
        ("+flow", [1, 2, 3, 4]),
        ("bytes_fwd", [3, 1, 4, 2]),
        ("-bytes_fwd", [3, 1, 4, 2]),
        ("+bytes_fwd", [1, 4, 3, 2]),
        ("stalled", [3, 1, 4, 2]),
        ("verdict", [4, 2, 1, 3]),
        ("-verdict", [1, 3, 2, 4]),
    ],
)
def test_sorting(asked: str, numbers: list[int]) -> None:
    assert arranged(by(FIELDS, asked)) == numbers
    assert arranged(by(FIELDS, asked, 3)) == numbers[:3]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("byte_fwd", "--sort byte_fwd: no column is called so; do you mean bytes_fwd?"),
        (
            "zzz",
            "--sort zzz: no column is called so; there are flow, bytes_fwd, stalled_s, verdict",
        ),
        ("-", "--sort : no column is called so; there are flow"),
    ],
)
def test_a_column_that_is_none(asked: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        by(FIELDS, asked)
    assert str(caught.value).startswith(sentence)


def test_the_best_of_many_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arranging, "HELD", 10)
    numbers = random.Random(1).sample(range(1000), 1000)
    order: Sorted[Row] = by(FIELDS, "-flow", 5)
    for number in numbers:
        assert list(order.take([(number, 0, "")])) == []
        assert len(order._held) <= 2 * 5 + 10
    assert [row[0] for row in order.rest([])] == [999, 998, 997, 996, 995]


def test_unordered_gives_each_at_once() -> None:
    order: Unordered[Row] = Unordered()
    assert list(order.take(ROWS[2:])) == ROWS[2:]
    assert list(order.rest(ROWS[:2])) == ROWS[:2]


def numbered(held: int, monkeypatch: pytest.MonkeyPatch) -> ByNumber[Row]:
    monkeypatch.setattr(arranging, "HELD", held)
    return ByNumber(lambda row: row[0])


def test_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = [(number, 0, "") for number in (3, 1, 5, 2, 4, 6)]
    assert arranged(numbered(10, monkeypatch), rows) == [1, 2, 3, 4, 5, 6]


def test_what_cannot_be_held_back_comes_as_soon_as_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    order = numbered(2, monkeypatch)
    rows: list[Row] = [(number, 0, "") for number in (3, 2, 1, 9)]
    assert [row[0] for row in order.take(rows)] == [1, 2]
    assert [row[0] for row in order.rest([(4, 0, ""), (5, 0, "")])] == [3, 4, 5, 9]
