"""The tracker on captures that are not as they should be: cut, lossy, doubled, in disorder."""

from collections.abc import Sequence

import pytest

from vsockdump.engine.track import Tracker
from vsockdump.events import Confidence, Defect, Doubt, Kind, Severity
from vsockdump.flows import Verdict
from vsockdump.states import State

from .conversation import MILLI, Talk, Tracked, cut, lead, track
from .frames import RW, SLL, SLL2, VSOCK, Ends, frame, monitor, sll, sll2, virtio

NOTE, WARN, PROBLEM = Severity


def hello() -> Talk:
    talk = Talk().open().rw("src", 13).update("dst", fwd=13).rw("dst", 7).update("src", fwd=7)
    return talk.close()


def kinds(seen: Tracked) -> list[Kind]:
    return [event.kind for event in seen.events]


# --- every packet twice -----------------------------------------------------------------------

LINKS: dict[str, tuple[int, list[bytes]]] = {
    "LINUX_SLL of two links": (SLL, [sll(), sll()]),
    "LINUX_SLL2 of two links": (SLL2, [sll2(17), sll2(2)]),
}


@pytest.mark.parametrize(("linktype", "heads"), LINKS.values(), ids=LINKS)
def test_of_two_links_every_packet_counts_once(linktype: int, heads: list[bytes]) -> None:
    packets = lead(hello().rw("src", 1).packets[:9], *heads)
    seen, once = track(packets, linktypes=[linktype]), track(hello())
    assert seen.events == []
    assert (seen.counts.packets, seen.counts.duplicates) == (18, 9)
    (flow,), (plain,) = seen.flows, once.flows
    assert (flow.duplicates, flow.verdict) == (9, Verdict.SF)
    assert (flow.fwd.bytes, flow.rev.bytes) == (13, 7)
    assert (flow.fwd.packets, flow.rev.packets) == (plain.fwd.packets, plain.rev.packets)


@pytest.mark.parametrize(("linktype", "head"), [(SLL, sll()), (SLL2, sll2(17))])
def test_of_one_link_equal_packets_are_sent_twice(linktype: int, head: bytes) -> None:
    talk = Talk().open().rw("src", 10).rw("src", 10).update("dst", fwd=20).close()
    seen = track(lead(talk.packets, head), linktypes=[linktype])
    (flow,) = seen.flows
    assert (flow.fwd.bytes, flow.duplicates, seen.events) == (20, 0, [])


def test_three_equal_packets_of_two_links_are_three() -> None:
    talk = Talk().open()
    for _ in range(3):
        talk.rw("src", 10)
    (flow,) = track(lead(talk.packets, sll2(17), sll2(2)), linktypes=[SLL2]).flows
    assert (flow.fwd.bytes, flow.duplicates) == (30, 5)


@pytest.mark.parametrize(("milliseconds", "duplicates"), [(9, 1), (11, 0)])
def test_a_duplicate_comes_at_once(milliseconds: int, duplicates: int) -> None:
    first = lead(Talk().open().rw("src", 10).packets, sll2(17))
    again = lead(first[-1:], b"")[0]
    other = again._replace(
        time=again.time + milliseconds * MILLI, frame=sll2(2) + again.frame[len(sll2()) :]
    )
    (flow,) = track([*first, other], linktypes=[SLL2]).flows
    assert flow.duplicates == duplicates


def repeats(tracker: Tracker) -> None:
    tracker.interface(0, repeats=True)


def doubled() -> Talk:
    """A guest's full queue, before Linux 5.7: the packet is tapped once more at the next try."""
    talk = Talk().open().rw("src", 13).twice().rw("src", 10).update("dst", fwd=23)
    return talk.at(1).rw("dst", 7)


def test_a_kernel_that_taps_packets_again() -> None:
    seen = track(doubled(), prepare=repeats)
    (flow,) = seen.flows
    assert (flow.fwd.bytes, flow.fwd.tx_cnt, flow.duplicates) == (23, 23, 1)
    assert (seen.counts.duplicates, kinds(seen)) == (1, [])


def test_equal_packets_that_were_no_duplicates_after_all() -> None:
    """Who was sent them says that both were read."""
    talk = Talk().open().rw("src", 10).twice().update("dst", fwd=20).at(1).rw("dst", 1)
    seen = track(talk, prepare=repeats)
    assert (seen.flows[0].fwd.bytes, seen.flows[0].fwd.tx_cnt, seen.events) == (20, 20, [])


def test_a_kernel_that_does_not() -> None:
    (flow,) = track(doubled()).flows
    assert (flow.fwd.bytes, flow.duplicates) == (36, 0)


# --- several interfaces -----------------------------------------------------------------------


def test_two_interfaces_have_their_own_connections() -> None:
    first = Talk(interface=0).open()
    second = Talk(interface=1, on=first).open()
    first.rw("src", 10)
    second.rw("src", 20)
    seen = track(first, linktypes=[VSOCK, VSOCK])
    assert [(f.interface, f.generation, f.fwd.bytes) for f in seen.flows] == [
        (0, 1, 10),
        (1, 1, 20),
    ]
    assert seen.events == []


# --- cut and lossy ----------------------------------------------------------------------------


@pytest.mark.parametrize("snaplen", [76, 80, 96])
def test_a_snaplen_changes_nothing(snaplen: int) -> None:
    talk = Talk().open().rw("src", 5000).update("dst", fwd=5000).close()
    whole, less = track(talk), track(cut(talk.packets, snaplen))
    assert (less.flows, less.events) == (whole.flows, whole.events)
    assert (whole.counts.truncated, less.counts.truncated) == (0, 1)


@pytest.mark.parametrize("snaplen", [31, 32, 75])
def test_half_a_header_is_no_packet_of_a_connection(snaplen: int) -> None:
    seen = track(cut(hello().packets, snaplen))
    assert (seen.flows, seen.events) == ([], [])
    assert (seen.counts.packets, seen.counts.followed, seen.counts.unread) == (9, 0, 9)


def gap() -> Talk:
    """100 bytes were sent of which 50 are missing; then `src` is stalled for 2 s."""
    talk = Talk(buf=1000).open().rw("src", 50).update("dst", fwd=100).at(1).rw("src", 1000)
    return talk.at(3).update("dst", fwd=1100).rw("src", 1)


def test_behind_a_gap_nothing_is_sure() -> None:
    seen = track(gap())
    assert kinds(seen) == [Kind.GAP, Kind.STALL]
    assert [e.doubt for e in seen.events][1] is Doubt.GAP
    (flow,) = seen.flows
    assert (flow.verdict, flow.confidence) == (Verdict.GAP, Confidence.UNSURE)


def test_an_overrun_that_a_lost_announcement_explains_is_not_one() -> None:
    talk = Talk(buf=4096).open().rw("src", 4096).rw("src", 500).update("dst", fwd=4696)
    seen = track(talk.at(1).rw("src", 1))
    assert kinds(seen) == [Kind.GAP]


def lost(tracker: Tracker) -> None:
    tracker.lost(3)


def test_losses_of_the_capture_make_connections_doubtful() -> None:
    """Which events they may explain is not the tracker's to say: vsockdump.quality does."""
    talk = Talk(buf=1000).open().at(1).rw("src", 1000).at(3).update("dst", fwd=1000).rw("src", 1)
    assert [f.doubt for f in track(talk).flows] == [Doubt.NONE]
    seen = track(talk, prepare=lost)
    assert [f.doubt for f in seen.flows] == [Doubt.LOSS]
    assert seen.flows[0].confidence is Confidence.UNSURE
    assert seen.events == track(talk).events


# --- defects of the kernel --------------------------------------------------------------------


def split(sizes: Sequence[int], held: Sequence[int]) -> Talk:
    talk = Talk((2, 9998), (123, 19998)).open()
    for size, bytes_held in zip(sizes, held, strict=True):
        talk.rw("src", size, held=bytes_held)
    return talk.update("dst", fwd=sum(sizes)).close()


@pytest.mark.parametrize(
    ("held", "defect"),
    [((1000, 600, 200), Defect.A1), ((1000, 1000, 1000), Defect.A2), ((900, 400, 200), Defect.A)],
)
def test_too_many_bytes_in_a_frame(held: tuple[int, ...], defect: Defect) -> None:
    seen = track(split((400, 400, 200), held))
    (flow,) = seen.flows
    assert (flow.fwd.bytes, flow.fwd.largest, flow.verdict) == (1000, 400, Verdict.SF)
    assert kinds(seen) == [Kind.KERNEL_DEFECT]
    assert (seen.events[0].severity, seen.events[0].values) == (NOTE, {"defect": defect})


def leaks(tracker: Tracker) -> None:
    tracker.interface(0, leaks=True)


@pytest.mark.parametrize(("size", "said"), [(32404, False), (32405, True)])
def test_a_kernel_that_leaks_its_memory(size: int, said: bool) -> None:
    talk = Talk().open().rw("src", size).update("dst", fwd=size).close()
    assert track(talk).events == []
    events = track(talk, prepare=leaks).events
    assert [(e.kind, e.values) for e in events] == (
        [(Kind.KERNEL_DEFECT, {"defect": Defect.B})] if said else []
    )


# --- what no kernel sends ---------------------------------------------------------------------

ENDS = Ends(3, 2, 1024, 1234)
OTHER = Ends(3, 2, 1024, 1235)
MISMATCHES = {
    "ports": monitor(ENDS) + virtio(OTHER, op=RW),
    "ops": monitor(ENDS, op=1) + virtio(ENDS, op=RW),
}


@pytest.mark.parametrize("data", MISMATCHES.values(), ids=MISMATCHES)
def test_headers_that_differ(data: bytes) -> None:
    seen = track(Talk().open().raw(data).raw(data))
    assert [(e.kind, e.actor, e.packets) for e in seen.events] == [(Kind.MISMATCH, 0, (3,))]


def test_headers_that_agree() -> None:
    assert track(Talk().open().raw(monitor(ENDS) + virtio(ENDS, op=RW))).events == []


def test_another_transport_is_not_followed() -> None:
    seen = track(Talk().raw(monitor(ENDS, transport=1, length=0) + b"payload"))
    assert (seen.flows, seen.counts.unread) == ([], 1)


def test_an_unknown_op_is_counted() -> None:
    (flow,) = track(Talk().open().raw(frame(99, ends=ENDS))).flows
    assert (flow.fwd.packets, flow.fwd.ops[8], flow.state) == (2, 1, State.OPEN)
