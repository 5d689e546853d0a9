"""A capture that a thread reads while others look at it."""

from __future__ import annotations

import gzip
import time
from array import array
from pathlib import Path

import pytest

from tests import captures
from tests.captures import some
from tests.looking import opened
from tests.talks import full, hello, saved, stalled
from vsockdump.browsing.opened import Most, Opened, Reading
from vsockdump.errors import ReadError
from vsockdump.events import Kind
from vsockdump.flows import Verdict


def test_what_is_known_in_the_end(tmp_path: Path) -> None:
    talk = stalled()
    hello(talk, 1025)
    with opened(saved(talk, tmp_path / "two.pcapng", dropped=5)) as found:
        assert (found.state, found.error, found.progress) == (Reading.DONE, "", 1.0)
        assert (found.count, found.first, found.ended) == (19, 1, True)
        assert found.quality.lost == 5
        assert [flow.verdict for flow in found.flows([1, 2])] == [Verdict.STALLED, Verdict.SF]
        assert found.flow(3) is None
        assert found.ranked("bytes", 1) == array("Q", [1])
        assert [event.kind for event in found.findings.of(1)] == [Kind.STALL]
        assert [event.kind for event in found.findings.at(7)] == [Kind.STALL]
        assert found.index.at(7).severity == 3
        assert found.packet(19).number == 19


def test_nothing_is_looked_at_before_it_is_read(tmp_path: Path) -> None:
    with opened(saved(hello(), tmp_path / "one.pcapng"), read=False) as found:
        assert (found.count, found.ended) == (0, False)
        with pytest.raises(IndexError):
            found.packet(1)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_packed_file_is_looked_at_as_a_plain_one(tmp_path: Path, pack: type[bytes]) -> None:
    path = tmp_path / "packed"
    path.write_bytes(pack(captures.pcap(some(9000))))
    with opened(path) as found:
        assert found.count == 9000
        assert found.packet(8999).payload.startswith(b"008998")


def test_a_damaged_file_is_shown_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(captures.pcap(some(3))[:-1])
    with opened(path) as found:
        assert (found.state, found.count) == (Reading.DONE, 2)
        assert "damaged at byte" in found.error


def test_a_file_of_nothing_but_damage(tmp_path: Path) -> None:
    path = tmp_path / "bad.pcap"
    path.write_bytes(captures.pcap([]) + b"\xff" * 16)
    with opened(path) as found:
        assert found.state is Reading.FAILED
        assert "impossible length" in found.error


def test_what_is_no_capture_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("hello")
    with pytest.raises(ReadError, match="neither pcap nor pcapng"):
        Opened(str(path))


def test_only_some_packets(tmp_path: Path) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(captures.pcap(some(9000)))
    with opened(path) as found:
        wanted = array("Q", [1, 5, 4096, 4097, 9000])
        seen = [
            (batch.number(row), batch.payload(row)[:6])
            for batch in found.only(wanted)
            for row in range(batch.count)
        ]
        assert seen == [(number, f"{number - 1:06d}".encode()) for number in wanted]
        assert list(found.only(array("Q"))) == []


@pytest.mark.parametrize("after", [0, 1, 4095, 4096, 8999, 9000])
def test_all_packets_behind_one(tmp_path: Path, after: int) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(captures.pcap(some(9000)))
    with opened(path) as found:
        numbers: list[int] = []
        for batch in found.batches(after):
            assert batch is not None
            numbers += [batch.number(row) for row in range(batch.count)]
        assert numbers == list(range(after + 1, 9001))


def wait(found: Opened, count: int) -> None:
    while found.count < count:
        time.sleep(0.01)


def test_a_file_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "grows.pcap"
    whole = captures.pcap(some(30))
    path.write_bytes(whole[: -(len(whole) - 24) // 30])
    with opened(path, follow=True, read=False) as found:
        found.start()
        wait(found, 28)
        with path.open("ab") as file:
            file.write(whole[path.stat().st_size :])
        wait(found, 30)
        assert found.packet(30).payload.startswith(b"000029")
        found.no_more()
        while not found.ended:
            time.sleep(0.01)
        assert found.error == ""


def test_the_oldest_are_let_go(tmp_path: Path) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(captures.pcap(some(30_000)))
    told: list[int] = []
    found = Opened(str(path), most=Most(5000, 1 << 40, told.append))
    found.start()
    while not found.ended:
        time.sleep(0.01)
    assert 20_000 < found.first <= 25_000
    assert told == sorted(told)
    assert told[-1] > 0
    with pytest.raises(IndexError):
        found.packet(1)
    assert found.packet(found.first).number == found.first
    assert next(iter(found.batches())).first >= found.first - 4096  # type: ignore[union-attr]
    found.close()


def test_what_is_let_go_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(captures.pcap(some(30_000)))
    found = Opened(str(path), most=Most(5000, 1 << 40, lambda offset: None))
    found.start()
    while not found.ended:
        time.sleep(0.01)
    first = found.first
    assert (found.flow_of(1), found.flow_of(first), found.flow_of(30_001)) == (0, 1, 0)
    numbers = array("Q", [1, 2, first, 30_000, 30_001])
    seen = [batch.number(row) for batch in found.only(numbers) for row in range(batch.count)]
    assert seen == [first, 30_000]
    found.close()


def test_a_file_that_changes_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "changes.pcap"
    path.write_bytes(captures.pcap(some(3)))
    with opened(path) as found:
        path.write_bytes(b"\xff" * path.stat().st_size)
        with pytest.raises(ReadError):
            found.packet(1)
        assert found.error == f"{path}: the file has changed meanwhile"


def test_no_more_than_wanted(tmp_path: Path) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(captures.pcap(some(30)))
    found = Opened(str(path), limit=7)
    found.start()
    while not found.ended:
        time.sleep(0.01)
    assert (found.count, found.error) == (7, "")
    found.close()


def test_what_is_beyond_the_memory_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(captures.pcap(some(30_000)))
    told: list[int] = []
    found = Opened(str(path), most=Most(1 << 40, 1 << 20, told.append))
    found.start()
    while not found.ended:
        time.sleep(0.01)
    assert abs(path.stat().st_size - (1 << 20) - told[-1]) < 1 << 19  # a piece more or less
    found.close()


def test_a_connection_that_is_open_is_known_as_such(tmp_path: Path) -> None:
    with opened(saved(full(), tmp_path / "full.pcapng")) as found:
        flow = found.flow(1)
        assert flow is not None
        assert flow.fwd.free == 0
