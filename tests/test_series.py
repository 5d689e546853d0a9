"""How much came when: every packet once, in steps that grow with the capture."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.captures import START
from tests.conversation import Packet, Talk, batches
from tests.frames import frame
from vsockdump import series
from vsockdump.series import Series, Step

US, MS, S = 1_000, 1_000_000, 1_000_000_000


def packets(*times: int, size: int = 10) -> list[Packet]:
    data = frame(5, bytes(size))
    return [Packet(time, data, len(data)) for time in times]


def steps(taken: Sequence[Packet], cuts: Sequence[int] = ()) -> list[Step]:
    made = Series()
    for batch in batches(taken, cuts=cuts):
        made.feed(batch)
    return list(made.steps())


def test_nothing() -> None:
    assert steps([]) == []


def test_steps_hold_what_came_in_them() -> None:
    assert steps(packets(0, 500, 1500, 5 * US)) == [
        Step(START, US, 2, 20),
        Step(START + US, US, 1, 10),
        Step(START + 5 * US, US, 1, 10),
    ]


def test_only_payload_counts() -> None:
    talk = Talk().open().rw("src", 100)
    assert [step.bytes for step in steps(talk.packets)] == [0, 0, 100]


@pytest.mark.parametrize(
    ("last", "length"),
    [(999 * US, US), (1000 * US, 10 * US), (S, 10 * MS), (10_000 * S, 100 * S)],
)
def test_steps_grow_by_tens(last: int, length: int) -> None:
    found = steps(packets(0, last))
    assert [step.length for step in found] == [length, length]
    assert found[1].start <= START + last < found[1].start + length


def test_times_that_go_back() -> None:
    found = steps(packets(5 * US, 7 * US, 6 * US, 0))
    assert found == [  # what is older than the first packet counts with it
        Step(START + 5 * US, US, 2, 20),
        Step(START + 6 * US, US, 1, 10),
        Step(START + 7 * US, US, 1, 10),
    ]


@given(
    times=st.lists(st.integers(0, 10**13), min_size=1, max_size=60),
    ordered=st.booleans(),
    seed=st.integers(0, 99),
)
def test_nothing_is_lost_however_it_is_cut(times: list[int], ordered: bool, seed: int) -> None:
    taken = packets(*(sorted(times) if ordered else times))
    cuts = random.Random(seed).sample(range(len(taken)), min(3, len(taken)))
    found = steps(taken, cuts)
    assert sum(step.packets for step in found) == len(taken)
    assert sum(step.bytes for step in found) == 10 * len(taken)
    assert len({step.length for step in found}) == 1
    assert (found[-1].start - found[0].start) // found[0].length < series.MOST
    if ordered:
        assert found == steps(taken)
