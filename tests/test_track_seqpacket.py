"""The tracker, SEQPACKET: messages that do not end, and such as no buffer takes."""

import pytest

from vsockdump.events import Doubt, Kind, Severity

from .conversation import Found, Talk, expect, found, track
from .frames import RW, SEQPACKET

NOTE, WARN, PROBLEM = Severity
EOM, EOR = 1, 2


def message(*sizes: int, ended: bool, buf: int = 1000) -> Talk:
    """A SEQPACKET connection with one message, in pieces from packet 3 on, all of them read."""
    talk = Talk(kind=SEQPACKET, buf=buf).open()
    for number, size in enumerate(sizes, 1):
        talk.packet("src", RW, size, flags=EOM if ended and number == len(sizes) else 0)
        talk.update("dst", fwd=sum(sizes[:number]))
    return talk


TOO_LARGE = {"bytes": 1100, "window": 1000}
MESSAGES: dict[str, tuple[Talk, list[Found]]] = {
    "ended": (message(300, 400, ended=True).close(), []),
    "not ended": (
        message(300, 400, ended=False).close(),
        [expect(Kind.MESSAGE_UNFINISHED, WARN, "src", (5, 8), bytes=700)],
    ),
    "not ended, when the capture ends within the close": (
        message(300, 400, ended=False).shutdown("src", 3),
        [expect(Kind.MESSAGE_UNFINISHED, WARN, "src", (5,), bytes=700)],
    ),
    "not ended yet": (message(300, 400, ended=False), []),
    "of a stream there are none": (Talk().open().rw("src", 10).update("dst", fwd=10).close(), []),
    "as large as the window": (message(600, 400, ended=True).close(), []),
    "larger than the window": (
        message(600, 500, ended=True).close(),
        [expect(Kind.MESSAGE_TOO_LARGE, PROBLEM, "src", (5,), **TOO_LARGE)],
    ),
}


@pytest.mark.parametrize(("talk", "events"), MESSAGES.values(), ids=MESSAGES)
def test_a_message(talk: Talk, events: list[Found]) -> None:
    assert found(track(talk).events) == events


def test_a_message_that_goes_on_is_too_large_once() -> None:
    events = found(track(message(600, 500, 500, 500, ended=True).close()).events)
    assert [event.kind for event in events] == [Kind.MESSAGE_TOO_LARGE]


@pytest.mark.parametrize(("count", "said"), [(4, []), (5, [Kind.PACKET_CEILING])])
def test_small_messages_are_not_merged(count: int, said: list[Kind]) -> None:
    """Each is a packet to the kernels that take only so many of them."""
    talk = Talk(kind=SEQPACKET, buf=4 * 576).open()
    for _ in range(count):
        talk.rw("src", 1, flags=EOM)
    assert [event.kind for event in track(talk).events] == said


def test_a_message_whose_beginning_is_unknown_may_be_of_any_size() -> None:
    talk = Talk(kind=SEQPACKET).rw("src", 10).rw("src", 10, flags=EOM).update("dst", fwd=20)
    events = track(talk.rw("src", 5).update("dst", fwd=25).close()).events
    assert [(e.kind, e.doubt) for e in events] == [(Kind.MESSAGE_UNFINISHED, Doubt.MID_STREAM)]
