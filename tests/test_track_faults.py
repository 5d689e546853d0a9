"""One fault among honest sockets gives exactly its event: nothing else is worth a warning."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsockdump.events import Event, Kind, Severity

from .conversation import MICRO, MILLI, SECOND, Packet, track
from .frames import CREDIT_REQUEST, CREDIT_UPDATE, RST, RW, SEQPACKET, STREAM
from .model import RCV, SEND, Connection, Socket
from .wire import Wire

BUF = 262144
Fault = Callable[[Connection, Socket, Socket], None]


def exchange(line: Connection, a: Socket, b: Socket, sizes: list[int]) -> None:
    """Let one side send and the other read, in order."""
    for size in sizes:
        a.send(size)
        line.wire.wait(5 * MILLI)
        b.read(100)
        line.wire.wait(5 * MILLI)


def uncaptured(line: Connection, a: Socket, b: Socket) -> None:
    a.send(5000)
    line.wire.wait(5 * MILLI)
    del line.wire.packets[-1]
    b.read(1)


def overrun(line: Connection, a: Socket, b: Socket) -> None:
    more = BUF + 1
    a.tx += more
    a._transmit(RW, more)
    line.wire.wait(5 * MILLI)
    b.resize(BUF)
    line.wire.wait(5 * MILLI)
    b.read(1)


def counts_back(line: Connection, a: Socket, b: Socket) -> None:
    a.send(100)
    line.wire.wait(5 * MILLI)
    b.read(1)
    line.wire.wait(50 * MILLI)
    b.fwd -= 60
    b._transmit(CREDIT_UPDATE)
    b.fwd += 60


def forgets_to_tell(line: Connection, a: Socket, b: Socket) -> None:
    a.send(BUF + 1)
    line.wire.wait(3 * SECOND)
    b.read(100)
    line.wire.wait(5 * MILLI)
    b.read(100)


def dies(line: Connection, a: Socket, b: Socket) -> None:
    a.send(5000)
    line.wire.wait(5 * MILLI)
    b._transmit(RST)


def sends_after_its_end(line: Connection, a: Socket, b: Socket) -> None:
    a.shutdown(SEND)
    line.wire.wait(5 * MILLI)
    sends_anyway(line, a, b)


def sends_to_who_does_not_listen(line: Connection, a: Socket, b: Socket) -> None:
    b.shutdown(RCV)
    line.wire.wait(300 * MILLI)
    sends_anyway(line, a, b)


def sends_anyway(line: Connection, a: Socket, b: Socket) -> None:
    a.tx += 10
    a._transmit(RW, 10)
    line.wire.wait(5 * MILLI)
    b.read(1)


def is_not_answered(line: Connection, a: Socket, b: Socket) -> None:
    b.shut = b.peer_shut = 0
    a.close()
    b._shut_down = lambda flags: None  # type: ignore[method-assign]
    line.wire.wait(9 * SECOND)


def leaves_data(line: Connection, a: Socket, b: Socket) -> None:
    a.send(5000)
    line.wire.wait(5 * MILLI)
    b.close()


def asks_in_vain(line: Connection, a: Socket, b: Socket) -> None:
    a._transmit(CREDIT_REQUEST)
    line.wire.wait(2 * SECOND)


def chatters(line: Connection, a: Socket, b: Socket) -> None:
    for _ in range(100):
        b._transmit(CREDIT_UPDATE)


def lies_about_its_port(line: Connection, a: Socket, b: Socket) -> None:
    a._transmit(CREDIT_UPDATE)
    line.wire.wait(5 * MILLI)
    last = line.wire.packets[-1]
    forged = last.frame[:52] + bytes(4) + last.frame[56:]
    line.wire.packets[-1] = last._replace(frame=forged)


def ends_no_message(line: Connection, a: Socket, b: Socket) -> None:
    a.tx += 10
    a._transmit(RW, 10)
    line.wire.wait(5 * MILLI)
    b.fwd += 10
    b.queue.clear()
    b._transmit(CREDIT_UPDATE)
    a.close()


def sends_too_large_a_message(line: Connection, a: Socket, b: Socket) -> None:
    for last in (0, 1):
        a.tx += BUF - 1
        a._transmit(RW, BUF - 1, last)
        line.wire.wait(5 * MILLI)
        b.fwd += BUF - 1
        b.queue.clear()
        b._transmit(CREDIT_UPDATE)
        line.wire.wait(5 * MILLI)


FAULTS: dict[str, tuple[Fault, Kind, tuple[int, ...]]] = {
    "a packet is not captured": (uncaptured, Kind.GAP, (STREAM, SEQPACKET)),
    "credit is ignored": (overrun, Kind.OVERRUN, (STREAM,)),
    "a count goes back": (counts_back, Kind.FWD_CNT_BACK, (STREAM, SEQPACKET)),
    "nobody tells of what is read": (forgets_to_tell, Kind.STALL, (STREAM,)),
    "a process dies": (dies, Kind.RESET, (STREAM, SEQPACKET)),
    "data after its end": (sends_after_its_end, Kind.DATA_AFTER_SHUTDOWN, (STREAM,)),
    "nobody receives": (sends_to_who_does_not_listen, Kind.HALF_CLOSE_IGNORED, (STREAM,)),
    "a close is not answered": (is_not_answered, Kind.SHUTDOWN_UNANSWERED, (STREAM, SEQPACKET)),
    "data is left": (leaves_data, Kind.UNREAD_CLOSE, (STREAM, SEQPACKET)),
    "credit is asked for": (asks_in_vain, Kind.CREDIT_REQUEST_UNANSWERED, (STREAM,)),
    "too many updates": (chatters, Kind.UPDATE_STORM, (STREAM,)),
    "headers that differ": (lies_about_its_port, Kind.MISMATCH, (STREAM,)),
    "half a message": (ends_no_message, Kind.MESSAGE_UNFINISHED, (SEQPACKET,)),
    "too large a message": (sends_too_large_a_message, Kind.MESSAGE_TOO_LARGE, (SEQPACKET,)),
}
CASES = [(name, kind) for name, (_, _, kinds) in FAULTS.items() for kind in kinds]


class Setting(NamedTuple):
    """Where the tap is, and what is said in order before and after the fault."""

    latency: int
    near: int
    who: int
    sizes: list[int]


def play(fault: Fault, kind: int, setting: Setting) -> list[Packet]:
    """Talk in order, do the one thing wrong, go on and close in order."""
    wire, sizes = Wire(setting.latency), setting.sizes
    line = Connection(wire, 1024, kind=kind, near=setting.near)
    a, b = line.sockets[setting.who], line.sockets[1 - setting.who]
    line.sockets[0].connect()
    wire.wait(7 * MILLI)
    exchange(line, a, b, sizes)
    exchange(line, b, a, sizes)
    fault(line, a, b)
    wire.wait(50 * MILLI)
    exchange(line, a, b, sizes)
    for socket in (a, b):
        socket.close()
        wire.wait(7 * MILLI)
    return wire.packets


def worrying(packets: list[Packet]) -> list[Event]:
    return [event for event in track(packets).events if event.severity is not Severity.NOTE]


ENDS = st.integers(0, 1)
SETTINGS = st.builds(
    Setting,
    st.sampled_from([0, 50 * MICRO, 2 * MILLI]),
    ENDS,
    ENDS,
    st.lists(st.sampled_from([1, 100, 5000, 65536, 100_000]), max_size=4),
)


@pytest.mark.parametrize(("name", "kind"), CASES)
@given(setting=SETTINGS)
def test_a_fault_is_found_and_nothing_else(name: str, kind: int, setting: Setting) -> None:
    fault, event, _ = FAULTS[name]
    assert [one.kind for one in worrying(play(fault, kind, setting))] == [event]


def nothing(line: Connection, a: Socket, b: Socket) -> None:
    """All is well."""


@pytest.mark.parametrize("kind", [STREAM, SEQPACKET])
@given(setting=SETTINGS)
def test_without_a_fault_nothing_is_found(kind: int, setting: Setting) -> None:
    assert worrying(play(nothing, kind, setting)) == []
