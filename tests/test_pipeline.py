"""The loop: limits, choices, numbers, and that sinks get every packet once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import captures
from tests.captures import some
from vsockdump import pipeline
from vsockdump.engine.batch import Batch
from vsockdump.interface import Interface
from vsockdump.sources.savefile import Savefile


class Listing:
    """A sink that keeps the number and the frame of every packet."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, bytes]] = []

    def feed(self, batch: Batch) -> None:
        self.taken += [(batch.number(row), batch.frame(row)) for row in range(len(batch))]


FRAMES = [taken.frame for taken in some(10)]


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Savefile]:
    """Ten packets in at least four batches: other blocks stand between."""
    path = tmp_path / "in"
    data = captures.section() + captures.interface()
    for n, taken in enumerate(some(10)):
        data += captures.enhanced(taken) + (captures.block(99, b"") if n % 3 == 2 else b"")
    path.write_bytes(data)
    opened = Savefile(str(path))
    yield opened
    opened.close()


@pytest.mark.parametrize("most", [0, 1, 3, 4, 10, 11])
def test_limit(source: Savefile, most: int) -> None:
    sink, heard = Listing(), list[int]()
    expected = FRAMES[: most or None]
    assert pipeline.run(source, [sink, sink], most=most, between=heard.append) == len(expected)
    assert sorted(set(sink.taken)) == list(enumerate(expected, 1))
    assert len(sink.taken) == 2 * len(expected)
    assert heard[-1] == len(expected)


@pytest.mark.parametrize("most", [0, 2, 5, 6])
def test_choice_comes_before_limit_and_leaves_numbers(source: Savefile, most: int) -> None:
    chosen = FRAMES[::2][: most or None]

    def choice(batch: Batch) -> bytes:
        return bytes(batch.frame(row) in FRAMES[::2] for row in range(len(batch)))

    sink = Listing()
    assert pipeline.run(source, [sink], most=most, choice=choice) == len(chosen)
    assert sink.taken == list(zip(range(1, 11, 2), chosen, strict=False))


def test_nothing_chosen(source: Savefile) -> None:
    sink = Listing()
    assert pipeline.run(source, [sink], choice=lambda batch: bytes(len(batch))) == 0
    assert sink.taken == []


def test_a_stop_ends_it(source: Savefile) -> None:
    sink = Listing()
    assert 0 < pipeline.run(source, [sink], between=lambda count: source.stop()) < len(FRAMES)
    assert [frame for _, frame in sink.taken] == FRAMES[: len(sink.taken)]


class Quiet:
    """A source that now and then has nothing."""

    interfaces: list[Interface] = []  # noqa: RUF012

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def batches(self) -> Iterator[Batch | None]:
        yield from (None, self._batch, None)

    def stop(self) -> None:
        raise AssertionError("nobody asked for an end")


def test_nothing_for_a_while_is_passed_over(tmp_path: Path) -> None:
    batch = captures.first_batch(captures.pcap(some(3)), tmp_path)
    sink = Listing()
    assert pipeline.run(Quiet(batch), [sink]) == 3
    assert len(sink.taken) == 3


def test_some_sinks_see_what_is_left_out(source: Savefile) -> None:
    before, after = Listing(), Listing()

    def choice(batch: Batch) -> bytes:
        return bytes(batch.number(row) == 7 for row in range(len(batch)))

    assert pipeline.run(source, [after], choice=pipeline.watched([before], choice)) == 1
    assert before.taken == list(enumerate(FRAMES, 1))
    assert after.taken == [(7, FRAMES[6])]
