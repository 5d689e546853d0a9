"""The tracker, packets, not bytes: more unread than some kernels take, more updates than help."""

import pytest

from vsockdump.events import Doubt, Kind, Reset, Severity

from .conversation import Found, Talk, expect, found, track

NOTE, WARN, PROBLEM = Severity


def unread(count: int, size: int = 200, buf: int = 4 * 576) -> Talk:
    """A connection with so many packets that nobody has read, of which the first is number 3."""
    talk = Talk(buf=buf).open()
    for _ in range(count):
        talk.rw("src", size)
    return talk


CEILING = {"unread": 5, "ceiling": 4, "buf_alloc": 4 * 576}


@pytest.mark.parametrize(
    ("talk", "events"),
    [
        (unread(4), []),
        (unread(5), [expect(Kind.PACKET_CEILING, NOTE, "dst", (7,), **CEILING).but(Doubt.GUESS)]),
        (unread(9), [expect(Kind.PACKET_CEILING, NOTE, "dst", (7,), **CEILING).but(Doubt.GUESS)]),
        (unread(9, size=128), []),
        (unread(2).update("dst", fwd=200).rw("src", 200).rw("src", 200).rw("src", 200), []),
    ],
)
def test_more_packets_than_some_kernels_take(talk: Talk, events: list[Found]) -> None:
    assert found(track(talk).events) == events


def test_the_default_buffer_takes_455_packets() -> None:
    assert track(unread(455, buf=262144)).events == []
    (event,) = track(unread(456, buf=262144)).events
    assert event.values == {"unread": 456, "ceiling": 455, "buf_alloc": 262144}


def test_a_reset_because_of_too_many_packets() -> None:
    talk = unread(6).rst("dst")
    events = track(talk).events
    assert [e.kind for e in events if e.severity is PROBLEM] == [Kind.RESET]
    assert events[-1].values["reset"] == Reset.OVERFLOW


def test_a_reset_after_they_were_read() -> None:
    talk = unread(6).update("dst", fwd=1200).rw("src", 10).rst("dst")
    assert track(talk).events[-1].values["reset"] == Reset.MID_BURST


# --- updates ----------------------------------------------------------------------------------


def updated(updates: int, data: int) -> Talk:
    """A connection in which so many packets of 10 bytes are read a byte at a time."""
    talk = Talk().open()
    for _ in range(data):
        talk.rw("src", 10)
    for number in range(updates):
        talk.update("dst", fwd=min(number + 1, 10 * data))
    return talk.close()


STORM = {"updates": 65, "data_packets": 16, "bytes": 160}


@pytest.mark.parametrize(
    ("updates", "data", "said"), [(65, 16, True), (65, 17, False), (64, 1, False)]
)
def test_more_updates_than_are_of_use(updates: int, data: int, said: bool) -> None:
    events = [e for e in track(updated(updates, data)).events if e.kind is Kind.UPDATE_STORM]
    assert [(e.actor, e.values) for e in events] == ([(1, STORM)] if said else [])


def test_updates_that_were_asked_for_are_of_use() -> None:
    talk = Talk().open()
    for _ in range(100):
        talk.ask("src").update("dst")
    assert track(talk).events == []
