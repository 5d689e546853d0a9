"""Captures with bytes changed, left out and put in: read whole, or refused with a reason."""

import gzip
import struct
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.frames import (
    RW,
    block,
    enhanced,
    frame,
    interface,
    obsolete,
    option,
    pcap_header,
    pcap_record,
    section,
    simple,
)
from vsockdump.sources.savefile import Savefile

from .render import PCAPS, render, seeds

SECTIONS = b"".join(
    section(order)
    + interface(options=option(9, b"\x09", order) + bytes(4), order=order)
    + enhanced(frame(RW, b"abc"), 7, options=option(1, b"why", order) + bytes(4), order=order)
    + simple(frame(RW, b"abc"), order=order)
    + obsolete(frame(RW, b"abc"), order=order)
    for order in "<>"
)

SOURCES = {
    **seeds(),
    **{f"packed {path.name}": path.read_bytes()[:4096] for path in sorted(PCAPS.glob("*.zst"))},
    "packed.gz": gzip.compress((PCAPS / "hello.pcap").read_bytes()),
    "sections": SECTIONS,
    "swapped": pcap_header(order=">") + pcap_record(frame(RW, b"abc"), order=">"),
}

# Numbers that lengths and counts go wrong by.
NUMBERS = [0, 1, 2, 3, 4, 12, 0x7F, 0x80, 0xFF, 0xFFFF, 2**18, 2**24, 2**31 - 1, 2**31, 2**32 - 1]


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    data = bytearray(SOURCES[draw(st.sampled_from(sorted(SOURCES)))])
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 5)):
            case 0:
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                order = draw(st.sampled_from("<>"))
                data[at : at + 4] = struct.pack(order + "I", draw(st.sampled_from(NUMBERS)))
            case 2:
                del data[at : at + draw(st.integers(1, 40))]
            case 3:
                data[at:at] = draw(st.binary(max_size=40))
            case 4:
                data[at:at] = data[at : at + draw(st.integers(1, 200))]
            case 5:
                del data[at:]
    return bytes(data)


@settings(max_examples=250)
@given(mutations())
def test_a_damaged_capture(data: bytes) -> None:
    tracemalloc.start()
    try:
        render(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A window, its copy when it grows, and the text of what was read; no length in a field.
    assert peak < (24 << 20)


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    render(data)
    for head in (pcap_header(), section() + interface(), section(">") + interface(order=">")):
        render(head + data)


@pytest.mark.parametrize("name", SOURCES)
def test_the_captures_themselves_are_read(name: str) -> None:
    """What is mutated is worth it: it holds packets."""
    assert render(SOURCES[name]) > 0 or name.startswith("packed ")


def test_counts_of_interfaces_that_are_not_there_are_not_kept(tmp_path: Path) -> None:
    """Else a file of nothing but counts takes more memory than it has bytes."""
    counts = b"".join(block(5, struct.pack("<III", index, 0, 0)) for index in range(1000))
    path = tmp_path / "counts.pcapng"
    path.write_bytes(section() + interface() * 2 + counts + enhanced(frame(RW, b"abc")))
    with closing(Savefile(str(path))) as source:
        assert sum(batch.count for batch in source.batches() if batch) == 1
        assert list(source.drops) == [0, 1]


@pytest.mark.parametrize("order", "<>")
def test_a_length_is_not_believed(order: str) -> None:
    """Four gigabytes announced, none there."""
    heads = [
        pcap_header(order=order) + struct.pack(order + "IIII", 0, 0, 2**32 - 1, 2**32 - 1),
        section(order) + interface(order=order) + struct.pack(order + "II", 6, 2**32 - 4),
        section(order) + struct.pack(order + "II", 10, 16 * 2**20),
        struct.pack(order + "III", 0x0A0D0D0A, 2**32 - 4, 0x1A2B3C4D),
    ]
    for head in heads:
        tracemalloc.start()
        assert render(head + bytes(64)) == 0
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < (8 << 20)
