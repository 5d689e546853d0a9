"""What a connection of an opened capture carries, read in pieces."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from vsockdump.browsing.opened import Opened, Reading
from vsockdump.browsing.streams import BEGIN, Point, Stream, stream
from vsockdump.joined import Kind, Part

from .captures import START, Taken, enhanced, interface, pcap, section
from .conversation import HEADERS, Packet, Talk, cut
from .test_joined import PCAPS, SENT, joined, segments_of


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Read a capture to its end."""
    made = Opened(str(path))
    made.start()
    try:
        made._thread.join()
        assert made.state is Reading.DONE
        yield made
    finally:
        made.close()


def saved(folder: Path, packets: Sequence[Packet]) -> Path:
    path = folder / "talk.pcap"
    path.write_bytes(pcap(Taken(START + p.time, p.frame, p.wire) for p in packets))
    return path


@pytest.mark.parametrize("name", sorted(SENT))
def test_real_captures(name: str) -> None:
    with opened(PCAPS / name) as capture:
        parts = list(stream(capture, 1))
    assert [p._replace(time=0) for p in parts] == joined(segments_of(PCAPS / name))


def parts_of(folder: Path, talk: Talk | list[Packet]) -> list[Part]:
    packets = talk.packets if isinstance(talk, Talk) else talk
    with opened(saved(folder, packets)) as capture:
        return list(stream(capture, 1))


Short = tuple[int, int, int, int | None, Kind]


def short(parts: list[Part]) -> list[Short]:
    return [(p.number, p.side, p.offset, p.size, p.kind) for p in parts]


def gapped() -> Talk:
    """Lose 50 bytes: their reader says in packet 5 that it has them, and 7 that nothing is late."""
    talk = Talk().open().rw("src", 100).rw("src", 100).update("dst", fwd=250)
    return talk.rw("dst", 7).at(1).rw("src", 10, fwd=7).update("dst", fwd=260)


def test_a_gap_stands_before_the_packet_that_shows_it(tmp_path: Path) -> None:
    assert short(parts_of(tmp_path, gapped())) == [
        (3, 0, 0, 100, Kind.DATA),
        (4, 0, 100, 100, Kind.DATA),
        (5, 0, 200, 50, Kind.GAP),
        (6, 1, 0, 7, Kind.DATA),
        (7, 0, 250, 10, Kind.DATA),
    ]


def test_a_gap_behind_all_data(tmp_path: Path) -> None:
    talk = Talk().open().rw("src", 100).update("dst", fwd=150).at(1).update("dst", fwd=150)
    assert short(parts_of(tmp_path, talk)) == [(3, 0, 0, 100, Kind.DATA), (4, 0, 100, 50, Kind.GAP)]


def test_a_connection_whose_beginning_was_not_captured(tmp_path: Path) -> None:
    assert short(parts_of(tmp_path, Talk().rw("dst", 5).rw("dst", 6))) == [
        (1, 0, 0, None, Kind.GAP),
        (1, 0, 0, 5, Kind.DATA),
        (2, 0, 5, 6, Kind.DATA),
    ]


def test_one_that_was_captured_from_its_answer_on(tmp_path: Path) -> None:
    assert short(parts_of(tmp_path, Talk().response().rw("src", 5))) == [(2, 0, 0, 5, Kind.DATA)]


def test_a_cut_capture(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, cut(Talk().open().rw("src", 10).rw("src", 3).packets, HEADERS + 4))
    assert short(parts) == [
        (3, 0, 0, 4, Kind.DATA),
        (3, 0, 4, 6, Kind.CUT),
        (4, 0, 10, 3, Kind.DATA),
    ]


@pytest.mark.parametrize("most", [1, 110, 207, 10**6])
@pytest.mark.parametrize("packets", [1, 3])
def test_any_pieces_read_from_any_point_give_the_same(
    tmp_path: Path, most: int, packets: int
) -> None:
    found: list[Part] = []
    point = BEGIN
    with opened(saved(tmp_path, gapped().packets)) as capture:
        whole = list(stream(capture, 1))
        while piece := (again := Stream(capture, 1, point)).read(most, packets):
            data = [len(part.data) for part in piece if not part.hole]
            assert sum(data) <= most or len(data) == 1
            found += piece
            point = again.point
        assert Stream(capture, 1, point).read() == []
    assert found == whole
    assert point == Point(7, (260, 7))


@pytest.mark.parametrize("most", [1, 110, 207, 10**6])
@pytest.mark.parametrize("packets", [1, 3])
def test_skipping_goes_as_far_as_reading(tmp_path: Path, most: int, packets: int) -> None:
    with opened(saved(tmp_path, gapped().packets)) as capture:
        reading, skipping = Stream(capture, 1), Stream(capture, 1)
        while reading.read(most, packets):
            assert skipping.skip(most, packets)
            assert skipping.point == reading.point
        assert not skipping.skip(most, packets)


def test_a_point_within(tmp_path: Path) -> None:
    with opened(saved(tmp_path, gapped().packets)) as capture:
        parts = Stream(capture, 1, Point(4, (1200, 0))).read()
    assert short(parts) == [
        (5, 0, 1200, 50, Kind.GAP),
        (6, 1, 0, 7, Kind.DATA),
        (7, 0, 1250, 10, Kind.DATA),
    ]


def test_there_is_no_such_connection(tmp_path: Path) -> None:
    with opened(saved(tmp_path, Talk().open().packets)) as capture:
        assert list(stream(capture, 1)) == list(stream(capture, 2)) == []


def test_two_connections_are_kept_apart(tmp_path: Path) -> None:
    talk = Talk().open()
    other = Talk(src=(3, 1025), on=talk).open().rw("src", 8)
    talk.rw("src", 9)
    with opened(saved(tmp_path, other.packets)) as capture:
        assert short(list(stream(capture, 1))) == [(6, 0, 0, 9, Kind.DATA)]
        assert short(list(stream(capture, 2))) == [(5, 0, 0, 8, Kind.DATA)]


@pytest.mark.parametrize(
    ("kernel", "leaked"),
    [(b"Linux 6.17.1", True), (b"Linux 6.12.107", False), (b"FreeBSD", False), (b"", False)],
)
def test_what_may_be_the_kernels_memory(tmp_path: Path, kernel: bytes, leaked: bool) -> None:
    talk = Talk().open().rw("src", 32404).rw("src", 32405)
    taken = [Taken(START + p.time, p.frame, p.wire) for p in talk.packets]
    head = section() + interface(given=((9, b"\x09"), (12, kernel)))
    path = tmp_path / "os.pcapng"
    path.write_bytes(head + b"".join(enhanced(one) for one in taken))
    with opened(path) as capture:
        assert [part.leaked for part in stream(capture, 1)] == [False, leaked]


def test_what_comes_later_is_read_later(tmp_path: Path) -> None:
    packets = gapped().packets
    whole = saved(tmp_path, packets).read_bytes()
    path = tmp_path / "growing.pcap"
    path.write_bytes(saved(tmp_path, packets[:3]).read_bytes())
    capture = Opened(str(path), follow=True)
    capture.start()
    try:
        until(capture, 3)
        reading = Stream(capture, 1)
        assert short(reading.read()) == [(3, 0, 0, 100, Kind.DATA)]
        assert reading.read() == []
        path.write_bytes(whole)
        until(capture, len(packets))
        assert short(reading.read()) == [
            (4, 0, 100, 100, Kind.DATA),
            (5, 0, 200, 50, Kind.GAP),
            (6, 1, 0, 7, Kind.DATA),
            (7, 0, 250, 10, Kind.DATA),
        ]
    finally:
        capture.close()


def until(capture: Opened, count: int) -> None:
    """Wait until so many packets were read, for as long as the test may take."""
    while capture.count < count:
        time.sleep(0.01)


def test_what_was_let_go_meanwhile(tmp_path: Path) -> None:
    with opened(saved(tmp_path, gapped().packets)) as capture:
        reading = Stream(capture, 1)
        assert short(reading.read(100)) == [(3, 0, 0, 100, Kind.DATA)]
        capture.index.let_go(7)
        assert short(reading.read()) == [
            (7, 0, 100, None, Kind.GAP),
            (7, 1, 0, None, Kind.GAP),
            (7, 0, 100, 10, Kind.DATA),
        ]
        assert short(list(stream(capture, 1))) == [
            (7, 0, 0, None, Kind.GAP),
            (7, 1, 0, None, Kind.GAP),
            (7, 0, 0, 10, Kind.DATA),
        ]
