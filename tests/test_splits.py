"""Kernel defect A: which bytes of a frame are the packet's, by Splits and by dissect()."""

from collections.abc import Callable, Iterable, Iterator

import pytest

from vsockdump.dissectors import dissect
from vsockdump.dissectors.notes import Note
from vsockdump.dissectors.splits import MOST, Splits

from .frames import ENDS, RW, SEQPACKET, SHUTDOWN, SLL, SLL2, VSOCK, Ends, frame, sll, sll2

PIECE = 3732  # what fits a guest's receive buffer of a page
CLEAN, LONE, A1, A2 = Note(0), Note.DEFECT_A, Note.DEFECT_A1, Note.DEFECT_A2


def counter(size: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


def pieces(size: int, piece: int = PIECE) -> Iterator[tuple[int, int]]:
    """Yield where each piece of a packet begins, and its length."""
    return ((at, min(piece, size - at)) for at in range(0, size, piece))


def a1(data: bytes, piece: int = PIECE, ends: Ends = ENDS) -> list[bytes]:
    """Frames as Linux 6.3-6.6 taps them: all that is still to be sent."""
    cut = pieces(len(data), piece)
    return [frame(RW, data[at:], ends=ends, length=length) for at, length in cut]


def a2(data: bytes, piece: int = PIECE, ends: Ends = ENDS) -> list[bytes]:
    """Frames as Linux 6.7-7.0 taps them: the whole packet every time."""
    return [frame(RW, data, ends=ends, length=length) for _, length in pieces(len(data), piece)]


def seen(
    frames: Iterable[bytes], linktype: int = VSOCK, interface: int = 0
) -> list[tuple[Note, bytes]]:
    splits = Splits()
    found = [dissect(data, linktype, splits=splits, interface=interface) for data in frames]
    return [(one.notes, one.payload) for one in found]


def joined(found: list[tuple[Note, bytes]]) -> bytes:
    return b"".join(payload for _, payload in found)


@pytest.mark.parametrize("size", [PIECE + 1, 2 * PIECE, 10000, 65536])
def test_a1_takes_the_head_of_what_shrinks(size: int) -> None:
    found = seen(a1(counter(size)))
    assert joined(found) == counter(size)
    middle = len(found) - 2  # the last piece is as it should be: nothing stands behind it
    assert [notes for notes, _ in found] == [LONE, *[A1] * middle, CLEAN]


@pytest.mark.parametrize("size", [PIECE + 1, 2 * PIECE, 10000, 65536])
def test_a2_takes_the_bytes_at_the_running_offset(size: int) -> None:
    found = seen(a2(counter(size)))
    assert joined(found) == counter(size)
    assert [notes for notes, _ in found] == [LONE, *[A2] * (len(found) - 1)]


def test_a2_begins_anew_where_a_packet_of_the_same_length_follows() -> None:
    found = seen([*a2(counter(10000)), *a2(counter(10000))])
    assert joined(found) == counter(10000) * 2
    assert [notes for notes, _ in found] == [LONE, A2, A2] * 2


def test_a1_of_two_equal_halves_is_not_a2_when_it_comes_again() -> None:
    """Frames of 7464, 3732, 7464, 3732 bytes: the third is as long as the first, by chance."""
    data = [counter(2 * PIECE), bytes(2 * PIECE)]
    found = seen(a1(data[0]) + a1(data[1]))
    assert joined(found) == b"".join(data)
    assert [notes for notes, _ in found] == [LONE, CLEAN] * 2


def test_a_whole_packet_between_two_long_ones_parts_them() -> None:
    long = frame(RW, bytes(100), length=10)
    assert [notes for notes, _ in seen([long, frame(RW, b"whole"), long])] == [LONE, CLEAN, LONE]


def test_a_packet_that_is_no_rw_parts_nothing() -> None:
    first, second, *_ = a2(counter(10000))
    found = seen([first, frame(SHUTDOWN, flags=1), second])
    assert [notes for notes, _ in found] == [LONE, CLEAN, A2]


def test_a_lone_long_frame_is_uncertain() -> None:
    assert seen([frame(RW, b"abcdEFGHIJ", length=4)]) == [(LONE, b"abcd")]


def test_without_neighbours_every_long_frame_is_uncertain() -> None:
    found = [dissect(data) for data in a1(counter(10000))]
    assert [one.notes for one in found] == [LONE, LONE, CLEAN]


def test_connections_and_directions_are_kept_apart() -> None:
    back = Ends(2, 3, 1234, 1024)
    other = ENDS._replace(src_port=1025)
    mixed = [a1(counter(10000)), a2(counter(9000), ends=back), a1(counter(8000), ends=other)]
    found = seen([one for row in zip(*mixed, strict=True) for one in row])
    for start, (size, note) in enumerate(((10000, A1), (9000, A2), (8000, A1))):
        mine = found[start::3]
        assert joined(mine) == counter(size)
        assert mine[1][0] == note


def test_two_links_are_told_apart_by_sll2() -> None:
    """Every packet comes twice in a row, which would look like A2 without the interface."""
    frames = [sll2(ifindex) + one for one in a1(counter(10000)) for ifindex in (17, 2)]
    found = seen(frames, SLL2)
    assert joined(found[::2]) == joined(found[1::2]) == counter(10000)
    assert [notes for notes, _ in found] == [LONE, LONE, A1, A1, CLEAN, CLEAN]


def test_two_interfaces_of_a_capture_are_told_apart() -> None:
    splits, found = Splits(), []
    for one in a1(counter(10000)):
        found += [dissect(one, VSOCK, splits=splits, interface=index).notes for index in (0, 1)]
    assert found == [LONE, LONE, A1, A1, CLEAN, CLEAN]


@pytest.mark.parametrize("make", [a1, a2])
def test_sll1_does_not_name_the_link_and_is_never_decided(
    make: Callable[[bytes], list[bytes]],
) -> None:
    found = seen([sll() + one for one in make(counter(10000)) for _ in range(2)], SLL)
    assert {notes for notes, _ in found} <= {LONE, CLEAN}
    assert found[0] == found[1] == (LONE, counter(PIECE))


def test_the_end_of_a_message_stands_on_its_last_piece() -> None:
    data = counter(5000)
    flags = (0, 3)
    cut = [
        frame(RW, data[at:], length=length, kind=SEQPACKET, flags=flags[at > 0])
        for at, length in pieces(5000)
    ]
    assert joined(seen(cut)) == data
    last = dissect(cut[-1]).virtio
    assert last is not None and last.flag_names == ["EOM", "EOR"]


def test_a_snaplen_does_not_hide_the_kind() -> None:
    """Lengths count as they were on the wire; of A2 little is left but the first piece."""
    splits = Splits()
    for at, one in zip(range(0, 10000, PIECE), a2(counter(10000)), strict=True):
        found = dissect(one[:4000], VSOCK, len(one), splits)
        kind = A2 if at else LONE
        kept = counter(10000)[: 4000 - 76][at : at + PIECE]
        assert (found.notes, found.payload) == (
            kind | (Note.TRUNCATED if len(kept) < min(PIECE, 10000 - at) else CLEAN),
            kept,
        )


def test_no_more_directions_are_remembered_than_said() -> None:
    splits = Splits()
    for direction in range(MOST + 10):
        splits.feed(direction, 100, 10)
    assert len(splits) == MOST
    assert splits.feed(9, 90, 10) == (LONE, 0), "the oldest is forgotten"
    assert splits.feed(MOST + 9, 90, 10) == (A1, 0), "the newest is not"


def test_the_longest_unused_direction_is_forgotten_first() -> None:
    splits = Splits()
    for direction in range(MOST):
        splits.feed(direction, 100, 10)
    splits.feed(0, 90, 10)
    splits.feed("one more", 100, 10)
    assert splits.feed(0, 80, 10) == (A1, 0)
    assert splits.feed(1, 90, 10) == (LONE, 0)


def test_forgetting_what_is_not_known_is_nothing() -> None:
    splits = Splits()
    splits.forget("nobody")
    assert len(splits) == 0
