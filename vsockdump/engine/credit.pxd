# Credit: what each packet says of it and costs (virtio 1.3, 5.10.6.3), and what is wrong with that.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from .found cimport *
from .rules cimport *
from .tracking cimport *

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
    elif step - way < HALF:
        ahead(t, f, who, fwd_cnt, step - way)
    else:
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
    d.excess = max(d.excess, d.over_excess)
    s.marks |= OVERRAN
    found = report(t, f, OVERRUN, PROBLEM, who, SURE if heard and d.over_tx > edge else GUESS)
    found.packets[0], found.packets[1] = d.over_number, t.number
    number(found, d.over_in_flight)
    number(found, d.over_window)
    number(found, d.over_excess)

# --- stalls ----------------------------------------------------------------------------------------


cdef inline int stall_severity(int64_t ns) noexcept nogil:
    return PROBLEM if ns >= STALL_PROBLEM else WARN if ns >= STALL_WARN else NOTE


cdef inline void fill(Tracking *t, Flow *f, int who, bint guess) noexcept nogil:
    """Side `who` has used up all it may have in flight."""
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef SideRare *d = &rare(t, f).sides[who]
    s.marks |= IS_STALLED
    s.stalled = t.time
    d.full_in_flight = in_flight(s)
    d.full_window = own_limit(s, other)
    d.full_guess = guess or d.full_window < other.buf_alloc


cdef inline void lift(
    Tracking *t, Flow *f, int who, uint64_t way, uint64_t window
) noexcept nogil:
    """The other end's announcement may end a stall of side `who`, or begin one.

    Before it, `way` bytes were in flight and `window` were allowed to be.
    """
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef bint full = is_full(s, other)
    if s.marks & IS_STALLED and not (full and is_held(t, f, who)):
        stalled(t, f, who, s.stalled, t.time, blame(t, f, who))
        s.marks &= ~<uint32_t>IS_STALLED
    elif window - way < MOST_RW and way > in_flight(s) and t.row.virtio_op == OP_CREDIT_UPDATE:
        loosen(t, f, who, way, window)
    if full and in_flight(s) and not (s.marks & IS_STALLED or s.shutdown & SEND):
        if not other.shutdown & RCV:
            fill(t, f, who, True)


cdef inline bint is_held(Tracking *t, Flow *f, int who) noexcept nogil:
    """Whether what held a side back when its stall began still does: its own limit may, or no room."""
    return (
        rare(t, f).sides[who].full_guess
        or not free_bytes(&f.sides[who], &f.sides[1 - who])
    )


cdef inline void loosen(
    Tracking *t, Flow *f, int who, uint64_t way, uint64_t window
) noexcept nogil:
    """Side `who` may send more than it might before; a message may have waited for that."""
    cdef SideRare *d = &rare(t, f).sides[who]
    f.sides[who].marks |= LIFTED
    d.lifted = t.time
    d.lifted_free = window - way
    d.full_in_flight, d.full_window, d.full_guess = way, window, True


cdef inline void waited(Tracking *t, Flow *f, int who, uint32_t size) noexcept nogil:
    """A message that follows an announcement at once, and would not have fitted before it.

    Of a stream everybody sends what fits.
    """
    cdef Side *s = &f.sides[who]
    cdef SideRare *d = &rare(t, f).sides[who]
    s.marks &= ~<uint32_t>LIFTED
    if t.row.virtio_type != TYPE_SEQPACKET:
        return
    if size > d.lifted_free and t.time - d.lifted < REORDER and d.lifted - s.sent >= STALL:
        stalled(t, f, who, s.sent, d.lifted, NOT_READING)


cdef inline void stalled(
    Tracking *t, Flow *f, int who, int64_t begin, int64_t end, int why, bint lifted=True
) noexcept nogil:
    """Side `who` could not send from `begin` to `end`."""
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef SideRare *d = &rare(t, f).sides[who]
    cdef int64_t length = max(end - begin, 0)
    cdef Found *found
    cdef int severity = stall_severity(length)
    d.stalled_sum += length
    if length < STALL:
        return
    d.stalls += 1
    if d.full_guess:  # it may not have wanted to: that is no problem of anybody
        found = report(t, f, STALLED, NOTE, who, GUESS)
    else:
        d.stalled_longest = max(d.stalled_longest, <uint64_t>length)
        found = report(t, f, STALLED, severity, who)
    found.packets[0] = s.sent_number
    found.packets[1] = t.number if lifted else 0
    number(found, length)
    number(found, d.full_in_flight)
    number(found, d.full_window)
    number(found, why)
    number(found, lifted)


cdef inline int blame(Tracking *t, Flow *f, int who) noexcept nogil:
    """Whose fault a stall of side `who` is, by the packet that ended it.

    Linux tells of what it reads while its buffer is short of room. Who tells only when it is asked,
    or with data of its own, had read before.
    """
    cdef SideRare *d = &rare(t, f).sides[who]
    if t.row.virtio_op != OP_CREDIT_UPDATE:
        return NO_UPDATE
    if d.asked_last != NEVER and t.time - d.asked_last <= REORDER:
        return NO_UPDATE
    return NOT_READING

cdef inline void give_in(Tracking *t, Flow *f, int who) noexcept nogil:
    """A side that could not send will not any more, if it could: the stall is over."""
    still_stalled(t, f, who)
    f.sides[who].marks &= ~<uint32_t>IS_STALLED


cdef inline void still_stalled(Tracking *t, Flow *f, int who) noexcept nogil:
    """Nothing has lifted a stall so far."""
    cdef Side *s = &f.sides[who]
    cdef int why = REQUEST_UNANSWERED if s.marks & ASKED else NOT_READING
    if s.marks & IS_STALLED:
        stalled(t, f, who, s.stalled, t.time, why, False)
        s.stalled = t.time

# --- packets and messages that are not read yet ----------------------------------------------------


cdef inline void count_unread(Tracking *t, Flow *f, int who, uint32_t size) noexcept nogil:
    """Count the packets that are unread for sure: those since one that is unread.

    Newer kernels take only so many (virtio_transport_common.c, virtio_transport_inc_rx_pkt()). Small
    ones of a stream are merged into the one before.
    """
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef bint counts = (size > MERGED) | (t.row.virtio_type == TYPE_SEQPACKET)
    cdef bint first = <uint32_t>(<uint32_t>s.read - s.unread_from) < HALF
    s.unread_from = <uint32_t>s.tx if first & counts else s.unread_from
    s.unread = (0 if first & counts else s.unread) + counts
    if expect(s.unread * <uint64_t>TRUESIZE > other.buf_alloc, False):
        if counts and other.marks & HEARD and not s.marks & SAID_CEILING:
            too_many(t, f, who)


cdef inline void too_many(Tracking *t, Flow *f, int who) noexcept nogil:
    cdef Found *found = report(t, f, PACKET_CEILING, NOTE, 1 - who, GUESS)
    cdef uint32_t buf_alloc = f.sides[1 - who].buf_alloc
    f.sides[who].marks |= SAID_CEILING | BEYOND_CEILING
    number(found, f.sides[who].unread)
    number(found, buf_alloc // TRUESIZE)
    number(found, buf_alloc)


cdef inline void follow_message(Tracking *t, Flow *f, int who) noexcept nogil:
    """Add up a SEQPACKET message, which has to fit into the other end's buffer whole."""
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef SideRare *d = &rare(t, f).sides[who]
    cdef Found *found
    d.message += t.row.virtio_len
    if d.message > other.buf_alloc and other.marks & HEARD and not s.marks & SAID_MESSAGE:
        s.marks |= SAID_MESSAGE
        found = report(t, f, MESSAGE_TOO_LARGE, PROBLEM, who)
        number(found, d.message)
        number(found, other.buf_alloc)
    if t.row.virtio_flags & EOM:
        d.message = 0


cdef inline uint64_t data_packets(const Flow *f, int who) noexcept nogil:
    """The RW packets of a side."""
    cdef uint64_t sum = 0
    cdef int i
    for i in range(SIZES):
        sum += f.sizes[who][i]
    return sum


cdef inline void count_update(Tracking *t, Flow *f, int who) noexcept nogil:
    """Linux sends at most one CREDIT_UPDATE for each packet that is read, but for a few."""
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef uint32_t updates = f.ops[who][OP_CREDIT_UPDATE]
    cdef Found *found
    if other.marks & ASKED:
        f.answers[who] += 1
    updates -= f.answers[who]
    if (
        updates <= STORM or s.marks & SAID_STORM
        or updates <= STORM_RATIO * data_packets(f, 1 - who)
    ):
        return
    s.marks |= SAID_STORM
    found = report(t, f, UPDATE_STORM, WARN, who)
    number(found, updates)
    number(found, data_packets(f, 1 - who))
    number(found, other.bytes)
