"""What an expression chooses in the background is what it chooses on the command line."""

from __future__ import annotations

import time
from array import array
from pathlib import Path

import pytest

from tests import captures
from tests.captures import some
from tests.looking import opened
from tests.talks import hello, saved, stalled
from vsockdump import pipeline
from vsockdump.browsing.opened import Most, Opened
from vsockdump.browsing.picked import Picked
from vsockdump.choosing import of_file
from vsockdump.engine.batch import Batch
from vsockdump.filters.tokens import FilterError
from vsockdump.options import Options
from vsockdump.sources.savefile import Savefile

PCAPS = Path(__file__).parents[1] / "pcaps"
EXPRESSIONS = (
    "op rw and len > 100",
    "flow 1",
    "flow 2",
    "flow 1 or flow 2",
    "verdict stalled",
    "problem",
    "not problem",
    "free < 65536",
    "stalled",
    "event stall",
    "state closed and op request",
    'payload contains "a"',
)


def picked(found: Opened, text: str) -> list[int]:
    made = Picked(found, text)
    made.start()
    while made.looked_at < found.count or not found.ended:
        time.sleep(0.001)
    made.stop()
    assert made.error == ""
    return list(made.numbers)


def displayed(path: Path, text: str) -> list[int]:
    """Give the numbers that -Y shows of a file."""
    wanted = Options(display=text)
    numbers: list[int] = []

    class Sink:
        def feed(self, batch: Batch) -> None:
            batch.select(choices.shown(batch) if choices.shown else b"")
            numbers.extend(batch.number(row) for row in range(batch.count))

    source = Savefile(str(path))
    choices = of_file(str(path), wanted, source.interfaces, twice=True)
    pipeline.run(source, [*choices.watching, Sink()])
    source.close()
    return numbers


@pytest.mark.parametrize("text", EXPRESSIONS)
@pytest.mark.parametrize(
    "name", ["slow-reader.pcap.zst", "bulk.pcap.zst", "reuse.pcap", "hello-dumpcap.pcapng"]
)
def test_as_on_the_command_line(name: str, text: str) -> None:
    with opened(PCAPS / name) as found:
        assert picked(found, text) == displayed(PCAPS / name, text)


def test_several_connections(tmp_path: Path) -> None:
    talk = stalled()
    hello(talk, 1025)
    with opened(saved(talk, tmp_path / "two.pcapng")) as found:
        assert picked(found, "verdict sf") == list(range(13, 20))
        assert picked(found, "verdict stalled and op rw") == [3, 4, 5, 6, 8]


def test_a_wrong_expression_is_refused(tmp_path: Path) -> None:
    with opened(saved(hello(), tmp_path / "one.pcapng")) as found, pytest.raises(FilterError):
        Picked(found, "port port")


def test_names(tmp_path: Path) -> None:
    with opened(saved(hello(), tmp_path / "one.pcapng")) as found:
        made = Picked(found, "src cid web and src port agent", {"web": 3}, {"agent": 1024})
        made.start()
        while made.looked_at < found.count:
            time.sleep(0.001)
        made.stop()
        assert made.numbers == array("Q", [1, 3, 6, 7]) or set(made.numbers) <= set(range(1, 8))
        assert made.numbers


def test_it_keeps_up_with_a_file_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "grows.pcap"
    whole = captures.pcap(some(30))
    size = (len(whole) - 24) // 30
    path.write_bytes(whole[: 24 + 10 * size])
    with opened(path, follow=True, read=False) as found:
        found.start()
        made = Picked(found, "len > 0")
        made.start()
        while not made.numbers:
            time.sleep(0.01)
        path.write_bytes(whole)
        while len(made.numbers) < 30:
            time.sleep(0.01)
        made.stop()
        assert list(made.numbers) == list(range(1, 31))


def test_what_is_let_go_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "grows.pcap"
    whole = captures.pcap(some(30_000))
    half = whole.index(b"015000")  # in a packet, which is whole a moment later
    path.write_bytes(whole[:half])
    found = Opened(str(path), follow=True, most=Most(5000, 1 << 40, lambda offset: None))
    found.start()
    made = Picked(found, "len > 0")
    made.start()
    while not made.numbers:
        time.sleep(0.01)
    held = made.numbers
    with path.open("ab") as file:
        file.write(whole[half:])
    while made.looked_at < 30_000:
        time.sleep(0.01)
    found.no_more()
    made.stop()
    assert made.numbers[0] >= found.first - 4096
    assert made.numbers[-1] == 30_000
    assert held[0] < 15_000
    found.close()


def test_what_was_let_go_is_not_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(captures.pcap(some(30_000)))
    found = Opened(str(path), most=Most(5000, 1 << 40, lambda offset: None))
    found.start()
    while not found.ended:
        time.sleep(0.01)
    assert picked(found, "free > 0 or len > 0")[0] >= found.first
    found.close()
