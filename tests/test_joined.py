"""The bytes of a connection, in order, with holes."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.engine.track import Tracker
from vsockdump.joined import Joiner, Kind, Part, Segment, Stretch, messages, stretches
from vsockdump.sources.savefile import Savefile

from .frames import RW, SEQPACKET, STREAM

PCAPS = Path(__file__).parent.parent / "pcaps"
EOM, EOR = 1, 2


def segment(
    number: int,
    data: bytes,
    side: int = 0,
    *,
    size: int | None = None,
    type: int = STREAM,  # noqa: A002 - the field's name
    flags: int = 0,
    leaked: bool = False,
) -> Segment:
    size = len(data) if size is None else size
    return Segment(number, 100 * number, side, size, data, type, flags, leaked)


def joined(segments: Iterable[Segment]) -> list[Part]:
    joiner = Joiner()
    return [part for one in segments for part in joiner.feed(one)]


def counter(size: int) -> bytes:
    return b"".join(n.to_bytes(4, "big") for n in range(size // 4 + 1))[:size]


# What is fed, and what is to come of it.
TABLE = {
    "whole": (
        [segment(1, b"Hello"), segment(3, b", world!")],
        [Part(1, 100, 0, 0, b"Hello", 5), Part(3, 300, 0, 5, b", world!", 8)],
    ),
    "each side counts its own": (
        [segment(1, b"abc"), segment(2, b"xy", 1), segment(3, b"d"), segment(4, b"z", 1)],
        [
            Part(1, 100, 0, 0, b"abc", 3),
            Part(2, 200, 1, 0, b"xy", 2),
            Part(3, 300, 0, 3, b"d", 1),
            Part(4, 400, 1, 2, b"z", 1),
        ],
    ),
    "cut": (
        [segment(1, b"ab", size=10), segment(2, b"c")],
        [
            Part(1, 100, 0, 0, b"ab", 2),
            Part(1, 100, 0, 2, b"", 8, Kind.CUT),
            Part(2, 200, 0, 10, b"c", 1),
        ],
    ),
    "headers only": ([segment(1, b"", size=7)], [Part(1, 100, 0, 0, b"", 7, Kind.CUT)]),
    "more than it says": ([segment(1, b"abcdef", size=2)], [Part(1, 100, 0, 0, b"ab", 2)]),
    "nothing": ([segment(1, b"")], [Part(1, 100, 0, 0, b"", 0)]),
    "a message": (
        [segment(1, b"ab", type=SEQPACKET), segment(2, b"c", type=SEQPACKET, flags=EOM | EOR)],
        [
            Part(1, 100, 0, 0, b"ab", 2),
            Part(2, 200, 0, 2, b"c", 1, end_of_message=True, end_of_record=True),
        ],
    ),
    "a message ends behind its hole": (
        [segment(1, b"ab", size=3, type=SEQPACKET, flags=EOM)],
        [Part(1, 100, 0, 0, b"ab", 2), Part(1, 100, 0, 2, b"", 1, Kind.CUT, end_of_message=True)],
    ),
    "a stream has no messages": (
        [segment(1, b"a", flags=EOM | EOR)],
        [Part(1, 100, 0, 0, b"a", 1)],
    ),
    "the kernel's memory": (
        [segment(1, b"abc", size=4, leaked=True)],
        [
            Part(1, 100, 0, 0, b"abc", 3, leaked=True),
            Part(1, 100, 0, 3, b"", 1, Kind.CUT, leaked=True),
        ],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_parts(name: str) -> None:
    segments, parts = TABLE[name]
    assert joined(segments) == parts


def test_a_gap_takes_its_place() -> None:
    joiner = Joiner((1000, 2000))
    assert joiner.lost(5, 500, 1, 24) == Part(5, 500, 1, 2000, b"", 24, Kind.GAP)
    assert joiner.lost(6, 600, 0, None) == Part(6, 600, 0, 1000, b"", None, Kind.GAP)
    assert joiner.feed(segment(7, b"ab", 1)) == [Part(7, 700, 1, 2024, b"ab", 2)]
    assert joiner.feed(segment(8, b"ab", 0)) == [Part(8, 800, 0, 1000, b"ab", 2)]
    assert joiner.offsets == (1002, 2026)


@given(st.binary(max_size=60), st.lists(st.integers(0, 60)), st.data())
def test_any_cutting_gives_the_same_bytes(
    whole: bytes, cuts: list[int], data: st.DataObject
) -> None:
    places = [0, *sorted(min(at, len(whole)) for at in cuts), len(whole)]
    sides = data.draw(st.lists(st.integers(0, 1), min_size=len(places), max_size=len(places)))
    told = [
        segment(n, whole[a:b], side)
        for n, ((a, b), side) in enumerate(zip(pairwise(places), sides, strict=False), 1)
    ]
    parts = joined(told)
    assert b"".join(part.data for part in parts) == whole
    for side in (0, 1):
        own = [part for part in parts if part.side == side]
        at = 0
        for part in own:
            assert part.offset == at
            at += part.size or 0
        sent = b"".join(one.data for one in told if one.side == side)
        assert b"".join(part.data for part in own) == sent
    assert [part for piece in stretches(parts, 9) for part in piece.parts] == parts


@given(st.lists(st.tuples(st.binary(max_size=9), st.booleans(), st.integers(0, 3)), max_size=9))
def test_any_messages(pieces: list[tuple[bytes, bool, int]]) -> None:
    told = [
        segment(n, data, size=len(data) + lack, type=SEQPACKET, flags=EOM * ends)
        for n, (data, ends, lack) in enumerate(pieces, 1)
    ]
    found = list(messages(joined(told), 0))
    assert sum(message.size for message in found) == sum(one.size for one in told)
    assert b"".join(message.data for message in found) == b"".join(one.data for one in told)
    assert [message.ended for message in found].count(True) == sum(ends for _, ends, _ in pieces)
    assert all(message.ended for message in found[:-1])
    assert all(m.whole == (len(m.data) == m.size) for m in found)


def test_stretches_end_where_something_changes() -> None:
    parts = joined(
        [
            segment(1, b"ab"),
            segment(2, b"cd"),
            segment(3, b"X", 1),
            segment(4, b"ef", size=3),
            segment(5, b"g"),
            segment(6, b"h", type=SEQPACKET, flags=EOM),
            segment(7, b"i"),
            segment(8, b"0123456789"),
            segment(9, b"j"),
        ]
    )
    found = [(s.side, s.begin, s.data, s.whole, s.ended) for s in stretches(parts, 4)]
    assert found == [
        (0, 0, b"abcd", True, False),
        (1, 0, b"X", True, False),
        (0, 4, b"ef", True, False),
        (0, 6, b"", False, False),
        (0, 7, b"gh", True, True),
        (0, 9, b"i", True, False),
        (0, 10, b"0123456789", True, False),
        (0, 20, b"j", True, False),
    ]


def test_where_a_byte_came_from() -> None:
    stretch = Stretch(tuple(joined([segment(4, b"abc"), segment(6, b"de"), segment(9, b"f")])))
    assert [stretch.at(offset) for offset in range(8)] == [4, 4, 4, 6, 6, 9, 9, 9]
    later = Stretch(stretch.parts[1:])
    assert (later.begin, later.at(0)) == (3, 6)


def segments_of(path: Path) -> list[Segment]:
    """Read the RW packets of a capture of one connection; duplicates are left out."""
    tracker, source, found = Tracker(steps=True), Savefile(str(path)), []
    for batch in source.batches():
        assert batch is not None
        batch.first = tracker.counts.packets + 1
        tracker.feed(batch)
        for row in range(batch.count):
            step = tracker.step(row)
            values = {
                name: batch.column(name)[row]
                for name in ("virtio_op", "virtio_len", "virtio_type", "virtio_flags")
            }
            op, size, kind, flags = values.values()
            if step is not None and op == RW:
                found.append(
                    Segment(batch.number(row), 0, step.side, size, batch.payload(row), kind, flags)
                )
    source.close()
    return found


# What pcaps/README.md says was sent, one way and the other.
SENT = {
    "hello.pcap": (b"Hello, world!", b"welcome"),
    "hello-dumpcap.pcapng": (b"Hello, world!", b"welcome"),
    "nested-hello.pcap": (b"Hello, world!", b"welcome"),
    "any-sll1.pcap": (b"Hello, world!", b"welcome"),
    "any-sll2.pcap": (b"Hello, world!", b"welcome"),
    "half-close.pcap": (b"echo this", b"echo this"),
    "bulk.pcap.zst": (counter(600000), b""),
    "slow-reader.pcap.zst": (counter(300000), b""),
    "many-unread.pcap.zst": (counter(120000), b""),
    "split-6.1.pcap.zst": (counter(150000), b""),
    "split-6.12.pcap.zst": (counter(150000), b""),
}


@pytest.mark.parametrize("name", SENT)
def test_real_captures(name: str) -> None:
    parts = joined(segments_of(PCAPS / name))
    assert not any(part.hole for part in parts)
    got = [b"".join(part.data for part in parts if part.side == side) for side in (0, 1)]
    assert tuple(got) in (SENT[name], SENT[name][::-1])


def test_a_cut_capture_still_counts() -> None:
    parts = joined(segments_of(PCAPS / "snaplen-96.pcap"))
    assert sum(part.size or 0 for part in parts) == 2000000
    assert {len(part.data) for part in parts if not part.hole} == {20}
    assert sum(part.hole for part in parts) == 31


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_messages_of_real_captures(kernel: str) -> None:
    parts = joined(segments_of(PCAPS / f"split-seqpacket-{kernel}.pcap.zst"))
    found = [message for side in (0, 1) for message in messages(parts, side)]
    assert [message.data for message in found] == [b"small", b"M" * 10000, b"L" * 70000]
    assert [message.parts[-1].end_of_record for message in found] == [False, True, False]
    assert all(message.whole and message.ended for message in found)


def test_messages_larger_than_a_packet() -> None:
    parts = joined(segments_of(PCAPS / "seqpacket.pcap.zst"))
    sizes = [1, 128, 4096, 65536, 65537, 150000]
    found = [message.data for message in messages(parts, 0)]
    assert found == [counter(size) for size in sizes]
