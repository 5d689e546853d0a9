"""Batch: its columns are typed views without a copy, and outlive whoever asked for them."""

import copy
import ctypes
import gc
import pickle
import struct
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.engine import records
from vsockdump.engine.batch import Batch
from vsockdump.engine.bpf import Program
from vsockdump.engine.lines import Lines
from vsockdump.engine.scan import Scanner

from .frames import (
    NO_INFO,
    RST,
    RW,
    SLL,
    VIRTIO,
    VSOCK,
    enhanced,
    frame,
    monitor,
    pcap_record,
    sll,
    virtio,
)

SWAPPED = struct.pack("=H", 1) != b"\x01\x00"
FORMATS = {
    **dict.fromkeys(["time"], "q"),
    **dict.fromkeys(["offset", "record", "src_cid", "dst_cid"], "Q"),
    **dict.fromkeys(["record_size", "cap_len", "wire_len", "src_port", "dst_port"], "I"),
    **dict.fromkeys(["virtio_len", "virtio_flags", "buf_alloc", "fwd_cnt"], "I"),
    **dict.fromkeys(["payload", "payload_len", "notes"], "I"),
    **dict.fromkeys(["interface", "op", "transport", "trans_len", "reserved", "layers"], "H"),
    **dict.fromkeys(["virtio_type", "virtio_op"], "H"),
}


def scan(count: int, using: Scanner | None = None) -> Batch:
    """Return a batch of packets whose second is their number and whose payload is its digits."""
    if using is None:
        using = Scanner()
        using.add_interface(VSOCK)
    frames = [frame(RW, str(number).encode()) for number in range(count)]
    data = b"".join(pcap_record(one, number, 0) for number, one in enumerate(frames))
    return using.pcap(data, 0, len(data), swapped=SWAPPED)


def seconds(batch: Batch) -> list[int]:
    return [ns // 1_000_000_000 for ns in batch.column("time")]


def test_every_column_has_its_type() -> None:
    batch = scan(3)
    assert sorted(batch.names) == sorted(FORMATS)
    for name, code in FORMATS.items():
        column = batch.column(name)
        assert (column.format, column.itemsize) == (code, struct.calcsize(code))
        assert (column.ndim, column.shape, len(column)) == (1, (3,), 3)
        assert column.readonly
        assert list(column) == column.tolist() == list(struct.unpack(f"=3{code}", column.tobytes()))


def test_columns_hold_the_values() -> None:
    batch = scan(12)
    assert len(batch) == batch.count == 12
    assert seconds(batch) == list(range(12))
    assert list(batch.column("payload_len")) == [1] * 10 + [2] * 2
    assert list(batch.column("src_cid")) == [3] * 12
    assert [batch.payload(row) for row in (0, 11)] == [b"0", b"11"]
    assert batch.frame(11) == frame(RW, b"11")
    assert batch.linktype(11) == VSOCK


def test_a_column_is_no_copy() -> None:
    """Two views of one column stand at one place: what moves the rows moves them in both."""
    batch = scan(4)
    first, second = batch.column("time"), batch.column("time")
    batch.select(bytes([0, 0, 1, 1]))
    assert first.tolist()[:2] == second.tolist()[:2] == [2_000_000_000, 3_000_000_000]
    assert len(first) == 4 and len(batch.column("time")) == 2


PyBUF_WRITABLE, PyBUF_FULL_RO = 0x1, 0x11C  # CPython's pybuffer.h


def test_a_column_is_never_lent_for_writing() -> None:
    column, view = scan(1).column("time").obj, ctypes.create_string_buffer(256)
    lend = ctypes.pythonapi.PyObject_GetBuffer
    for flags in (PyBUF_FULL_RO | PyBUF_WRITABLE, PyBUF_WRITABLE):
        with pytest.raises(BufferError):
            lend(ctypes.py_object(column), view, flags)
    assert lend(ctypes.py_object(column), view, PyBUF_FULL_RO) == 0
    ctypes.pythonapi.PyBuffer_Release(view)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_raw_memory_is_not_pickled(protocol: int) -> None:
    batch = scan(1)
    program = Program(struct.pack("=HBBI", 6, 0, 0, 1))
    for each in (batch, batch.interfaces, Scanner(), Lines(), batch.column("time").obj, program):
        with pytest.raises(TypeError):
            pickle.loads(pickle.dumps(each, protocol))
        with pytest.raises(TypeError):
            copy.copy(each)
        assert not hasattr(each, "__setstate_cython__")


def test_none_is_no_batch() -> None:
    for ask in (Lines().render, lambda b: Lines().head(b, 0), lambda b: records.sizes(b, "pcap")):
        with pytest.raises(TypeError):
            ask(None)  # type: ignore[arg-type]
    for take in (records.raw, records.pcapng):
        with pytest.raises(TypeError):
            take(None, 0, 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        records.pcap(None, 0, 0, True)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Batch(None)  # type: ignore[arg-type]


def test_a_column_of_no_packets() -> None:
    assert scan(0).column("time").tolist() == []


@pytest.mark.parametrize("row", [-1, 3, 2**40])
def test_a_row_that_is_not_there(row: int) -> None:
    batch = scan(3)
    for ask in (batch.frame, batch.payload, batch.linktype):
        with pytest.raises(IndexError):
            ask(row)


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="no_such"):
        scan(1).column("no_such")


def test_linktypes_are_the_interfaces() -> None:
    using = Scanner()
    using.add_interface(VSOCK)
    using.add_interface(SLL)
    data = enhanced(frame(RST), 0, 0) + enhanced(sll() + frame(RST), 0, 1)
    batch = using.pcapng(data, 0, len(data), swapped=SWAPPED)
    assert [batch.linktype(row) for row in range(2)] == [VSOCK, SLL]


# --- find, contains and comments --------------------------------------------------------------


def ops(*numbers: int, transport: int = VIRTIO) -> Batch:
    """Return a batch of one packet of each virtio op."""
    using = Scanner()
    using.add_interface(VSOCK)
    ends = [monitor(transport=transport) + virtio(op=number) for number in numbers]
    data = b"".join(pcap_record(one) for one in ends)
    return using.pcap(data, 0, len(data), swapped=SWAPPED)


def test_find_gives_the_rows_of_some_ops() -> None:
    batch = ops(1, 2, 3, 33, 1, 65535, 31, 0, 5)
    assert batch.find(1 << 1) == [0, 4]
    assert batch.find(1 << 1 | 1 << 2) == [0, 1, 4]
    assert batch.find(1 << 31) == [6]
    assert batch.find(1) == [7]
    assert batch.find(1 << 4) == batch.find(0) == []
    assert ops().find(0xFFFF_FFFF) == []


def test_find_passes_over_what_is_not_virtio() -> None:
    assert ops(1, transport=NO_INFO).find(1 << 1 | 1) == []


def payloads(*found: bytes) -> Batch:
    using = Scanner()
    using.add_interface(VSOCK)
    data = b"".join(pcap_record(frame(RW, payload)) for payload in found)
    return using.pcap(data, 0, len(data), swapped=SWAPPED)


@given(st.lists(st.text("ab", max_size=8)), st.text("ab", max_size=3))
def test_contains_is_as_in_python(texts: list[str], needle: str) -> None:
    batch = payloads(*[text.encode() for text in texts])
    assert batch.contains(needle.encode()) == bytes(needle in text for text in texts)


def test_contains_looks_at_payloads_only() -> None:
    batch = payloads(b"ab", b"\x00c", b"")
    for across in (bytes(5), bytes(4) + b"ab", b"ab" + pcap_record(b"")[:1], b"abc"):
        assert batch.contains(across) == bytes(3)
    assert batch.contains(b"\x00") == bytes([0, 1, 0])
    assert batch.contains(b"") == bytes([1, 1, 1])


def test_contains_what_was_captured() -> None:
    using = Scanner()
    using.add_interface(VSOCK)
    whole = frame(RW, b"one two")
    data = b"".join(pcap_record(whole[:size], wire=len(whole)) for size in (83, 82, 76, 30, 0))
    batch = using.pcap(data, 0, len(data), swapped=SWAPPED)
    assert batch.contains(b"two") == bytes([1, 0, 0, 0, 0])
    assert batch.contains(b"") == bytes([1] * 5)
    with pytest.raises(TypeError):
        batch.contains(None)  # type: ignore[arg-type]


def test_comments_are_of_one_batch() -> None:
    using = Scanner()
    using.add_interface(VSOCK)
    batch = scan(2, using)
    assert batch.comments == {}
    batch.comments[1] = b"mine"
    used = id(batch)
    del batch
    again = scan(2, using)
    assert (id(again), again.comments) == (used, {})


# --- head and select --------------------------------------------------------------------------


@pytest.mark.parametrize("count", range(6))
def test_head_keeps_the_first(count: int) -> None:
    batch = scan(4)
    records = [*batch.column("record"), batch.end]
    batch.head(count)
    kept = min(count, 4)
    assert seconds(batch) == list(range(kept))
    assert batch.end == records[kept]
    assert batch.whole


def test_head_of_a_negative_count_keeps_all() -> None:
    batch = scan(4)
    batch.head(-1)
    assert len(batch) == 4


@given(st.binary(max_size=40))
def test_select_keeps_the_chosen(mask: bytes) -> None:
    batch = scan(len(mask))
    whole = {name: batch.column(name).tolist() for name in batch.names}
    batch.select(mask)
    chosen = [row for row, kept in enumerate(mask) if kept]
    assert len(batch) == len(chosen)
    for name, values in whole.items():
        assert batch.column(name).tolist() == [values[row] for row in chosen]
    assert [batch.payload(i) for i in range(len(chosen))] == [str(n).encode() for n in chosen]
    assert batch.whole == (len(chosen) == len(mask))


def test_once_left_out_is_not_whole_again() -> None:
    batch = scan(3)
    batch.select(b"\x01\x00\x01")
    batch.select(b"\x01\x01")
    assert (seconds(batch), batch.whole) == ([0, 2], False)
    batch.head(1)
    assert seconds(batch) == [0]
    with pytest.raises(IndexError):
        batch.frame(1)


@pytest.mark.parametrize("size", [0, 2, 4])
def test_a_mask_of_the_wrong_size_is_refused(size: int) -> None:
    batch = scan(3)
    with pytest.raises(ValueError, match=f"{size} choices for 3 packets"):
        batch.select(bytes(size))
    assert len(batch) == 3


def test_what_is_kept_keeps_its_place() -> None:
    batch = scan(5)
    batch.first = 7
    assert [batch.place(row) for row in range(5)] == [0, 1, 2, 3, 4]
    assert [batch.number(row) for row in range(5)] == [7, 8, 9, 10, 11]
    batch.select(bytes([0, 1, 0, 255, 1]))
    assert seconds(batch) == [batch.place(row) for row in range(3)] == [1, 3, 4]
    assert [batch.number(row) for row in range(3)] == [8, 10, 11]
    assert (len(batch), batch.first, batch.whole) == (3, 7, False)


@given(st.lists(st.binary(min_size=30, max_size=30), max_size=4))
def test_places_stay_however_often_is_chosen(masks: list[bytes]) -> None:
    batch, places = scan(30), list(range(30))
    for mask in masks:
        batch.select(mask[: len(batch)])
        places = [place for place, wanted in zip(places, mask, strict=False) if wanted]
        assert [batch.place(row) for row in range(len(batch))] == places


def test_places_are_of_one_batch() -> None:
    using = Scanner()
    using.add_interface(VSOCK)
    batch = scan(4096, using)
    batch.select(bytes(4095) + b"\x01")
    assert batch.place(0) == 4095
    used = id(batch)
    del batch
    again = scan(2, using)
    assert (id(again), [again.place(row) for row in range(2)]) == (used, [0, 1])
    again.select(b"\x00\x01")
    assert again.place(0) == 1


def test_only_packets_that_are_there_have_a_place() -> None:
    batch = scan(3)
    batch.select(b"\x01\x00\x01")
    for row in (-1, 2, 2**40):
        for ask in (batch.place, batch.number):
            with pytest.raises(IndexError):
                ask(row)
    assert [batch.place(row) for row in range(2)] == [0, 2]


# --- who lives how long -----------------------------------------------------------------------


def test_a_column_outlives_its_batch_and_its_scanner() -> None:
    using = Scanner()
    using.add_interface(VSOCK)
    column = scan(100, using).column("time")
    del using
    gc.collect()
    for _ in range(10):  # what was freed would be written over
        scan(100).select(bytes(100))
    assert column.tolist() == [number * 1_000_000_000 for number in range(100)]


def test_a_batch_that_is_held_is_not_used_again() -> None:
    using = Scanner()
    using.add_interface(VSOCK)
    held = [scan(number + 1, using) for number in range(20)]
    assert len({id(batch) for batch in held}) == 20
    assert [seconds(batch) for batch in held] == [list(range(n + 1)) for n in range(20)]


def test_a_batch_whose_column_is_held_is_not_used_again() -> None:
    using = Scanner()
    using.add_interface(VSOCK)
    columns = [scan(number + 1, using).column("time") for number in range(20)]
    assert [len(column) for column in columns] == list(range(1, 21))
    assert all(column.tolist()[-1] == n * 1_000_000_000 for n, column in enumerate(columns))


def test_a_batch_that_nobody_holds_is_used_again() -> None:
    using = Scanner()
    using.add_interface(VSOCK)
    places = set()
    for _ in range(50):
        places.add(id(scan(1, using)))
    assert len(places) == 1


def test_a_batch_used_again_is_like_new() -> None:
    using = Scanner()
    using.add_interface(VSOCK)
    batch = scan(5, using)
    batch.select(bytes(5))
    batch.blocks, batch.first = b"blocks", 77
    place = id(batch)
    del batch
    batch = scan(2, using)
    assert id(batch) == place
    assert (batch.whole, batch.blocks, batch.count, batch.begin) == (True, b"", 2, 0)


class Bytes(bytearray):
    """A buffer that can be watched."""


def test_the_bytes_live_as_long_as_the_batch() -> None:
    using = Scanner()
    using.add_interface(VSOCK)
    data = Bytes(pcap_record(frame(RW, b"abc")))
    watch = weakref.ref(data)
    batch = using.pcap(data, 0, len(data), swapped=SWAPPED)
    with pytest.raises(BufferError):
        data.append(0)  # it could move
    del data
    gc.collect()
    assert watch() is not None and batch.payload(0) == b"abc"
    del batch, using
    gc.collect()
    assert watch() is None


def test_a_batch_of_its_own_is_empty() -> None:
    using = Scanner()
    batch = Batch(using.interfaces)
    assert (len(batch), batch.form, batch.blocks) == (0, "", b"")
    assert batch.column("time").tolist() == []
    with pytest.raises(IndexError):
        batch.frame(0)
