"""The engine's decoding and the dissectors: the same answer for any bytes and every capture."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsockdump.dissectors import Dissection, dissect
from vsockdump.dissectors.notes import Note
from vsockdump.dissectors.splits import Splits
from vsockdump.engine.batch import Batch
from vsockdump.engine.scan import Scanner
from vsockdump.sources.savefile import Savefile

from .frames import (
    RW,
    SEQPACKET,
    SHUTDOWN,
    SLL,
    SLL2,
    STREAM,
    VSOCK,
    Ends,
    enhanced,
    frame,
    monitor,
    sll,
    sll2,
    virtio,
)

PCAPS = sorted((Path(__file__).parents[1] / "pcaps").glob("*.pcap*"))
LINKS = {VSOCK: b"", SLL: sll(), SLL2: sll2()}
COOKED, MONITOR, TRANSPORT = 1, 2, 4  # bits of the column `layers`
BITS = {"sll": COOKED, "sll2": COOKED, "vsockmon": MONITOR, "virtio": TRANSPORT}

MONITOR_COLUMNS = {
    name: name if name != "len" else "trans_len"
    for name in ("src_cid", "dst_cid", "src_port", "dst_port", "op", "transport", "len", "reserved")
}
VIRTIO_COLUMNS = {
    "len": "virtio_len",
    "type": "virtio_type",
    "op": "virtio_op",
    "flags": "virtio_flags",
    "buf_alloc": "buf_alloc",
    "fwd_cnt": "fwd_cnt",
}


def said(found: Dissection, cap_len: int, wire_len: int) -> dict[str, int]:
    """Return what the columns of a row must hold, by the dissectors."""
    values = {"cap_len": cap_len, "wire_len": max(cap_len, wire_len)}
    values["layers"] = sum(BITS[layer.name] for layer in found.layers)
    values["notes"] = int(found.notes)
    values["payload"] = found.payload_offset
    values["payload_len"] = len(found.payload)
    for header, columns in ((found.vsockmon, MONITOR_COLUMNS), (found.virtio, VIRTIO_COLUMNS)):
        values |= {name: getattr(header, field, 0) for field, name in columns.items()}
    return values


def row(batch: Batch, index: int) -> dict[str, int]:
    """Return what the columns do hold, but for where things stand in the file."""
    place = {"time", "offset", "record", "record_size", "interface"}
    return {name: batch.column(name)[index] for name in batch.names if name not in place}


def compare(batch: Batch, splits: Splits) -> None:
    """Hold every row of a batch, fed in the capture's order, to the dissectors."""
    for index in range(batch.count):
        data, wire = batch.frame(index), batch.column("wire_len")[index]
        interface = batch.column("interface")[index]
        found = dissect(data, batch.linktype(index), wire, splits, interface)
        assert row(batch, index) == said(found, len(data), wire)
        assert batch.payload(index) == found.payload


class Taken(NamedTuple):
    """A frame, its length on the wire, and which interface it was captured on."""

    data: bytes
    wire: int
    interface: int


OTHER = 1  # a link type that holds no vsock
INTERFACES = (VSOCK, SLL, SLL2, VSOCK, OTHER)

numbers = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 43, 44, 45, 48, 76, 0x7FFF, 0xFFFF])
longs = st.sampled_from([0, 1, 2, 4, 5, 10, 2**31, 2**32 - 1])
cids = st.sampled_from([0, 1, 2, 3, 2**32 - 1, 2**32, 2**63, 2**64 - 1])


@st.composite
def ends(draw: st.DrawFn) -> Ends:
    return Ends(draw(cids), draw(cids), draw(longs), draw(longs))


@st.composite
def crafted(draw: st.DrawFn) -> bytes:
    """A frame of which each field is likely to be of interest."""
    outer = draw(ends())
    inner = outer if draw(st.booleans()) else draw(ends())
    op = draw(numbers)
    middle = virtio(inner, length=draw(longs), kind=draw(numbers), op=op, flags=draw(longs))
    head = monitor(
        outer,
        op=draw(numbers),
        transport=draw(st.sampled_from([0, 1, 2, 2, 2, 2, 7])),
        length=draw(st.sampled_from([44, 44, 44, 0, 1, 43, 45, 48, 0xFFFF])),
        reserved=draw(st.sampled_from([0, 0, 0, 1, 0xFFFF])),
    )
    return head + middle + draw(st.binary(max_size=12))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A frame as Linux makes it, with a few bytes changed."""
    op, kind = draw(st.integers(1, 7)), draw(st.sampled_from([STREAM, SEQPACKET]))
    data = bytearray(frame(op, b"abcdef" * (op == RW), kind=kind))
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


@st.composite
def split(draw: st.DrawFn) -> Taken:
    """A packet that is likely to continue one before it, by defect A1 or A2, or to end it."""
    held = draw(st.sampled_from([2, 4, 4, 8, 8, 12]))
    length = draw(st.sampled_from([2, 4, 4, 4, held]))
    op = draw(st.sampled_from([RW, RW, RW, RW, SHUTDOWN]))
    source = Ends(src_port=draw(st.sampled_from([1, 1, 1 + 1024])))
    interface = draw(st.sampled_from([0, 2, 2, 3]))
    link = sll2(draw(st.sampled_from([1, 2]))) if INTERFACES[interface] == SLL2 else b""
    data = link + frame(op, bytes(range(held)), length=length, ends=source)
    kept = data[: draw(st.sampled_from([len(data), len(data), len(data) - 3]))]
    return Taken(kept, len(data), interface)


@st.composite
def taken(draw: st.DrawFn, contents: st.SearchStrategy[bytes]) -> Taken:
    interface = draw(st.integers(0, len(INTERFACES) - 1))
    data = draw(contents)
    if INTERFACES[interface] == SLL2:
        data = sll2(draw(st.integers(1, 2)), draw(st.sampled_from([826, 826, 826, 1]))) + data
    elif INTERFACES[interface] == SLL:
        data = sll(draw(st.sampled_from([826, 826, 826, 1]))) + data
    data = draw(st.sampled_from([data, data, data[: draw(st.integers(0, len(data)))]]))
    longer = draw(st.sampled_from([0, 0, 0, 1, 5, 44, 100, 2**32 - 1 - len(data)]))
    return Taken(data, len(data) + longer, interface)


def batches(frames: Sequence[Taken], at_once: int) -> Iterator[Batch]:
    """Scan the frames as enhanced packet blocks, some at once."""
    scanner = Scanner()
    for linktype in INTERFACES:
        scanner.add_interface(linktype)
    for start in range(0, len(frames), at_once):
        some = frames[start : start + at_once]
        data = b"".join(enhanced(one.data, 0, one.interface, wire=one.wire) for one in some)
        batch = scanner.pcapng(data, 0, len(data))
        assert batch.count == len(some)
        yield batch


def check(frames: Sequence[Taken], at_once: int) -> None:
    splits = Splits()
    for batch in batches(frames, at_once):
        compare(batch, splits)


@settings(max_examples=300)
@given(st.lists(taken(st.one_of(crafted(), mutated(), st.binary(max_size=120))), max_size=8))
def test_any_frames(frames: list[Taken]) -> None:
    check(frames, 3)


@settings(max_examples=300)
@given(st.lists(split(), max_size=30), st.integers(1, 30))
def test_split_packets_in_any_order(frames: list[Taken], at_once: int) -> None:
    check(frames, at_once)


LONG, REST, WHOLE = (frame(RW, bytes(range(n)), length=4) for n in (8, 6, 4))


@pytest.mark.parametrize(
    "frames",
    [
        [LONG, WHOLE, LONG, WHOLE],
        [LONG, LONG, LONG],
        [frame(RW, bytes(10), length=4), REST, frame(RW, bytes(2)), LONG],
        [REST, frame(RW, bytes(6), length=2)],
    ],
    ids=["A1 of two halves, twice", "A2 of two halves, and another", "A1", "A2"],
)
@pytest.mark.parametrize("links", [(0,), (1,), (2,), (0, 3), (2, 2)])
def test_split_packets(frames: list[bytes], links: tuple[int, ...]) -> None:
    """Each packet on one link or on two in a row; a batch ends between any of them."""
    found = [
        Taken({SLL: sll(), SLL2: sll2(10 + number)}.get(INTERFACES[index], b"") + data, 0, index)
        for data in frames
        for number, index in enumerate(links)
    ]
    for at_once in range(1, len(found) + 1):
        check(found, at_once)


def test_the_sequences_above_do_reach_every_kind_of_defect_a() -> None:
    frames = [Taken(frame(RW, bytes(held), length=4), 0, 0) for held in (10, 6, 6, 4, 6)]
    (batch,) = batches(frames, 5)
    kinds = [Note.DEFECT_A, Note.DEFECT_A1, Note.DEFECT_A, Note(0), Note.DEFECT_A]
    assert [Note(notes) for notes in batch.column("notes")] == kinds
    frames = [Taken(frame(RW, bytes(8), length=4), 0, 0)] * 3
    (batch,) = batches(frames, 3)
    kinds = [Note.DEFECT_A, Note.DEFECT_A2, Note.DEFECT_A]
    assert [Note(notes) for notes in batch.column("notes")] == kinds


@pytest.mark.parametrize("path", PCAPS, ids=lambda path: path.name)
def test_every_capture(path: Path) -> None:
    splits = Splits()
    with closing(Savefile(str(path))) as source:
        for batch in source.batches():
            assert batch is not None
            compare(batch, splits)


def test_cut_at_every_byte() -> None:
    for index, linktype in enumerate(INTERFACES[:3]):
        data = LINKS[linktype] + monitor(length=48) + virtio(length=3) + b"EXT!abc"
        cuts = range(len(data) + 1)
        check([Taken(data[:cut], wire, index) for cut in cuts for wire in (cut, len(data))], 64)


def test_the_largest_frame() -> None:
    data = frame(RW, bytes(65536))
    check([Taken(data, len(data), 0), Taken(data[:-1], len(data), 0)], 2)


def test_every_header_field_has_a_column() -> None:
    header = dissect(frame(RW, b"abc"))
    assert header.vsockmon is not None and header.virtio is not None
    assert set(MONITOR_COLUMNS) == set(header.vsockmon._fields)
    addresses = {"src_cid", "dst_cid", "src_port", "dst_port"}
    assert set(VIRTIO_COLUMNS) == set(header.virtio._fields) - addresses
