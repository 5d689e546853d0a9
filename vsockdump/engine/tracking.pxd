# One packet on its way through the tracker: what all rules see, and how they report.

from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from .batch cimport Row
from .connection cimport *
from .found cimport Doubt, Findings, Found, GAP_BEFORE, GUESS, LOST, MID_STREAM, SURE, WARN, add
from .table cimport Table, rare_at
from .timers cimport WAITS, Timers, length, push

cdef enum:
    AHEAD_OF_USE = 32           # hashes kept: see follow.pxd
    TIMES = 64 * 8              # buckets of a histogram of times: eight for each power of two

cdef struct Capture:            # what is known of one interface
    bint cooked
    bint names_links            # LINUX_SLL2: the frame says which link it came from
    bint repeats                # its kernel taps some packets again
    bint leaks                  # its kernel puts its memory into large packets
    bint single                 # LINUX_SLL: a REQUEST came once, so everything does

cdef struct CreditNow:
    uint32_t tx_cnt
    uint32_t fwd_cnt
    uint64_t in_flight
    int64_t window              # -1: unknown
    int64_t free

cdef struct StepNow:            # what a packet did
    uint64_t flow
    uint32_t slot
    int side
    CreditNow sides[2]

ctypedef void (*HandOut)(void *owner, Flow *f) noexcept nogil

cdef struct Tracking:
    Table table
    Capture *captures           # by interface
    StepNow *steps              # by place; NULL if nobody asks
    const StepNow *guide        # those of the tracker that numbers connections; NULL: this one
    HandOut hand_out            # takes connections that go; NULL if they are only forgotten
    void *owner
    uint8_t moves[6][7]         # vsockdump.states.MOVES
    const Row *rows             # the batch that is fed, and its bytes
    const uint8_t *bytes
    const uint16_t *places      # of its rows; NULL where none was left out
    uint64_t first
    uint32_t hashes[AHEAD_OF_USE]
    Findings found
    Timers timers[WAITS]
    bint finished
    int64_t now                 # the latest time of a packet
    int64_t deadline            # the next of all timers
    int64_t begin
    uint64_t packets
    uint64_t followed
    uint64_t truncated
    uint64_t duplicates
    uint64_t flows
    uint64_t lost
    uint64_t midstream
    uint64_t missing
    uint64_t connect_times[TIMES]
    uint64_t credit_times[TIMES]
    const Row *row
    int64_t time                # the packet's, or that of the end
    int32_t at                  # its place in the batch, or TIMED
    uint64_t number             # the packet's, 0 at the end


cdef inline int time_bucket(int64_t ns) noexcept nogil:
    """The bucket of a length of time: eight for each power of two, a nanosecond each below 16."""
    cdef uint64_t time = <uint64_t>max(ns, 0)
    cdef int power = max(bits(time) - 4, 0)
    return power * 8 + <int>(time >> power)


cdef inline Rare *rare(Tracking *t, Flow *f) noexcept nogil:
    """What few packets touch; made ready when the first does."""
    cdef Rare *r = rare_at(&t.table, f.slot)
    cdef int side
    if not f.traits & IS_RARE:
        f.traits |= IS_RARE
        for side in range(2):
            r.sides[side].asked = r.sides[side].asked_last = r.sides[side].twin_time = NEVER
    return r


cdef inline Found *report(
    Tracking *t, Flow *f, int kind, int severity, int actor, int doubt=SURE
) noexcept nogil:
    """Note what this packet brings about; a doubt of the capture goes before one of the rule.

    What bytes that are missing may explain is nobody's problem.
    """
    if f.traits & GAPPED:
        doubt = GAP_BEFORE
        severity = min(severity, <int>WARN)
    elif not f.traits & EXACT:
        doubt = MID_STREAM
    return report_seen(t, f, kind, severity, actor, doubt)


cdef inline Found *report_seen(
    Tracking *t, Flow *f, int kind, int severity, int actor, int doubt=SURE
) noexcept nogil:
    """Note what this packet shows by itself, whatever was captured of its connection."""
    cdef Found *found = add(&t.found, f, kind, severity, doubt, actor, t.time, t.at)
    found.packets[0] = t.number
    return found


cdef inline void wait(Tracking *t, Flow *f, int side, int what) noexcept nogil:
    """Have `what` be looked for when its time is over."""
    cdef int64_t deadline = min(t.now, INT64_MAX - length(what)) + length(what)
    if push(&t.timers[what], &t.table, f, side, deadline) < 0:
        t.found.failed = True
    elif deadline < t.deadline:
        t.deadline = deadline
