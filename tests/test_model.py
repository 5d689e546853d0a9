"""The tracker against a model of two honest sockets: the same counters, and no fault found."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from vsockdump.engine.track import Tracker
from vsockdump.events import Event, Kind, Severity
from vsockdump.flows import Credit as Told

from .captures import START
from .conversation import MICRO, MILLI, SECOND, batches, track
from .frames import SEQPACKET, STREAM
from .model import BOTH, MOST_RW, RCV, SEND, Connection
from .wire import Credit, Truth, Wire

# What honest sockets and a whole capture do not give, not even as a note.
IMPOSSIBLE = set(Kind) - {
    Kind.STALL,
    Kind.BUF_SHRUNK,
    Kind.PACKET_CEILING,
    Kind.HALF_CLOSE_IGNORED,
    Kind.SHUTDOWN_UNANSWERED,
    Kind.UNREAD_CLOSE,
    Kind.MESSAGE_UNFINISHED,
}
WRAP = 1 << 32

WAITS = st.sampled_from(
    [0, 50 * MICRO, 2 * MILLI, 30 * MILLI, 300 * MILLI, 1500 * MILLI, 9 * SECOND]
)


class Step(NamedTuple):
    """What one application does, and how long nothing else is done then."""

    connection: int
    who: int
    verb: str
    amount: int
    wait: int


def steps(connections: int) -> st.SearchStrategy[list[Step]]:
    verb = st.sampled_from(["send"] * 6 + ["read"] * 6 + ["resize", "shutdown", "close"])
    one = st.builds(
        Step, st.integers(0, connections - 1), st.integers(0, 1), verb, st.integers(0, 7), WAITS
    )
    return st.lists(one, min_size=20, max_size=60)  # shorter ones are what would be tried


BUFS = (128, 4096, 65536, 262144, 300_000)
HUGE = (1 << 28, 1 << 30, (1 << 31) - 1)
SIZES = (1, 128, 129, 3000, 65535, 65536, 150_000, 400_000)


class World(NamedTuple):
    """Some connections over one wire."""

    wire: Wire
    connections: list[Connection]
    huge: bool

    def act(self, step: Step) -> None:
        line = self.connections[step.connection]
        socket, amount = line.sockets[step.who], step.amount
        if step.verb == "send":
            socket.send(SIZES[amount] * (1 << 12 if self.huge else 1))
        elif step.verb == "read":
            socket.read((0, 1, 1, 2, 3, 5, 100, 1000)[amount])
        elif step.verb == "resize" and line.kind == STREAM:
            socket.resize((HUGE if self.huge else BUFS)[amount % 3])
        elif step.verb == "shutdown":
            socket.shutdown((RCV, SEND, SEND, BOTH)[amount % 4])
        elif step.verb == "close":
            socket.close()
        self.wire.wait(step.wait)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Let some applications do what they like, and all of them close in the end."""
    huge = draw(st.booleans())
    wire = Wire(draw(st.sampled_from([0, 50 * MICRO, 3 * MILLI])))
    bufs = st.sampled_from(HUGE if huge else BUFS)
    lines = [
        Connection(
            wire,
            1024 + number,
            kind=draw(st.sampled_from([STREAM, SEQPACKET])),
            bufs=(draw(bufs), draw(bufs)),
            near=draw(st.integers(0, 1)),
            most=1 << 29 if huge else MOST_RW,
            number=number + 1,
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    world = World(wire, lines, huge)
    for line in lines:
        line.sockets[0].connect()
        wire.wait(7 * MILLI)
    for step in draw(steps(len(lines))):
        world.act(step)
    for who in draw(st.permutations([0, 1])):
        for line in lines:
            line.sockets[who].close()
    wire.wait(20 * SECOND)
    return world


def modulo(credit: Credit) -> Told:
    """Return a direction's credit as the tracker tells it."""
    tx, fwd = credit.tx % WRAP, credit.fwd % WRAP
    return Told(tx, fwd, credit.in_flight, credit.window, credit.free)


def expected(truth: Truth) -> tuple[int, Told, Told]:
    return truth.connection, modulo(truth.fwd), modulo(truth.rev)


@given(worlds())
def test_the_counters_agree_after_every_packet(world: World) -> None:
    tracker, at = Tracker(steps=True), 0
    for batch in batches(world.wire.packets):
        tracker.feed(batch)
        for row in range(batch.count):
            truth, step = world.wire.truths[at], tracker.step(row)
            at += 1
            assert step is not None
            if not truth.ended:
                assert (step.flow, step.fwd, step.rev) == expected(truth)
    assert at == len(world.wire.packets)
    assert tracker.counts.flows == len(world.connections)


def stuck(world: World, event: Event) -> bool:
    """Whether the side really could not send in all the time that the event says."""
    end = event.time - START
    begin = end - event.values["length_s"]
    mine = [t for t in world.wire.truths if t.connection == event.flow and begin < t.time < end]
    return all((t.rev if event.actor else t.fwd).free == 0 for t in mine)


def unread(world: World, event: Event) -> int:
    """What was under way to the actor when its connection ended."""
    end = next(t for t in world.wire.truths if t.connection == event.flow and t.ended)
    return (end.fwd if event.actor else end.rev).in_flight


@given(worlds())
def test_honest_sockets_have_no_problem_but_those_they_have(world: World) -> None:
    tracker = Tracker()
    for batch in batches(world.wire.packets):
        tracker.feed(batch)
    tracker.finish()
    events = tracker.events()
    problems = [event for event in events if event.severity is Severity.PROBLEM]
    assert {event.kind for event in problems} <= {Kind.STALL, Kind.UNREAD_CLOSE}
    assert {event.kind for event in events}.isdisjoint(IMPOSSIBLE)
    for event in problems:
        if event.kind is Kind.STALL:
            assert stuck(world, event)
        else:
            assert event.values["unread"] == unread(world, event) > 0


@given(
    st.sampled_from([STREAM, SEQPACKET]),
    st.lists(st.sampled_from([1, 3000, 70_000, 200_000, 262_143]), min_size=2, max_size=5),
    st.sampled_from([0, 5 * MILLI, 2 * SECOND]),
    st.integers(0, 1),
)
def test_a_dialogue_has_no_event(kind: int, sizes: list[int], pause: int, near: int) -> None:
    """Who waits for an answer may be free to send no more than a bit; it does not want to."""
    wire = Wire(50 * MICRO)
    line = Connection(wire, 1024, kind=kind, near=near)
    src, dst = line.sockets
    src.connect()
    for size in sizes:
        wire.wait(MILLI)
        src.send(size)
        wire.wait(pause + MILLI)
        dst.read(100)
        dst.send(100)
        wire.wait(MILLI)
        src.read(1)
    src.close()
    assert track(wire.packets).events == []
