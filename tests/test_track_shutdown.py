"""The tracker, SHUTDOWN: half closes that nobody minds, and closes that nobody answers."""

import pytest

from vsockdump.events import Kind, Severity

from .conversation import MILLI, SECOND, Found, Talk, Who, expect, found, track
from .test_track_closing import BOTH, RCV, SEND, sent

NOTE, WARN, PROBLEM = Severity


def waits(flags: int, who: Who, seconds: float, *, by: Who = "src") -> Talk:
    """A connection on which `who` sends 10 bytes that long after `by` has announced something."""
    return sent(10, 10).at(2).shutdown(by, flags).at(2 + seconds).rw(who, 10)


def after(kind: Kind, severity: Severity, who: Who, milliseconds: int) -> Found:
    return expect(kind, severity, who, (5, 6), bytes=10, after_s=milliseconds * MILLI)


HALVES: dict[str, tuple[Talk, list[Found]]] = {
    "data to who receives no more, on its way": (waits(RCV, "dst", 0.199), []),
    "data to who receives no more": (
        waits(RCV, "dst", 0.201),
        [after(Kind.HALF_CLOSE_IGNORED, WARN, "dst", 201)],
    ),
    "data to who still receives": (waits(SEND, "dst", 0.3), []),
    "data of who sends no more": (
        waits(SEND, "src", 0.3),
        [after(Kind.DATA_AFTER_SHUTDOWN, PROBLEM, "src", 300)],
    ),
    "data of who sends no more, at once": (
        waits(SEND, "src", 0.001),
        [after(Kind.DATA_AFTER_SHUTDOWN, PROBLEM, "src", 1)],
    ),
    "data of who still sends": (waits(RCV, "src", 0.3), []),
    "the other way round": (
        waits(RCV, "src", 0.3, by="dst"),
        [after(Kind.HALF_CLOSE_IGNORED, WARN, "src", 300)],
    ),
    "data of who sends no more, often, said once": (
        waits(SEND, "src", 0.3).rw("src", 5).rw("src", 5),
        [after(Kind.DATA_AFTER_SHUTDOWN, PROBLEM, "src", 300)],
    ),
    "often, said once": (
        waits(RCV, "dst", 0.3).rw("dst", 5).rw("dst", 5),
        [after(Kind.HALF_CLOSE_IGNORED, WARN, "dst", 300)],
    ),
}


@pytest.mark.parametrize(("talk", "events"), HALVES.values(), ids=HALVES)
def test_a_half_close(talk: Talk, events: list[Found]) -> None:
    assert found(track(talk).events) == events


def test_bits_of_shutdowns_add_up() -> None:
    talk = sent().shutdown("src", RCV).shutdown("src", SEND).shutdown("dst", RCV)
    (flow,) = track(talk).flows
    assert (flow.fwd.shutdown, flow.rev.shutdown) == (BOTH, RCV)


# --- nobody answers a SHUTDOWN ----------------------------------------------------------------


def closing(until: float) -> Talk:
    """A connection that `src` closes with packet 5 at 2 s; time goes on until then."""
    talk = sent(10, 10).at(2).shutdown("src", BOTH)
    Talk((3, 9), on=talk).at(until).request()
    return talk


def test_a_shutdown_without_an_answer() -> None:
    (event,) = found(track(closing(11)).events)
    assert (event.kind, event.who, event.packets) == (Kind.SHUTDOWN_UNANSWERED, "src", (5,))
    assert 8 * SECOND <= event.numbers["waited_s"] <= 9 * SECOND


def test_a_shutdown_without_an_answer_until_the_timer() -> None:
    talk = sent(10, 10).at(2).shutdown("src", BOTH).at(10.01).rst("src")
    (event,) = found(track(talk).events)
    assert (event.kind, event.who, event.severity) == (Kind.SHUTDOWN_UNANSWERED, "src", WARN)


def test_a_shutdown_is_answered_by_another() -> None:
    """Both have unread data, perhaps: who closed first is not left without an answer."""
    talk = sent(10, 10).at(2).shutdown("src", BOTH).shutdown("dst", BOTH)
    assert track(Talk((3, 9), on=talk).at(11).request()).events == []


@pytest.mark.parametrize("seconds", [2.1, 9.9])
def test_a_shutdown_has_8_seconds(seconds: float) -> None:
    assert track(closing(seconds)).events == []
