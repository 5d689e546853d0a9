"""Any packet of a file again, as it was read the first time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import captures
from tests.captures import some
from vsockdump.engine.batch import Batch
from vsockdump.errors import ReadError
from vsockdump.sources.pieces import Pieces, Reader
from vsockdump.sources.savefile import Savefile

PCAPS = Path(__file__).parents[1] / "pcaps"
DEFECT_A = 7 << 3


@contextmanager
def read(path: Path, follow: bool = False) -> Iterator[tuple[Reader, list[tuple[object, ...]]]]:
    """Read a file from front to back, and return what reads it again, and what there was."""
    with (path.parent / "copy").open("w+b") as copy:
        source = Savefile(str(path), follow, copy)
        pieces = Pieces(source)
        seen: list[tuple[object, ...]] = []
        for batch in source.batches():
            if batch is None:
                break
            batch.first = len(seen) + 1
            split = any(note & DEFECT_A for note in batch.column("notes"))
            if batch.count:
                pieces.add(batch, split)
            seen += [packet(batch, row) for row in range(batch.count)]
        yield Reader(pieces, copy.fileno() if source.copied else source.raw.fileno()), seen
        source.close()


def packet(batch: Batch, row: int) -> tuple[object, ...]:
    columns = ("time", "cap_len", "wire_len", "interface", "notes", "virtio_op")
    values = [batch.column(name)[row] for name in columns]
    return (batch.number(row), batch.frame(row), batch.payload(row), *values)


@pytest.mark.parametrize("path", sorted(PCAPS.glob("*.pcap*")), ids=lambda path: path.name)
def test_every_packet_again(path: Path, tmp_path: Path) -> None:
    local = tmp_path / path.name
    local.write_bytes(path.read_bytes())
    with read(local) as (reader, seen):
        for number in [*range(len(seen), 0, -1), *range(1, len(seen) + 1)]:
            assert packet(*reader.batch(number)) == seen[number - 1]


def test_all_forms_of_pcapng(tmp_path: Path) -> None:
    path = tmp_path / "everything.pcapng"
    path.write_bytes(captures.everything())
    with read(path) as (reader, seen):
        assert len(seen) > 3
        for number in reversed(range(1, len(seen) + 1)):
            assert packet(*reader.batch(number)) == seen[number - 1]


@pytest.mark.parametrize("order", ["<", ">"])
def test_many_pieces(tmp_path: Path, order: str) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(captures.pcap(some(20_000, step=1000), order))
    with read(path) as (reader, seen):
        for number in (1, 20_000, 4096, 4097, 12_345, 2):
            assert packet(*reader.batch(number)) == seen[number - 1]


def test_there_is_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "few.pcap"
    path.write_bytes(captures.pcap(some(3)))
    with read(path) as (reader, _):
        for number in (0, 4, 1 << 40):
            with pytest.raises(IndexError):
                reader.batch(number)


def test_a_fresh_batch_is_the_callers_alone(tmp_path: Path) -> None:
    path = tmp_path / "few.pcap"
    path.write_bytes(captures.pcap(some(3)))
    with read(path) as (reader, seen):
        shared, _ = reader.batch(1)
        fresh = reader.fresh(1)
        fresh.select(b"\0\0\1")
        assert packet(fresh, 0) == seen[2]
        assert shared.count == 3


def test_a_trickle_is_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "trickle.pcap"
    every = some(50)
    path.write_bytes(captures.pcap(every[:1]))
    source = Savefile(str(path), follow=True)
    pieces, reader, came = Pieces(source), None, 0
    for batch in source.batches():
        if batch is not None and batch.count:
            batch.first, came = came + 1, came + batch.count
            pieces.add(batch, False)
            reader = reader or Reader(pieces, source.raw.fileno())
            assert reader.batch(came)[0].frame(came - 1) == every[came - 1].frame
        if came == len(every):
            source.stop()
        elif batch is None:
            with path.open("ab") as file:
                file.write(captures.pcap(every[came : came + 1])[24:])
    assert len(pieces.find(50)) == 1
    assert pieces.find(50)[0].first == 1
    source.close()


def test_what_is_let_go_is_not_found(tmp_path: Path) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(captures.pcap(some(20_000, step=1000)))
    source = Savefile(str(path))
    pieces, came = Pieces(source), 0
    for batch in source.batches():
        assert batch is not None
        batch.first, came = came + 1, came + batch.count
        pieces.add(batch, False)
    place = pieces.find(10_000)[-1].place.offset
    assert pieces.behind(place) == pieces.find(10_000)[-1].first
    assert pieces.behind(1 << 40) == 0
    assert pieces.let_go(10_000) == place
    assert pieces.find(10_000)[-1].place.offset == place
    with pytest.raises(IndexError):
        pieces.find(1)
    source.close()


def test_a_file_that_is_another_by_now(tmp_path: Path) -> None:
    path = tmp_path / "changes.pcap"
    path.write_bytes(captures.pcap(some(3)))
    with read(path) as (reader, _):
        path.write_bytes(b"\xff" * path.stat().st_size)
        with pytest.raises(ReadError, match="the file has changed meanwhile"):
            reader.batch(3)


def test_a_file_that_became_shorter(tmp_path: Path) -> None:
    path = tmp_path / "shrinks.pcap"
    path.write_bytes(captures.pcap(some(3)))
    with read(path) as (reader, _):
        os.truncate(path, 100)
        with pytest.raises(ReadError, match="the file has become shorter"):
            reader.batch(3)
