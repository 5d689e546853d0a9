# Stalls: a side that may not send, from when to when, and whose fault that is.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from .found cimport *
from .rules cimport *
from .tracking cimport *


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

    Who tells only when asked, or at the end, had read before. With data of its own it may have read
    just then: Linux needs no CREDIT_UPDATE beside it.
    """
    cdef SideRare *d = &rare(t, f).sides[who]
    if t.row.virtio_op == OP_SHUTDOWN or t.row.virtio_op == OP_RST:
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
