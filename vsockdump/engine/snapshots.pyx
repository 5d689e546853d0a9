# cython: language_level=3
"""What Python makes of connections and events: vsockdump.flows.Flow and vsockdump.events.Event."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from vsockdump import events, flows, states

from .connection cimport *
from .ends cimport CLOSED
from .found cimport *
from .rules cimport OP_RW
from .table cimport rare_at
from .tracking cimport *
from .unread cimport data_packets

cdef tuple STATES = tuple(states.State)
cdef tuple ENDS = tuple(flows.End)
cdef tuple DOUBTS = tuple(events.Doubt)
cdef tuple SEVERITIES = tuple(events.Severity)
cdef tuple KINDS = tuple(events.Kind)


cdef object flow_of(Tracking *t, Flow *f):
    """Return a snapshot of one connection."""
    cdef int doubt = SURE
    if f.traits & GAPPED:
        doubt = GAP_BEFORE
    elif t.lost:
        doubt = LOST
    elif not f.traits & EXACT:
        doubt = MID_STREAM
    # Its own constructor takes several times as long: it is a function in Python.
    return tuple.__new__(flows.Flow, (
        f.number, f.generation, f.interface, f.src_cid, f.src_port, f.dst_cid, f.dst_port, f.type,
        STATES[f.state], f.traits & WHOLE != 0, f.start, _time(f.response), f.last, _time(f.closed),
        ENDS[f.end], f.reset_by if f.state == CLOSED else None, f.problems, f.duplicates,
        DOUBTS[doubt], f.first_packet, f.last_packet, _side(t, f, 0), _side(t, f, 1),
    ))


cdef object _side(Tracking *t, Flow *f, int who):
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef SideRare *d = &rare_at(&t.table, f.slot).sides[who]
    cdef bint heard = other.marks & HEARD != 0
    cdef bint stalled = s.marks & IS_STALLED != 0
    cdef uint64_t present = _present_stall(t, f, who)
    return tuple.__new__(flows.Side, (
        s.packets, s.bytes, _numbers(f.ops[who], OPS, OP_RW, data_packets(f, who)), s.largest,
        _numbers(f.sizes[who], SIZES, -1, 0),
        f.first_byte[who] if s.sent != NEVER else None, _time(s.sent),
        s.buf_alloc if s.marks & HEARD else None, <uint32_t>s.tx,
        <uint32_t>s.read if heard else None, in_flight(s), other.buf_alloc if heard else None,
        free_bytes(s, other) if heard else None,
        s.min_free if s.min_free != NO_MINIMUM else None,
        d.stalls, _stalled(t, f, who), _longest_stall(t, f, who),
        stalled and (t.finished or present >= STALL), d.missing, d.excess, d.unread, s.shutdown,
    ))


cdef tuple _numbers(const uint32_t *values, int count, int other, uint64_t value):
    """Return a tuple of C's, with `value` put in the place of `other`."""
    cdef int i
    cdef list made = []
    for i in range(count):
        made.append(value if i == other else values[i])
    return tuple(made)


cdef object _time(int64_t ns):
    return None if ns == NEVER else ns


cdef object event_of(const Found *e):
    """Return one finding."""
    return events.Event(
        KINDS[e.kind], SEVERITIES[e.severity], DOUBTS[e.doubt], e.flow, e.generation,
        e.src_cid, e.src_port, e.dst_cid, e.dst_port, e.actor, e.time,
        tuple([e.packets[i] for i in range(2) if e.packets[i]]),
        tuple([e.numbers[i] for i in range(e.count)]),
    )


cdef uint64_t measure(const Tracking *t, const Flow *f, int what) noexcept nogil:
    """How much a connection has of one of the tracker's MEASURES."""
    if what == 0:
        return f.sides[0].bytes + f.sides[1].bytes
    if what == 1:
        return f.sides[0].packets + f.sides[1].packets
    if what == 2:
        return <uint64_t>(f.last - f.start)
    if what == 3:
        return _stalled(t, f, 0) + _stalled(t, f, 1)
    if what == 4:
        return max(_longest_stall(t, f, 0), _longest_stall(t, f, 1))
    return f.problems if what == 5 else <uint64_t>max(f.last, 0)


cdef uint64_t _stalled(const Tracking *t, const Flow *f, int who) noexcept nogil:
    return rare_at(&t.table, f.slot).sides[who].stalled_sum + _present_stall(t, f, who)


cdef uint64_t _longest_stall(const Tracking *t, const Flow *f, int who) noexcept nogil:
    cdef uint64_t past = rare_at(&t.table, f.slot).sides[who].stalled_longest
    return max(past, _present_stall(t, f, who))


cdef uint64_t _present_stall(const Tracking *t, const Flow *f, int who) noexcept nogil:
    """How long a side has not been able to send for, if it is not."""
    if not f.sides[who].marks & IS_STALLED:
        return 0
    return max(t.now - f.sides[who].stalled, 0)


cdef list histogram_of(const uint64_t *buckets):
    """Return (the longest time, how many) of each bucket that is not empty; nanoseconds."""
    cdef int i
    return [(_longest(i), buckets[i]) for i in range(TIMES) if buckets[i]]


cdef object _longest(int i):
    """The longest time that a bucket of tracking.time_bucket() holds: its inverse."""
    power = max(i // 8 - 1, 0)
    return ((i - 8 * power + 1) << power) - 1
