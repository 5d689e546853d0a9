"""Small drawings: what is drawn for nothing, for anything, and for all of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.tui.bars import gauge, sparkline, summed


def test_columns_are_as_high_as_amounts() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7, 8]) == " ▁▂▃▄▅▆▇█"


def test_columns_are_as_high_as_they_are_to_a_peak() -> None:
    assert sparkline([8, 4], peak=16) == "▄▂"


def test_nothing_draws_nothing() -> None:
    assert sparkline([]) == ""
    assert sparkline([0, 0]) == "  "


@given(st.lists(st.integers(0, 1 << 63), max_size=20), st.integers(0, 1 << 63))
def test_whatever_was_there_is_seen(amounts: list[int], peak: int) -> None:
    drawn = sparkline(amounts, peak)
    assert [column != " " for column in drawn] == [amount > 0 for amount in amounts]


@given(st.lists(st.integers(0, 99), max_size=50), st.integers(0, 60))
def test_sums_lose_nothing(amounts: list[int], width: int) -> None:
    sums = summed(amounts, width)
    assert len(sums) == min(width, len(amounts))
    assert sum(sums) == (sum(amounts) if width else 0)


def test_sums_are_of_equal_stretches() -> None:
    assert summed([1, 2, 3, 4, 5, 6], 3) == [3, 7, 11]
    assert summed([1, 2, 3, 4, 5], 2) == [3, 12]


@pytest.mark.parametrize(
    ("part", "drawn"),
    [
        (0, "····"),
        (1, "▏···"),
        (25, "█···"),
        (50, "██··"),
        (99, "███▉"),
        (100, "████"),
        (101, "████"),
    ],
)
def test_a_bar_is_filled_as_far_as_it_goes(part: int, drawn: str) -> None:
    assert gauge(part, 100, 4) == drawn


@given(st.integers(0, 1 << 33), st.integers(0, 1 << 32), st.integers(1, 20))
def test_a_bar_is_full_where_all_is_there_and_empty_where_nothing_is(
    part: int, whole: int, width: int
) -> None:
    drawn = gauge(part, whole, width)
    assert len(drawn) == width
    assert (drawn == "·" * width) == (part == 0)
    assert (drawn == "█" * width) == (part >= max(whole, 1))
