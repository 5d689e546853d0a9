"""One connection read again gives what following the whole capture gave."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conversation import Talk
from tests.looking import opened
from tests.talks import hello, later, saved, stalled
from vsockdump.browsing.replays import replay
from vsockdump.engine.track import Tracker
from vsockdump.events import Event, Kind
from vsockdump.sources.savefile import Savefile
from vsockdump.steps import Packet, steps

PCAPS = Path(__file__).parents[1] / "pcaps"


def followed(path: Path, flow: int) -> list[Packet]:
    """Give the packets of a connection as a tracker of the whole capture sees them."""
    source, tracker, found = Savefile(str(path)), Tracker(steps=True), []
    first = 1
    for batch in source.batches():
        if batch is not None:
            batch.first, first = first, first + batch.count
            tracker.feed(batch)
            found += list(steps(batch, tracker, lambda number: number == flow))
    source.close()
    return [one for one in found if isinstance(one, Packet)]


@pytest.mark.parametrize("path", sorted(PCAPS.glob("*.pcap*")), ids=lambda path: path.name)
def test_packets_and_their_credit(path: Path) -> None:
    with opened(path) as found:
        for number in range(1, found.counts.flows + 1):
            packets = [one for one in replay(found, number) if isinstance(one, Packet)]
            assert packets == followed(path, number)


def test_events_stand_where_they_happened(tmp_path: Path) -> None:
    talk = stalled()
    hello(talk, 1025)
    with opened(saved(talk, tmp_path / "two.pcapng")) as found:
        names = [one.kind if isinstance(one, Event) else one.number for one in replay(found, 1)]
        assert names[5:9] == [6, Kind.STALL, 7, 8]
        assert [type(one) for one in replay(found, 2)] == [Packet] * 7


def test_what_only_time_brought_about_is_there(tmp_path: Path) -> None:
    talk = Talk().request()
    hello(later(talk, 20), 1025)
    with opened(saved(talk, tmp_path / "two.pcapng")) as found:
        first, then = replay(found, 1)
        assert isinstance(first, Packet)
        assert isinstance(then, Event)
        assert then.kind is Kind.UNANSWERED


def test_no_more_than_wanted(tmp_path: Path) -> None:
    with opened(saved(hello(), tmp_path / "one.pcapng")) as found:
        assert len(list(replay(found, 1, most=3))) == 3
        assert list(replay(found, 9)) == []
