"""The tracker, whatever comes and however: any cut, live or from a file; memory is bounded."""

from collections.abc import Iterable, Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from vsockdump.engine.batch import Batch
from vsockdump.engine.scan import Scanner
from vsockdump.engine.track import Tracker
from vsockdump.events import Event, Kind
from vsockdump.flows import Flow

from .captures import START
from .conversation import MILLI, SECOND, Packet, Talk, Tracked, batches, lead, track
from .frames import MONITOR_OPS, SLL, SLL2, VSOCK, Ends, frame, sll, sll2
from .test_model import World, worlds
from .test_scan_ring import ring

ADDRESSES = st.builds(
    Ends, st.sampled_from([1, 2, 3]), st.sampled_from([1, 2]), st.integers(5, 6), st.integers(5, 6)
)
U32 = st.one_of(
    st.sampled_from([0, 1, 200, 4096, 65536, 262144, 2**31 - 1, 2**31, 2**32 - 1]),
    st.integers(0, 2**32 - 1),
)
STEPS = st.sampled_from([0, 1, MILLI, 30 * MILLI, SECOND, 9 * SECOND, -SECOND, -30 * MILLI])


@st.composite
def hostile(draw: st.DrawFn) -> list[Packet]:
    """Packets of a few connections with whatever in their headers, at whatever times."""
    made, now = [], 100 * SECOND
    for _ in range(draw(st.integers(0, 40))):
        size = draw(U32)
        data = frame(
            draw(st.sampled_from([*MONITOR_OPS, 9])),
            ends=draw(ADDRESSES),
            length=size,
            kind=draw(st.integers(0, 3)),
            flags=draw(st.integers(0, 3)),
            buf_alloc=draw(U32),
            fwd_cnt=draw(U32),
        )
        now += draw(STEPS)
        made.append(Packet(max(now, 0), data, min(len(data) + size, 2**32 - 100)))
    return made


@st.composite
def damaged(draw: st.DrawFn) -> list[Packet]:
    """What honest sockets sent, of which some was lost, and some changed places."""
    world: World = draw(worlds())
    packets = list(world.wire.packets)
    for at in draw(st.lists(st.integers(0, 200), max_size=3)):
        del packets[at % len(packets)]
    for at in draw(st.lists(st.integers(1, 200), max_size=3)):
        first = at % len(packets)
        packets[first - 1 : first + 1] = packets[first - 1 : first + 1][::-1]
    return packets


CAPTURES = st.one_of(hostile(), damaged())


# --- however it comes -------------------------------------------------------------------------


@given(CAPTURES, st.lists(st.integers(0, 60), max_size=6))
def test_any_cut_gives_the_same(packets: list[Packet], places: list[int]) -> None:
    cuts = [min(place, len(packets)) for place in places]
    assert track(packets, cuts=cuts) == track(packets)


@given(CAPTURES, st.integers(0, 60))
def test_parts_of_batches_give_the_same(packets: list[Packet], place: int) -> None:
    """A limit or a choice cuts a batch that was scanned whole."""
    tracker = Tracker()
    for batch in batches(packets):
        batch.head(place)
        tracker.feed(batch)
    for batch in batches(packets):
        batch.select(bytes(row >= place for row in range(batch.count)))
        tracker.feed(batch)
    tracker.finish()
    assert ended(tracker) == track(packets)


def ended(tracker: Tracker) -> Tracked:
    return Tracked(tracker.events(), list(tracker.flows()), tracker.counts)


@given(CAPTURES, st.integers(1, 20))
def test_live_gives_the_same(packets: list[Packet], size: int) -> None:
    tracker = Tracker()
    for batch in blocks(packets, size):
        tracker.feed(batch)
    tracker.finish()
    assert ended(tracker) == track(packets)


def blocks(packets: Sequence[Packet], size: int) -> Iterator[Batch]:
    """Scan packets as blocks of a ring, of so many packets each."""
    using, first = Scanner(), 1
    using.add_interface(VSOCK)
    for at in range(0, len(packets), size):
        taken = [
            (*divmod(START + p.time, SECOND), p.frame, p.wire) for p in packets[at : at + size]
        ]
        for batch in using.ring(ring(taken), 0):
            batch.first = first
            first += batch.count
            yield batch


@given(CAPTURES, st.integers(1, 20))
def test_events_are_given_once_and_as_they_come(packets: list[Packet], size: int) -> None:
    tracker, found = Tracker(), list[Event]()
    for batch in batches(packets, cuts=range(size, len(packets), size)):
        tracker.feed(batch)
        marks = [event for row in range(batch.count) for event in tracker.marks(row)]
        new = tracker.events()
        assert all(mark in new for mark in marks)
        assert all(event.packets == () or max(event.packets) < batch.first + size for event in new)
        found += new
    tracker.finish()
    found += tracker.events()
    assert found == track(packets).events
    assert tracker.events() == []


# --- one connection and another ---------------------------------------------------------------


def alone(packets: Iterable[Packet], until: int) -> list[Packet]:
    """What one connection sent, and another packet that makes time go on as long."""
    clock = Talk((77, 1), (77, 2)).at(until / SECOND).request().packets
    return [*packets, *clock]


def anonymous(seen: Tracked, port: int) -> tuple[list[Event], list[Flow]]:
    """Return what there is of one connection, without numbers that others have a part in."""
    events = [
        e._replace(flow=0, packets=()) for e in seen.events if port in {e.src_port, e.dst_port}
    ]
    flows = [f for f in seen.flows if port in {f.src_port, f.dst_port}]
    return events, [f._replace(number=0, first_packet=0, last_packet=0) for f in flows]


@given(worlds())
def test_no_connection_changes_another(world: World) -> None:
    packets, truths = world.wire.packets, world.wire.truths
    until = packets[-1].time + SECOND
    together = track(alone(packets, until))
    for line in world.connections:
        pairs = zip(packets, truths, strict=True)
        own = [packet for packet, truth in pairs if truth.connection == line.number]
        port = line.addresses.src_port
        assert anonymous(track(alone(own, until)), port) == anonymous(together, port)


# --- whatever comes ---------------------------------------------------------------------------


def check(seen: Tracked) -> None:
    """Everything that is said can be said, and makes sense by itself."""
    counts = seen.counts
    assert counts.packets == counts.followed + counts.unread + counts.duplicates
    assert counts.flows == counts.evicted + len(seen.flows)
    for event in seen.events:
        assert event.text(lambda cid, port: f"{cid}:{port}")
        assert event.mark or event.kind in {Kind.MISMATCH, Kind.KERNEL_DEFECT}
        assert event.values.get("length_s", 0) >= 0
    for flow in seen.flows:
        assert flow.reason and flow.duration >= 0
        for side in (flow.fwd, flow.rev):
            assert sum(side.ops) == side.packets and sum(side.sizes) == side.ops[5]
            assert 0 <= side.in_flight < 2**64 and side.stalled >= side.longest_stall >= 0
            assert side.free is None or side.window is None or side.free <= side.window


@given(CAPTURES, st.integers(1, 5))
def test_whatever_the_headers_say(packets: list[Packet], most: int) -> None:
    seen = track(packets, most=most)
    assert len(seen.flows) <= most
    check(seen)
    check(track(packets))


@given(CAPTURES, st.sampled_from([(SLL, sll()), (SLL2, sll2(1))]), st.booleans())
def test_whatever_comes_twice(
    packets: list[Packet], cooked: tuple[int, bytes], twice: bool
) -> None:
    linktype, head = cooked
    other = head[:7] + b"\x09" + head[8:] if linktype == SLL2 else head
    heads = [head, other] if twice else [head]
    seen = track(lead(packets, *heads), linktypes=[linktype])
    check(seen)
    assert twice or linktype == SLL or not seen.counts.duplicates  # SLL names no link
    check(track(packets, prepare=lambda tracker: tracker.interface(0, repeats=True, leaks=True)))


@given(CAPTURES, st.integers(1, 3))
def test_whoever_is_handed_out(packets: list[Packet], most: int) -> None:
    """Every connection is either handed out or there in the end, and only once."""
    tracker, over = Tracker(most=most, keep=False), list[Flow]()
    for batch in batches(packets, cuts=range(5, len(packets), 5)):
        tracker.feed(batch)
        over += tracker.ended()
    tracker.finish()
    numbers = [flow.number for flow in (*over, *tracker.flows())]
    assert sorted(numbers) == list(range(1, tracker.counts.flows + 1))
    assert tracker.ended() == []


@given(st.lists(st.binary(max_size=160), max_size=20))
def test_whatever_the_bytes_are(frames: list[bytes]) -> None:
    packets = [Packet(number, data, len(data)) for number, data in enumerate(frames)]
    check(track(packets))


@given(CAPTURES)
def test_steps_are_of_the_packets_that_are_followed(packets: list[Packet]) -> None:
    tracker, followed = Tracker(steps=True), 0
    for batch in batches(packets):
        tracker.feed(batch)
        found = [tracker.step(row) for row in range(batch.count)]
        followed += sum(step is not None for step in found)
    assert followed == tracker.counts.followed
