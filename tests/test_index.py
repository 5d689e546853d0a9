"""What is kept of packets: found again by number, connection, time and what was wrong."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.captures import START
from tests.conversation import Packet, Talk, batches
from tests.talks import full, hello, later, stalled
from vsockdump.engine.index import Index
from vsockdump.engine.track import Tracker
from vsockdump.flows import Kept

CHUNK = 1 << 16


def index(packets: Sequence[Packet], *cuts: int) -> Index:
    made, tracker = Index(), Tracker(steps=True)
    number = 1
    for batch in batches(packets, cuts=cuts):
        batch.first, number = number, number + batch.count
        tracker.feed(batch)
        made.append(batch, tracker)
    return made


def many(count: int) -> Index:
    """Keep so many packets, the same ones over and over."""
    talk = Talk()
    while len(talk.packets) < 4096:
        talk.rw("src", 1)
    tracker, made = Tracker(steps=True), Index()
    while made.count < count:
        (batch,) = batches(talk.packets[: min(count - made.count, 4096)])
        batch.first = made.count + 1
        tracker.feed(batch)
        made.append(batch, tracker)
    return made


def test_each_packet() -> None:
    made = index(hello().packets)
    t = START
    free = 262144
    assert [made.at(number) for number in range(1, made.count + 1)] == [
        Kept(t, 1, 0, 0, None, False, 0),  # REQUEST: nobody has said what src may send
        Kept(t + 100_000, 1, 1, 0, free, False, 0),
        Kept(t + 200_000, 1, 0, 13, free - 13, False, 0),
        Kept(t + 300_000, 1, 1, 0, free, False, 0),  # CREDIT_UPDATE: what src may send
        *(Kept(made.at(n).time, 1, made.at(n).side, 0, free, False, 0) for n in range(5, 8)),
    ]


def test_free_is_of_whom_lines_show_it() -> None:
    talk = Talk().open().rw("src", 100).rw("dst", 7).update("dst", fwd=60)
    made = index(talk.packets)
    assert [made.at(number).free for number in (3, 4, 5)] == [262044, 262137, 262144 - 40]


def test_a_side_without_credit_is_marked() -> None:
    made = index(full().packets)
    assert [made.at(n).full for n in range(1, 7)] == [False] * 5 + [True]


def test_what_is_of_no_connection() -> None:
    talk = Talk().raw(b"abc").open()
    made = index(talk.packets)
    assert made.at(1) == Kept(START, 0, 0, 0, None, False, 0)
    assert made.flows(1, 3) == [0, 1, 1]


def test_there_is_nothing_else() -> None:
    made = index(hello().packets)
    for number in (0, 8, 1 << 40):
        with pytest.raises(IndexError):
            made.at(number)
    with pytest.raises(IndexError):
        Index().at(1)
    with pytest.raises(OverflowError):
        made.at(-1)


def test_only_the_batch_that_was_fed_last() -> None:
    first, second = batches(hello().packets, cuts=(3,))
    tracker = Tracker(steps=True)
    tracker.feed(first)
    with pytest.raises(ValueError, match="not the whole batch"):
        Index().append(second, tracker)
    first.select(b"\1\0\1")
    with pytest.raises(ValueError, match="not the whole batch"):
        Index().append(first, tracker)
    plain = Tracker()
    plain.feed(second)
    with pytest.raises(ValueError, match="not the whole batch"):
        Index().append(second, plain)


def test_packets_of_a_connection() -> None:
    talk = hello()
    hello(talk, 1025)
    made = index(talk.packets)
    assert made.of(2) == array("Q", range(8, 15))
    assert made.of(1, data=True) == array("Q", [3])
    assert made.of(2, after=10) == array("Q", range(11, 15))
    assert made.of(3) == array("Q")


def test_connections_of_packets() -> None:
    talk = hello()
    hello(talk, 1025)
    made = index(talk.packets)
    assert made.flows_of(array("Q", [1, 2])) == array("Q", [1])
    assert made.flows_of(array("Q", [14, 1])) == array("Q", [1, 2])
    assert made.flows_of(array("Q", [0, 99])) == array("Q")


def test_marks() -> None:
    made = index(hello().packets)
    made.mark(3, 2)
    made.mark(3, 1)  # the worst stays
    made.mark(6, 3)
    made.mark(99, 3)  # nowhere
    assert [made.at(number).severity for number in range(1, 8)] == [0, 0, 2, 0, 0, 3, 0]
    assert (made.next(0, 2), made.next(3, 2), made.next(6, 2)) == (3, 6, 0)
    assert (made.next(7, 2, -1), made.next(6, 2, -1), made.next(3, 2, -1)) == (6, 3, 0)
    assert made.next(0, 3) == 6
    assert made.at(3).side == 0  # and nothing else changed


def test_the_next_mark_is_found_from_anywhere() -> None:
    made = many(2 * CHUNK)
    made.mark(CHUNK + 9, 3)
    made.let_go(CHUNK + 3)
    assert made.next(0, 3) == CHUNK + 9
    assert made.next(1 << 40, 3, -1) == CHUNK + 9


def test_numbers_that_no_connection_has() -> None:
    made = index(hello().packets)
    assert made.of(1 << 32) == made.of((1 << 64) - 1) == array("Q")
    assert made.rates([1 << 40], START, START + 1, 1) == [([0], [0])]


def test_times() -> None:
    made = index(hello().packets)
    assert made.since(START) == 1
    assert made.since(START + 1) == 2
    assert made.since(START + 600_000) == 7
    assert made.since(START + 600_001) == 0
    assert Index().since(0) == 0


def test_rates() -> None:
    talk = later(Talk().open().rw("src", 100), 1).rw("dst", 7)
    talk = later(talk, 1).rw("src", 50)
    made = index(talk.packets)
    end = made.at(made.count).time
    assert made.rates([1], START, end, 2) == [([100, 50], [0, 7])]
    assert made.rates([1, 5], START, end, 1) == [([150], [7]), ([0], [0])]
    assert made.rates([1], START + 10**9, end, 1) == [([50], [7])]
    assert made.rates([], START, end, 2) == []
    with pytest.raises(ValueError, match="257 connections"):
        made.rates(range(257), START, end, 1)
    with pytest.raises(ValueError, match="0 buckets"):
        made.rates([1], START, end, 0)


@given(st.lists(st.integers(1, 13), max_size=4), st.integers(1, 40))
def test_rates_add_up_to_what_was_carried(cuts: list[int], buckets: int) -> None:
    talk = stalled()
    hello(talk, 1025)
    made = index(talk.packets, *sorted(set(cuts)))
    found = made.rates([1, 2], START, made.at(made.count).time, buckets)
    assert [(sum(fwd), sum(rev)) for fwd, rev in found] == [(262244, 0), (13, 0)]


def test_more_than_one_chunk() -> None:
    made = many(2 * CHUNK + 5)
    assert made.at(CHUNK).len == made.at(CHUNK + 1).len == made.at(2 * CHUNK + 5).len == 1
    assert len(made.of(1)) == 2 * CHUNK + 5
    made.mark(CHUNK + 1, 3)
    assert made.next(0, 3) == made.next(2 * CHUNK, 3, -1) == CHUNK + 1


def test_what_is_let_go_is_gone() -> None:
    made = many(2 * CHUNK + 5)
    made.let_go(CHUNK + 3)
    assert (made.first, made.count) == (CHUNK + 3, 2 * CHUNK + 5)
    with pytest.raises(IndexError):
        made.at(CHUNK + 2)
    assert made.at(CHUNK + 3).len == 1
    assert made.of(1)[0] == CHUNK + 3
    made.let_go(1)  # nothing comes back
    assert made.first == CHUNK + 3
    made.let_go(1 << 40)
    assert made.of(1) == array("Q")
