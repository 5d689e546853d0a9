"""What is kept of a connection's credit: packet by packet, and of any stretch of time."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from vsockdump.dissectors.virtio import Op
from vsockdump.steps import End, Packet
from vsockdump.tui.trace import Extremes, Moment, Stretch, Trace

from .captures import START
from .conversation import MICRO, SECOND, Talk
from .test_steps import WINDOW, happened, stalled

NUMBERS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=1500)


def traced(talk: Talk, flow: int = 1) -> Trace:
    trace = Trace()
    for found in happened(talk, flow):
        trace.take(found)
    return trace


@given(NUMBERS, st.data())
def test_extremes(numbers: list[int], data: st.DataObject) -> None:
    values = array("I")
    extremes = Extremes(values)
    for part in (numbers[:700], numbers[700:]):  # it is asked before all of them are there
        values.extend(part)
        if part:
            begin = data.draw(st.integers(0, len(values) - 1))
            end = data.draw(st.integers(begin + 1, len(values)))
            assert extremes.between(begin, end) == (
                min(numbers[begin:end]),
                max(numbers[begin:end]),
            )


def test_every_packet_is_as_it_was() -> None:
    talk = Talk().open().rw("src", 1000).rw("dst", 70).update("dst", fwd=900).close()
    trace = traced(talk)
    packets = [found for found in happened(talk) if isinstance(found, Packet)]
    assert trace.count == len(packets) == 8
    for at, packet in enumerate(packets):
        number, time, op, side, _, fwd, rev = trace[at]
        assert (number, time, op, side) == (packet.number, packet.time, packet.op, packet.side)
        assert (fwd, rev) == (packet.fwd, packet.rev)
    assert [trace[at].len for at in range(5)] == [0, 0, 1000, 70, 0]
    assert trace.ends == (End(3, 1024), End(2, 1234))


def test_counts_wrap_around() -> None:
    trace = Trace()
    (packet, *_) = (one for one in happened(Talk().open()) if isinstance(one, Packet))
    credit = packet.fwd._replace(tx_cnt=10, in_flight=30, fwd_cnt=2**32 - 20, window=100, free=70)
    trace.take(packet._replace(fwd=credit))
    assert trace[0].fwd == credit


def test_who_opened_is_first_whoever_is_seen_first() -> None:
    trace = traced(Talk().rw("dst", 5).rw("src", 5))
    assert trace.ends is not None
    assert trace.ends[trace[0].side] == End(2, 1234)


def test_what_nobody_knows_is_no_value() -> None:
    trace = traced(Talk().request().response())
    assert trace[0].fwd.window is None
    first, second = trace.stretches(0, START, START + 100 * MICRO, 2)
    assert (first.window, second.window) == (None, (262144, 262144))


def test_stretches_of_a_stall() -> None:
    trace = traced(stalled())
    found = list(trace.stretches(0, START, START + 5 * SECOND, 10))
    assert found[0] == Stretch((0, WINDOW), (WINDOW, WINDOW), (0, WINDOW), (0, 0), True)
    assert found[1] == Stretch((WINDOW, WINDOW), (WINDOW, WINDOW), (WINDOW, WINDOW), (0, 0), True)
    # The update is at 1 s: what was true before it is at the beginning of that stretch, too.
    assert found[2] == Stretch((0, WINDOW), (WINDOW, WINDOW), (WINDOW, WINDOW), (0, WINDOW))
    assert found[3] == Stretch((0, 0), (WINDOW, WINDOW), (WINDOW, WINDOW), (WINDOW, WINDOW))
    assert [one.stalled for one in found] == [True, True, *[False] * 8]


def test_before_the_first_packet_is_nothing() -> None:
    trace = traced(Talk().open())
    before, *_ = trace.stretches(0, START - SECOND, START + SECOND, 4)
    assert before == Stretch()


def test_nothing_at_all() -> None:
    trace = Trace()
    assert (trace.count, trace.start, trace.span) == (0, 0, 0)
    assert list(trace.stretches(0, 0, 10, 2)) == [Stretch(), Stretch()]
    assert trace.carried(0, 0, 10, 2) == [0, 0]


TIMES = st.lists(st.integers(0, 10_000), min_size=1, max_size=400)


@given(TIMES, st.integers(1, 50), st.integers(0, 9000), st.integers(0, 5000))
def test_no_byte_and_no_spike_is_lost(
    times: list[int], count: int, begin: int, length: int
) -> None:
    trace = Trace()
    packet = next(one for one in happened(Talk().rw("src", 1)) if isinstance(one, Packet))
    for at, time in enumerate(sorted(times)):
        credit = packet.fwd._replace(in_flight=at, window=1000, free=1000 - at, tx_cnt=at)
        trace.take(packet._replace(number=at + 1, time=time, len=1, op=Op.RW, fwd=credit))
    end = begin + length
    within = [at for at, time in enumerate(sorted(times)) if begin <= time <= end]
    assert sum(trace.carried(0, begin, end, count)) == len(within)
    peaks = [one.in_flight[1] for one in trace.stretches(0, begin, end, count) if one.in_flight]
    if within:
        assert max(peaks) == within[-1]


def test_places() -> None:
    trace = traced(Talk().open().at(2).rw("src", 1))
    assert [trace.place(number) for number in (1, 3, 4)] == [0, 2, 3]
    assert [trace.nearest(START + at) for at in (-5, MICRO, SECOND - 1, SECOND * 9)] == [0, 0, 1, 2]


def test_a_time_that_goes_back_is_the_latest() -> None:
    trace = traced(Talk().open().at(1).rw("src", 1).at(0.5).rw("src", 1))
    assert (trace.span, trace[3].time) == (SECOND, START + SECOND)


def test_a_stall_that_lasts_goes_on_after_the_last_packet() -> None:
    talk = Talk(buf=WINDOW).open().rw("src", WINDOW)
    Talk((4, 9), on=talk).at(3).request()  # by which time is known to go on
    trace = traced(talk)
    assert trace.span == 3 * SECOND
    *_, last = trace.stretches(0, START, START + trace.span, 10)
    assert last == Stretch((WINDOW,) * 2, (WINDOW,) * 2, (WINDOW,) * 2, (0, 0), True)


def test_memory() -> None:
    trace = traced(Talk().open())
    arrays = [value for one in (trace, *trace.ways) for value in vars(one).values()]
    assert sum(one.itemsize for one in arrays if isinstance(one, array)) == 67


def test_moment() -> None:
    moment = traced(Talk().open())[1]
    assert isinstance(moment, Moment)
    assert moment.ways == (moment.fwd, moment.rev)
