"""The benchmark's captures: what is measured on them has to be true of them."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.bench import filters, generate, rivals
from tests.command import run, vsockdump
from vsockdump.engine.track import Tracker
from vsockdump.flows import Flow, Verdict
from vsockdump.sources.savefile import Savefile

SHAPE = generate.Shape("small", generate.SMALL, connections=7, turns=30, chunks=3)
CROWDS = [generate.Crowd(1, 100), generate.Crowd(12, 30), generate.Crowd(300, 5)]


def made(shape: generate.Shape | generate.Crowd, folder: Path) -> Path:
    target = folder / "made.pcap"
    generate.write(shape, target)
    return target


def followed(file: Path) -> tuple[list[Flow], list[int]]:
    """Follow a capture in which nothing is wrong; give its connections and times."""
    tracker, times = Tracker(), list[int]()
    source = Savefile(str(file))
    for batch in source.batches():
        assert batch is not None
        tracker.feed(batch)
        times += batch.column("time")
    source.close()
    tracker.finish()
    assert tracker.events() == []
    return list(tracker.flows()), times


@pytest.mark.parametrize("crowd", CROWDS)
def test_all_of_a_crowd_are_open_at_once(tmp_path: Path, crowd: generate.Crowd) -> None:
    flows, times = followed(made(crowd, tmp_path))
    assert len(flows) == crowd.connections
    assert {flow.fwd.packets + flow.rev.packets for flow in flows} == {crowd.packets}
    assert {flow.verdict for flow in flows} == {Verdict.SF}
    assert max(flow.start for flow in flows) < min(flow.last for flow in flows)
    assert all(before < after for before, after in pairwise(times))


def test_chunks_hold_other_connections(tmp_path: Path) -> None:
    flows, times = followed(made(SHAPE, tmp_path))
    assert len(flows) == 7 * 3
    assert {flow.verdict for flow in flows} == {Verdict.SF}
    assert {after - before for before, after in pairwise(times)} == {3000}


@pytest.mark.parametrize("reader", rivals.READERS.values())
def test_rivals_add_up_the_same(tmp_path: Path, reader: rivals.Reader) -> None:
    assert rivals.flows(reader(str(made(SHAPE, tmp_path)))) == 7 * 3


def test_the_expression_and_the_offsets_say_the_same(tmp_path: Path) -> None:
    file = made(SHAPE, tmp_path)
    ours = vsockdump("-r", file, "--count", filters.EXPRESSION)
    try:
        theirs = run("tcpdump", "-r", file, "--count", filters.OFFSETS)
    except FileNotFoundError:
        pytest.skip("needs tcpdump")
    assert ours.stdout == theirs.stdout == f"{SHAPE.turns} packets\n".encode()
