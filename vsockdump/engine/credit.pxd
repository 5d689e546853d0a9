# Credit: what each packet says of it and costs (virtio 1.3, 5.10.6.3), and what is wrong with that.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from .found cimport *
from .rules cimport *
from .stalls cimport *
from .tracking cimport *
from .unread cimport *

# --- what a packet announces -----------------------------------------------------------------------


cdef inline void announce(Tracking *t, Flow *f, int who) noexcept nogil:
    """Take a packet's buf_alloc and fwd_cnt for what the other end may send.

    Most packets say at most that more was read. Whether they do cannot be predicted, and so is no
    branch here.
    """
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef uint64_t way = in_flight(other)
    cdef uint32_t step = t.row.fwd_cnt - <uint32_t>other.read
    if expect(
        (step > way) | (t.row.buf_alloc != s.buf_alloc) | (s.buf_alloc < way + MOST_RW)
        | ((s.marks & HEARD) == 0) | ((other.marks & WATCHED) != 0), False
    ):
        announce_change(t, f, who)
        return
    s.fwd_cnt = t.row.fwd_cnt
    other.read += step
    other.read_time = t.time if step else other.read_time
    other.edge = max(other.edge, other.read + s.buf_alloc)
    if other.marks & IS_TIMED and other.read >= other.timed_end:
        stop_timer(t, other)


cdef inline void stop_timer(Tracking *t, Side *s) noexcept nogil:
    """The packet that was waited for is read."""
    s.marks &= ~<uint32_t>IS_TIMED
    t.credit_times[time_bucket(t.time - s.timed)] += 1


cdef inline void announce_change(Tracking *t, Flow *f, int who) noexcept nogil:
    """The same, for a packet that may change more than what was read."""
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef uint32_t buf_alloc = t.row.buf_alloc, fwd_cnt = t.row.fwd_cnt
    cdef uint64_t way = in_flight(other), window = s.buf_alloc
    if not s.marks & HEARD and other.marks & ESTIMATED:
        # At least this was sent; what was seen before it may be part of it.
        other.tx = other.read = other.edge = fwd_cnt
    take_fwd_cnt(t, f, who, fwd_cnt)
    if s.marks & HEARD and buf_alloc < s.buf_alloc:
        shrink(t, f, who, buf_alloc)
    s.marks |= HEARD
    s.fwd_cnt = fwd_cnt
    s.buf_alloc = buf_alloc
    if other.marks & OVER:
        settle_overrun(t, f, 1 - who, True)
    other.edge = max(other.edge, other.read + buf_alloc)
    lift(t, f, 1 - who, way, window)


cdef inline void take_fwd_cnt(Tracking *t, Flow *f, int who, uint32_t fwd_cnt) noexcept nogil:
    """The other end's bytes that `who` has read in all, modulo 2^32.

    More than is in flight is either more than was seen, or less than was said before: as serial
    numbers, whichever is nearer.
    """
    cdef Side *other = &f.sides[1 - who]
    cdef uint32_t step = fwd_cnt - <uint32_t>other.read
    cdef uint64_t way = in_flight(other)
    if step <= way:
        if step:
            read_more(t, f, 1 - who, step)
        if other.marks & AHEAD and t.time - rare(t, f).sides[1 - who].ahead_since > REORDER:
            other.marks &= ~<uint32_t>AHEAD  # the packets came later than their answer
    elif step - way < HALF or cannot_have_sent(t, f, 1 - who):
        ahead(t, f, who, fwd_cnt, step - way)
    elif other.read_time != NEVER:
        back(t, f, who, fwd_cnt)


cdef inline void read_more(Tracking *t, Flow *f, int who, uint64_t step) noexcept nogil:
    """So many more of a side's bytes were read."""
    cdef Side *s = &f.sides[who]
    s.read += step
    s.read_time = t.time
    if s.marks & IS_TIMED and s.read >= s.timed_end:
        stop_timer(t, s)
    if s.read == s.tx:
        s.marks &= ~<uint32_t>BEYOND_CEILING


cdef inline void ahead(
    Tracking *t, Flow *f, int who, uint32_t fwd_cnt, uint64_t more
) noexcept nogil:
    """Side `who` has read `more` bytes than the other was seen to send."""
    cdef Side *other = &f.sides[1 - who]
    cdef SideRare *d = &rare(t, f).sides[1 - who]
    if in_flight(other):
        read_more(t, f, 1 - who, in_flight(other))
    if not other.marks & (ESTIMATED | MISCOUNTED) and cannot_have_sent(t, f, 1 - who):
        report_ahead(t, f, who, fwd_cnt, more)
    if other.marks & (ESTIMATED | MISCOUNTED):
        other.tx += more
        other.read = other.tx
    elif not other.marks & AHEAD:
        other.marks |= AHEAD
        d.ahead_since = t.time
        d.ahead_number = t.number
        d.ahead_fwd_cnt = fwd_cnt
    else:
        d.ahead_fwd_cnt = fwd_cnt
        if t.time - d.ahead_since > REORDER:
            confirm_gap(t, f, 1 - who)


cdef inline bint cannot_have_sent(Tracking *t, Flow *f, int who) noexcept nogil:
    """Whether no lost packet can explain more bytes of a side: it may not have sent any yet.

    An opener sends nothing before its RESPONSE, and its REQUEST has nothing to count.
    """
    return f.traits & EXACT and t.row.virtio_op == (OP_RESPONSE if who == 0 else OP_REQUEST)


cdef inline void report_ahead(
    Tracking *t, Flow *f, int who, uint32_t fwd_cnt, uint64_t more
) noexcept nogil:
    cdef Found *found = report(t, f, FWD_CNT_AHEAD, PROBLEM, who)
    number(found, fwd_cnt)
    number(found, <uint32_t>f.sides[1 - who].tx)
    number(found, more)
    f.sides[1 - who].marks |= MISCOUNTED


cdef inline void catch_up(Tracking *t, Flow *f, int who) noexcept nogil:
    """An RW came that was counted as read before it was seen."""
    cdef Side *s = &f.sides[who]
    cdef uint32_t step = rare(t, f).sides[who].ahead_fwd_cnt - <uint32_t>s.read
    if step < HALF:
        read_more(t, f, who, min(<uint64_t>step, in_flight(s)))


cdef inline void confirm_gap(Tracking *t, Flow *f, int who) noexcept nogil:
    """Bytes of a side that the other end has read are not in the capture: count them as sent."""
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef SideRare *d = &rare(t, f).sides[who]
    cdef uint32_t step = d.ahead_fwd_cnt - <uint32_t>s.tx
    cdef Found *found
    s.marks &= ~<uint32_t>AHEAD
    if not step or step >= HALF:
        return
    s.tx += step
    s.read = s.tx
    s.edge = max(s.edge, s.read + other.buf_alloc)
    if d.twin_bytes >= step:  # they were no duplicates, then
        d.twin_bytes -= step
        s.bytes += step
        return
    s.marks &= ~<uint32_t>OVER
    d.missing += step
    t.missing += step
    f.traits |= GAPPED
    found = add(&t.found, f, GAP, WARN, GUESS, who, t.time, t.at)
    found.packets[0] = d.ahead_number
    found.packets[1] = t.number if t.number != d.ahead_number else 0
    number(found, step)


cdef inline void back(Tracking *t, Flow *f, int who, uint32_t fwd_cnt) noexcept nogil:
    """Side `who` says it has read less than it said before.

    Linux fills in fwd_cnt when a packet is made, and two threads of one socket may then queue their
    packets the other way round.
    """
    cdef Side *other = &f.sides[1 - who]
    cdef Found *found
    if t.time - other.read_time <= REORDER or other.marks & SAID_BACK:
        return
    other.marks |= SAID_BACK
    found = report(t, f, FWD_CNT_BACK, PROBLEM, who)
    number(found, <uint32_t>other.read)
    number(found, fwd_cnt)


cdef inline void shrink(Tracking *t, Flow *f, int who, uint32_t buf_alloc) noexcept nogil:
    cdef uint64_t way = in_flight(&f.sides[1 - who])
    cdef Found *found
    if way <= buf_alloc:
        return
    found = report(t, f, BUF_SHRUNK, WARN, who)
    number(found, f.sides[who].buf_alloc)
    number(found, buf_alloc)
    number(found, way)

# --- what an RW costs ------------------------------------------------------------------------------


cdef inline void spend(Tracking *t, Flow *f, int who) noexcept nogil:
    """Count the payload of an RW against what its sender may send."""
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef uint32_t size = t.row.virtio_len
    other.marks &= ~<uint32_t>LIFTED  # it may have waited for this
    if s.marks & AHEAD and t.time - rare(t, f).sides[who].ahead_since > REORDER:
        confirm_gap(t, f, who)  # this is not what was missing: that would have come by now
    s.tx += size
    s.bytes += size
    if s.marks & AHEAD:
        catch_up(t, f, who)
    if (s.packets < TIMED_ALL or not s.packets & TIMED_SOME) and not s.marks & IS_TIMED:
        s.marks |= IS_TIMED
        s.timed = t.time
        s.timed_end = s.tx
    if other.marks & HEARD:
        if s.tx > s.edge and not s.marks & MISCOUNTED:
            overrun(t, f, who)
        if in_flight(s) > s.buf_alloc:
            s.marks |= UNLIMITED
        if s.marks & LIFTED:
            waited(t, f, who, size)
        s.min_free = <uint32_t>min(<uint64_t>s.min_free, free_bytes(s, other))
        s.marks &= ~<uint32_t>IS_STALLED
        if is_full(s, other):
            fill(t, f, who, False)
    s.sent = t.time
    s.sent_number = t.number
    count_unread(t, f, who, size)


cdef inline void overrun(Tracking *t, Flow *f, int who) noexcept nogil:
    """More is sent than was ever seen to be allowed: what the other end says next will tell."""
    cdef Side *s = &f.sides[who]
    cdef SideRare *d = &rare(t, f).sides[who]
    if not s.marks & OVER:
        s.marks |= OVER
        d.over_since = t.time
        d.over_number = t.number
        d.over_excess = 0
    if s.tx - s.edge > d.over_excess:
        d.over_excess = s.tx - s.edge
        d.over_in_flight = in_flight(s)
        d.over_window = f.sides[1 - who].buf_alloc
        d.over_tx = s.tx


cdef inline void settle_overrun(Tracking *t, Flow *f, int who, bint heard) noexcept nogil:
    """The other end was heard, or will not be any more: if not even what it says covers it, it is sure.

    If it does, the sender may have known of an announcement that is not in the capture.
    """
    cdef Side *s = &f.sides[who]
    cdef SideRare *d = &rare(t, f).sides[who]
    cdef uint64_t edge = s.read + f.sides[1 - who].buf_alloc
    cdef Found *found
    s.marks &= ~<uint32_t>OVER
    if s.marks & AHEAD:  # packets are missing, or late: nothing can be said
        return
    if heard and d.over_tx <= edge and t.time - d.over_since <= REORDER:
        return  # the announcement was tapped after the packet that it allowed
    d.excess = max(d.excess, d.over_excess)
    s.marks |= OVERRAN
    found = report(t, f, OVERRUN, PROBLEM, who, SURE if heard and d.over_tx > edge else GUESS)
    found.packets[0], found.packets[1] = d.over_number, t.number
    number(found, d.over_in_flight)
    number(found, d.over_window)
    number(found, d.over_excess)
