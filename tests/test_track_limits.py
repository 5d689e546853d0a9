"""The tracker, time that does not go on as it should, and more connections than are kept."""

from pathlib import Path

import pytest

from vsockdump.engine.scan import Scanner
from vsockdump.engine.track import Tracker
from vsockdump.events import Kind
from vsockdump.flows import Verdict
from vsockdump.states import State

from .captures import START
from .conversation import MILLI, Packet, Talk, batches, track
from .frames import REQUEST, VSOCK, Ends, frame
from .test_scan_ring import ring
from .test_track_capture import hello

# --- time -------------------------------------------------------------------------------------


def test_the_last_time_there_is() -> None:
    """It is not later than what never comes."""
    last = (1 << 63) - 1 - START
    talk = [packet._replace(time=last) for packet in Talk().open().rw("src", 5).packets]
    (flow,) = track(talk).flows
    assert flow.verdict is Verdict.S1


def test_times_that_go_back() -> None:
    """Nothing takes less than no time."""
    talk = Talk(buf=1000).at(5).request().at(4).response().at(3).rw("src", 1000)
    talk.at(2).update("dst", fwd=1000).at(1).rw("src", 10).at(0).update("dst", fwd=1010)
    talk.close()
    seen = track(talk)
    assert seen.events == []
    (flow,) = seen.flows
    assert (flow.fwd.stalled, flow.state) == (0, State.CLOSED)


def test_a_leap_of_the_clock_is_time() -> None:
    """Who can tell? What is said for sure is what the stamps say."""
    packets = [
        p._replace(time=p.time + (1 << 61 if n > 2 else 0)) for n, p in enumerate(hello().packets)
    ]
    (flow,) = track(packets).flows
    assert flow.duration > 1 << 61


def test_packets_of_the_same_time() -> None:
    packets = [packet._replace(time=7 * MILLI) for packet in hello().packets]
    seen = track(packets)
    assert (seen.events, seen.flows[0].duration, seen.flows[0].connect) == ([], 0, 0)


# --- more connections than are kept -----------------------------------------------------------


def many(count: int) -> list[Packet]:
    talk = Talk()
    for port in range(count):
        Talk((3, 2000 + port), on=talk).open()
    return talk.packets


def test_no_more_connections_are_kept_than_said() -> None:
    seen = track(many(100), most=10)
    assert (len(seen.flows), seen.counts.flows, seen.counts.evicted) == (10, 100, 90)
    assert track(many(10), most=10).counts.evicted == 0


def test_closed_and_idle_connections_go_first() -> None:
    talk = Talk().open()
    for port in range(5):
        Talk((3, 2000 + port), on=talk).open().close()
    talk.at(60).rw("src", 10)
    Talk((3, 3000), on=talk).open()
    ports = [flow.src_port for flow in track(talk, most=6).flows]
    assert 1024 in ports and 3000 in ports


def test_a_connection_that_was_forgotten_is_one_of_the_middle() -> None:
    talk = Talk().open().at(1)
    Talk((3, 3000), on=talk).open()
    seen = track(talk.at(2).rw("src", 10), most=1)
    assert [(f.number, f.src_port, f.whole) for f in seen.flows] == [(3, 1024, False)]
    assert (seen.events, seen.counts.evicted) == ([], 2)


# --- connections that are handed out when they are over ---------------------------------------


def over(talk: Talk) -> list[tuple[int, Verdict]]:
    """Return the ports and verdicts of those that were handed out before the end."""
    tracker, ended = Tracker(keep=False), []
    for batch in batches(talk.packets, cuts=range(1, len(talk.packets))):
        tracker.feed(batch)
        ended += tracker.ended()
    return [(flow.src_port, flow.verdict) for flow in ended]


def afterwards(talk: Talk, seconds: float) -> Talk:
    """Let another connection talk, then and for some packets more."""
    other = Talk((3, 9), on=talk.at(seconds)).open()
    for sent in range(1, 101):
        other.rw("src", 10).update("dst", fwd=10 * sent)
    return talk


def test_a_minute_after_its_end_a_connection_is_handed_out() -> None:
    assert over(afterwards(hello(), 59)) == []
    assert over(afterwards(hello(), 61)) == [(1024, Verdict.SF)]


def test_an_open_one_is_never_over_however_long_it_is_idle() -> None:
    assert over(afterwards(Talk().open(), 100_000)) == []


def test_stragglers_of_who_was_handed_out_are_no_connection_of_their_own() -> None:
    """A reader may take minutes until it closes, too."""
    talk = afterwards(Talk().open().rw("src", 9).shutdown("src", 3).at(9).rst("src"), 120)
    Talk(on=talk).at(130).update("dst", fwd=9).no_socket("src").rst("dst", fwd=9)
    assert [port for port, _ in over(talk)] == [1024]
    tracker = Tracker(keep=False)
    for batch in batches(talk.packets):
        tracker.feed(batch)
    assert tracker.counts.flows == 2  # with the one that lets time pass


def test_who_is_handed_out_is_forgotten() -> None:
    talk = afterwards(hello(), 61)
    tracker = Tracker(keep=False)
    for batch in batches(talk.packets):
        tracker.feed(batch)
    assert [flow.src_port for flow in tracker.flows()] == [9]
    assert tracker.counts.evicted == 0
    assert [event.kind for event in tracker.events()] == list[Kind]()


# --- memory -----------------------------------------------------------------------------------


def resident() -> int:
    """Bytes of memory in use (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("keep", [True, False])
def test_a_flood_of_requests_takes_no_memory(keep: bool) -> None:
    """300000 of them would be some 300 MB."""
    tracker, told = Tracker(most=1000, keep=keep), 0
    using = Scanner()
    using.add_interface(VSOCK)
    for burst in range(300):
        block = ring([
            (burst, port, frame(REQUEST, ends=Ends(3, 2, burst * 1000 + port, 80)), 76)
            for port in range(1000)
        ])  # fmt: skip
        for batch in using.ring(block, 0):
            tracker.feed(batch)
        told += len(tracker.events()) + len(tracker.ended())
        if burst == 20:
            before = resident()
    assert tracker.counts.flows == 300_000
    assert resident() - before < 4 << 20
    assert len(list(tracker.flows())) <= 1000
