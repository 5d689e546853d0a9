"""One packet as Python objects."""

from pathlib import Path

import pytest

from tests import captures
from tests.captures import START, Taken
from vsockdump.dissectors.notes import Note
from vsockdump.packet import packet

FRAME = captures.frame(b"hello")


@pytest.mark.parametrize("order", "<>")
def test_everything_of_a_packet(tmp_path: Path, order: str) -> None:
    said = [(1, b"one"), (2, b"\0\0\0\1"), (1, b"\xff\xfetwo")]
    taken = Taken(START + 5, FRAME[:79], 81)
    data = captures.section(order) + captures.interface(order)
    batch = captures.first_batch(data + captures.enhanced(taken, order, given=said), tmp_path)
    batch.first = 7
    found = packet(batch, 0)
    assert found[:5] == (7, START + 5, captures.VSOCK, FRAME[:79], 81)
    assert [layer.name for layer in found.layers] == ["vsockmon", "virtio"]
    assert (found.payload, found.notes) == (b"hel", Note.TRUNCATED)
    assert found.comments == ("one", "\ufffd\ufffdtwo")


@pytest.mark.parametrize("form", [captures.simple, captures.obsolete])
def test_other_blocks_have_no_comments(tmp_path: Path, form: object) -> None:
    assert callable(form)
    data = captures.section() + captures.interface() + form(Taken(START, FRAME, 81))
    found = packet(captures.first_batch(data, tmp_path), 0)
    assert (found.frame, found.comments, found.reason) == (FRAME, (), "")


def test_of_a_pcap_file(tmp_path: Path) -> None:
    batch = captures.first_batch(captures.pcap([Taken(START, FRAME[:9], 81)]), tmp_path)
    found = packet(batch, 0)
    assert (found.layers, found.payload, found.comments) == ((), b"", ())
    assert found.reason
    with pytest.raises(IndexError):
        packet(batch, 1)


def test_what_is_shown_is_the_packet_it_was(tmp_path: Path) -> None:
    batch = captures.first_batch(captures.pcap(captures.some(4)), tmp_path)
    batch.first = 7
    batch.comments = {1: b"second", 3: b"last"}
    before = [packet(batch, row) for row in range(4)]
    assert [(each.number, each.comments) for each in before[1:3]] == [(8, ("second",)), (9, ())]
    batch.select(b"\x00\x01\x00\x01")
    assert [packet(batch, row) for row in range(2)] == [before[1], before[3]]
