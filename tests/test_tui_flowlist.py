"""Which connections are listed, in which order, and what is said of that."""

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.conversation import Talk
from tests.looking import opened
from tests.talks import hello, later, saved, stalled
from vsockdump.browsing.opened import Opened
from vsockdump.tui import flowlist
from vsockdump.tui.flowlist import SORTS, Among, Order, listed


@pytest.fixture
def four(tmp_path: Path) -> Iterator[Opened]:
    """A stall with most bytes, nothing but an opening, and two hellos, the first of them longer."""
    talk = stalled()
    Talk((3, 99), (2, 1234), on=talk).request()
    hello(on=talk, port=98)
    later(Talk((3, 97), (2, 1234), on=talk).open(), 0.5).rw("src", 13).close()
    with opened(saved(talk, tmp_path / "four")) as found:
        yield found


def by(word: str, *, reverse: bool = False) -> Order:
    return Order([sort.word for sort in SORTS].index(word), reverse)


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("number", [1, 2, 3, 4]),
        ("last activity", [4, 3, 2, 1]),
        ("bytes", [1, 3, 4, 2]),
        ("packets", [1, 3, 4, 2]),
        ("duration", [1, 4, 3, 2]),
        ("time stalled", [1, 2, 3, 4]),
        ("problems", [1, 4, 2, 3]),
    ],
)
def test_orders(four: Opened, word: str, wanted: Sequence[int]) -> None:
    found = listed(four, by(word))
    assert list(found.numbers) == wanted
    assert list(listed(four, by(word, reverse=True)).numbers) == wanted[::-1]
    assert list(listed(four, by(word), array("Q", [1, 2, 3, 4])).numbers) == wanted


def test_a_filter_leaves_the_others_out(four: Opened) -> None:
    found = listed(four, by("duration"), array("Q", [2, 4]))
    assert (list(found.numbers), found.total) == ([4, 2], 2)
    assert str(found) == "2 connections with packets that match, by duration ↓"


def test_what_is_left_out_is_said(four: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flowlist, "FIRST", 3)
    found = listed(four, by("bytes"))
    assert list(found.numbers) == [1, 3, 4]
    assert str(found) == "the first 3 of 4 connections, by bytes ↓"
    assert len(listed(four, by("bytes"), array("Q", [1, 2, 3, 4])).numbers) == 3
    assert len(listed(four, by("number")).numbers) == 4


def test_the_order_is_said() -> None:
    assert str(Order()) == "by number ↑"
    assert str(Order().turned()) == "by number ↓"
    assert str(by("bytes").turned()) == "by bytes ↑"


def test_after_the_last_way_to_sort_comes_the_first() -> None:
    order = Order()
    for _ in SORTS:
        order = order.next()
    assert order == Order()


def test_connections_of_packets_that_match(four: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flowlist, "_PACKETS", 5)
    among = Among(four)
    matching = four.index.of(1)
    assert among.of(None) is None
    assert among.of(matching) == array("Q", [1])
    matching.extend(four.index.of(3))
    assert among.of(matching) == array("Q", [1, 3])
    assert among.of(four.index.of(2)) == array("Q", [2])
    assert among.of(array("Q", range(1, four.count + 1))) == array("Q", [1, 2, 3, 4])
