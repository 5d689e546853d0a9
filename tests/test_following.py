"""Packets into a tracker: what it is told of the capture, and when the report ends."""

import pytest

from tests.conversation import Talk, batches
from tests.talks import hello
from vsockdump.engine.batch import Batch
from vsockdump.engine.track import Tracker
from vsockdump.errors import ReadError
from vsockdump.events import Doubt
from vsockdump.following import Following
from vsockdump.interface import Interface
from vsockdump.quality import Quality


class Noted:
    """A report that writes down what happens to it, and what the tracker knew by then."""

    def __init__(self, tracker: Tracker) -> None:
        self.happened: list[object] = []
        self._tracker = tracker

    def feed(self, batch: Batch) -> None:
        self.happened.append(self._tracker.counts.packets)

    def end(self, quality: Quality) -> None:
        self.happened.append(quality)


def followed(talk: Talk) -> tuple[Following, Noted]:
    tracker = Tracker()
    report = Noted(tracker)
    following = Following(tracker, report)
    following.begin([Interface(271)], lambda: 5)
    for batch in batches(talk.packets, cuts=[2]):
        following.feed(batch)
    return following, report


def test_the_report_looks_after_the_tracker() -> None:
    assert followed(hello())[1].happened == [2, 7]


def test_the_end() -> None:
    following, report = followed(Talk().rw("src", 1))
    with following.to_the_end():
        pass
    quality = Quality(packets=1, flows=1, midstream=1, lost=5)
    assert report.happened[-1] == quality == following.quality


def test_a_damage_is_an_end() -> None:
    following, report = followed(hello())
    with pytest.raises(ReadError), following.to_the_end():
        raise ReadError("damaged")
    assert isinstance(report.happened[-1], Quality)


@pytest.mark.parametrize("gone", [BrokenPipeError, KeyboardInterrupt])
def test_where_nobody_reads_nothing_more_is_printed(gone: type[BaseException]) -> None:
    following, report = followed(hello())
    with pytest.raises(gone), following.to_the_end():
        raise gone
    assert report.happened == [2, 7]


def test_losses_are_told_as_soon_as_they_are_known() -> None:
    following, _ = followed(hello())
    (flow,) = following.tracker.flows()
    assert flow.doubt is Doubt.LOSS


def test_without_a_report_nothing_is_kept_of_batches_before() -> None:
    """The lines of packets have shown it: events must not pile up for as long as a run takes."""
    talk = Talk().request()
    talk.no_socket("dst")
    Talk(on=talk).open()
    tracker = Tracker(steps=True, keep=False)
    following = Following(tracker)
    for batch in batches(talk.packets, cuts=[2]):
        following.feed(batch)
        seen = [event.kind.name for row in range(batch.count) for event in tracker.marks(row)]
        assert seen == (["REFUSED"] if batch.first == 1 else [])
    assert tracker.events() == []
    with following.to_the_end():
        pass


@pytest.mark.parametrize(
    ("os", "packets"),
    [
        ("Linux 5.4.0", 6),  # which taps some packets twice, or Linux sends two RSTs: who knows
        ("Linux 5.7.0", 14),
        ("", 14),
    ],
)
def test_kernels_are_told_also_those_named_late(os: str, packets: int) -> None:
    talk = hello()
    twice = [each for packet in talk.packets for each in (packet, packet)]
    tracker = Tracker()
    following = Following(tracker)
    interfaces: list[Interface] = []
    following.begin(interfaces, int)
    for batch in batches(twice):
        interfaces.append(Interface(271, os=os))
        following.feed(batch)
    assert tracker.counts.followed == packets


@pytest.mark.parametrize(
    ("os", "kinds"),
    [
        ("Linux 6.18.0", {"KERNEL_DEFECT"}),
        ("Linux 6.12.5", {"KERNEL_DEFECT"}),  # only of what is sent with MSG_ZEROCOPY
        ("Linux 7.0.5", set()),  # where it is not certain
        ("Linux 6.18.40", set()),
    ],
)
def test_kernels_that_leak_memory(os: str, kinds: set[str]) -> None:
    tracker = Tracker()
    following = Following(tracker)
    following.begin([Interface(271, os=os)], int)
    for batch in batches(Talk().open().rw("src", 40_000).packets):
        following.feed(batch)
    assert {event.kind.name for event in tracker.events()} == kinds
