"""The part of a connection that is on the screen."""

from pathlib import Path

import pytest

from vsockdump.browsing.opened import Opened
from vsockdump.browsing.streams import Point, stream
from vsockdump.tui import followpart
from vsockdump.tui.followpart import BYTES, Piece, Start
from vsockdump.tui.followtext import FROM_THE_START, SOMEWHERE

from .conversation import Talk
from .frames import SEQPACKET
from .test_streams import gapped, opened, saved, until

SIZE = 65536


def long(count: int, kind: int = 1) -> Talk:
    talk = Talk(kind=kind, buf=1 << 30).open()
    for _ in range(count):
        talk.rw("src", SIZE, flags=1 if kind == SEQPACKET else 0).rw("dst", 4)
    return talk


def chain(capture: Opened, start: Start) -> list[Piece]:
    """Read part after part."""
    found = [followpart.read(capture, 1, start, Piece())]
    while found[-1].more:
        found.append(followpart.read(capture, 1, found[-1].next, found[-1]))
    return found


def test_parts_are_all_there_is(tmp_path: Path) -> None:
    with opened(saved(tmp_path, long(9).packets)) as capture:
        found = chain(capture, Start())
        assert [part for piece in found for part in piece.parts] == list(stream(capture, 1))
    assert len(found) == 3
    assert [piece.end.offsets for piece in found] == [
        (3 * SIZE, 12),
        (6 * SIZE, 24),
        (9 * SIZE, 36),
    ]
    assert all(sum(part.size or 0 for part in piece.parts) <= BYTES for piece in found)


def test_messages_are_counted_from_part_to_part(tmp_path: Path) -> None:
    with opened(saved(tmp_path, long(9, SEQPACKET).packets)) as capture:
        found = chain(capture, Start())
    assert [piece.start.tally[0].messages for piece in found] == [0, 3, 6]


@pytest.mark.parametrize(
    ("number", "parts"), [(1, 1), (8, 1), (9, 2), (14, 2), (15, 3), (1 << 62, 3)]
)
def test_a_part_far_away_is_reached_without_reading(
    tmp_path: Path, number: int, parts: int
) -> None:
    with opened(saved(tmp_path, long(9).packets)) as capture:
        starts = [Start()]
        followpart.reach(capture, 1, starts, number, lambda: True)
        read = chain(capture, Start())
    assert [start.point for start in starts] == [piece.start.point for piece in read[:parts]]
    assert [start.tally for start in starts] == [FROM_THE_START, SOMEWHERE, SOMEWHERE][:parts]


def test_who_is_not_waited_for_does_not_go_on(tmp_path: Path) -> None:
    with opened(saved(tmp_path, long(9).packets)) as capture:
        starts = [Start()]
        followpart.reach(capture, 1, starts, 1 << 62, lambda: False)
    assert starts == [Start()]


def test_what_is_known_is_not_read_again(tmp_path: Path) -> None:
    packets = gapped().packets
    whole = saved(tmp_path, packets).read_bytes()
    path = tmp_path / "growing.pcap"
    path.write_bytes(saved(tmp_path, packets[:3]).read_bytes())
    capture = Opened(str(path), follow=True)
    capture.start()
    try:
        until(capture, 3)
        first = followpart.read(capture, 1, Start(), Piece())
        assert [part.number for part in first.parts] == [3]
        assert not first.more
        assert followpart.read(capture, 1, Start(), first) == first
        marked = first._replace(parts=(first.parts[0]._replace(time=-1),))
        path.write_bytes(whole)
        until(capture, len(packets))
        again = followpart.read(capture, 1, Start(), marked)
        assert again.parts[0].time != -1, "a gap was found meanwhile: it may be in what was read"
        assert [part.number for part in again.parts] == [3, 4, 5, 6, 7]
        kept = followpart.read(capture, 1, Start(), marked._replace(gaps=1))
        assert kept.parts[0].time == -1
        assert kept.parts[1:] == again.parts[1:]
        assert kept.end == again.end == Point(7, (260, 7))
    finally:
        capture.close()


def test_a_full_part_stays_as_it_is(tmp_path: Path) -> None:
    with opened(saved(tmp_path, long(9).packets)) as capture:
        first, *_, last = chain(capture, Start())
        assert followpart.read(capture, 1, Start(), first) is first
        assert followpart.read(capture, 1, last.start, last) == last
        full = last._replace(parts=last.parts * 2, end=first.end)
        assert followpart.read(capture, 1, last.start, full) == full._replace(more=True)
