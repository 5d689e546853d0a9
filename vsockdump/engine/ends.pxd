# How connections begin and end: what REQUEST, RESPONSE, SHUTDOWN and RST mean, and their absence.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from .credit cimport *
from .found cimport *
from .rules cimport *
from .table cimport NOWHERE, flow_at, side_of
from .timers cimport FOR_RESPONSE, FOR_RST, FOR_UPDATE
from .tracking cimport *

# vsockdump.states.State and Move, vsockdump.flows.End: tests/test_engine_words.py holds these to them.
cdef enum State:
    OPENING = 0
    OPEN = 1
    CLOSING = 4
    CLOSED = 5

cdef enum End:                  # 0: none yet
    HANDSHAKE = 1
    REFUSED_END = 2
    TIMER = 3
    RESET_END = 4
    TOO_LATE = 5

cdef enum Move:
    MOVE_RESPONSE = 0
    MOVE_CARRY = 1
    MOVE_PART_SRC = 2           # and one more for the other side
    MOVE_END_SRC = 4
    MOVE_RST = 6

cdef enum:
    BOTH = RCV | SEND
    ODD = MISMATCH | UPPER_CID | ANY_DEFECT_A
    LEAK = 3                    # vsockdump.events.Defect.B
    LARGEST_SOUND = 32404       # vsockdump.leaks.LARGEST_SOUND


cdef inline Flow *before(Tracking *t, const Flow *f) noexcept nogil:
    """The tuple's generation before this one, NULL if there is none or it is forgotten."""
    cdef Flow *found
    if f.previous == NOWHERE:
        return NULL
    found = flow_at(&t.table, f.previous)
    return found if found.number == f.previous_number else NULL

# --- the beginning ---------------------------------------------------------------------------------


cdef inline void begin(Tracking *t, Flow *f) noexcept nogil:
    """Fill in a new connection from its first packet."""
    cdef const Row *r = t.row
    cdef bint answer = r.virtio_op == OP_RESPONSE  # whose sender did not open it
    cdef int side
    if answer:
        f.src_cid, f.src_port, f.dst_cid, f.dst_port = r.dst_cid, r.dst_port, r.src_cid, r.src_port
    else:
        f.src_cid, f.src_port, f.dst_cid, f.dst_port = r.src_cid, r.src_port, r.dst_cid, r.dst_port
    f.interface, f.type = r.interface, r.virtio_type
    f.start = f.last = t.time
    f.response = f.closed = NEVER
    f.first_packet = t.number
    f.state = OPENING if r.virtio_op == OP_REQUEST else OPEN
    if r.virtio_op == OP_REQUEST:
        f.traits |= WHOLE | EXACT
    else:
        t.midstream += 1
        f.traits |= EXACT if answer else 0
    for side in range(2):
        begin_side(&f.sides[side], f.traits & EXACT)
    if r.virtio_op == OP_REQUEST:
        wait(t, f, 0, FOR_RESPONSE)
        note_reuse(t, f)


cdef inline void complete(Tracking *t, Flow *f) noexcept nogil:
    """The REQUEST of a connection whose RESPONSE was seen before it."""
    if not f.traits & WHOLE:
        f.traits |= WHOLE
        t.midstream -= 1


cdef inline void begin_side(Side *s, bint exact) noexcept nogil:
    s.min_free = NO_MINIMUM
    s.sent = s.read_time = NEVER
    if not exact:
        s.marks |= ESTIMATED


cdef inline void note_reuse(Tracking *t, Flow *f) noexcept nogil:
    """A REQUEST on a tuple that was in use: unless that is just another try, say so."""
    cdef Flow *old = before(t, f)
    cdef Found *found
    cdef bint ended
    if old == NULL or old.state == OPENING or old.end == REFUSED_END:
        return
    ended = old.state >= CLOSING
    found = report(t, f, TUPLE_REUSE, NOTE if ended else WARN, 0)
    found.packets[0], found.packets[1] = old.last_packet, t.number
    number(found, old.number)
    number(found, max(t.time - (old.closed if old.closed != NEVER else old.last), 0))
    number(found, ended)


cdef inline void respond(Tracking *t, Flow *f, int who) noexcept nogil:
    """A RESPONSE: how long it took says more than that it came."""
    cdef int64_t after = t.time - f.start
    cdef int kind = LATE_RESPONSE if after > ANSWER else SLOW_CONNECT
    cdef Found *found
    if f.response != NEVER or f.state == CLOSED:
        return
    f.response = t.time
    if not f.traits & WHOLE:
        return
    t.connect_times[time_bucket(after)] += 1
    if after < SLOW:
        return
    found = report(t, f, kind, WARN if after >= SECOND else NOTE, who)
    found.packets[0], found.packets[1] = f.first_packet, t.number
    number(found, after)

# --- SHUTDOWN --------------------------------------------------------------------------------------


cdef inline void shut_down(Tracking *t, Flow *f, int who) noexcept nogil:
    """Flags add up and cannot be taken back (virtio 1.3, 5.10.6.5)."""
    cdef Side *s = &f.sides[who]
    cdef uint32_t had = s.shutdown
    s.shutdown |= t.row.virtio_flags & BOTH
    f.shut[who], f.shut_number[who] = t.time, t.number
    if s.shutdown & SEND:
        give_in(t, f, who)
    if s.shutdown & RCV:
        give_in(t, f, 1 - who)
    if s.shutdown == BOTH and had != BOTH:
        wait(t, f, who, FOR_RST)


cdef inline void mind_shutdown(Tracking *t, Flow *f, int who) noexcept nogil:
    """An RW on a connection that one side has closed, in part or whole."""
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    if s.shutdown & SEND and not s.marks & SAID_LATE_DATA:
        s.marks |= SAID_LATE_DATA
        say_late(t, f, who, DATA_AFTER_SHUTDOWN, PROBLEM, who)
    elif (
        other.shutdown & RCV and not s.marks & SAID_IGNORED
        and t.time - f.shut[1 - who] > IN_FLIGHT
    ):
        s.marks |= SAID_IGNORED
        say_late(t, f, who, HALF_CLOSE_IGNORED, WARN, 1 - who)


cdef inline void say_late(
    Tracking *t, Flow *f, int who, int kind, int severity, int closed
) noexcept nogil:
    cdef Found *found = report(t, f, kind, severity, who)
    found.packets[0], found.packets[1] = f.shut_number[closed], t.number
    number(found, t.row.virtio_len)
    number(found, max(t.time - f.shut[closed], 0))

cdef inline int shutdown_move(const Flow *f, int who) noexcept nogil:
    return (MOVE_END_SRC if f.sides[who].shutdown == BOTH else MOVE_PART_SRC) + who

# --- RST -------------------------------------------------------------------------------------------


cdef inline bint no_socket(const Tracking *t) noexcept nogil:
    """An RST without credit is not a socket's: there is none for the packet it answers."""
    return t.row.buf_alloc == 0 and t.row.fwd_cnt == 0


cdef inline bint is_of_previous(Tracking *t, Flow *f) noexcept nogil:
    """Whether an RST, on a connection that is not answered yet, trails after the one before it.

    It has the credit of a socket, then, and a refusal has none.
    """
    cdef Flow *old = before(t, f)
    return (
        f.state == OPENING and old != NULL and old.state >= CLOSING
        and t.time - f.start <= REUSE and not no_socket(t)
    )


cdef inline bint is_stale(Tracking *t, Flow *f, int who) noexcept nogil:
    """Whether an RST that ends a young connection was meant for the one before it."""
    cdef Flow *old = before(t, f)
    if f.traits & STALE_HIT and t.time - f.start <= ANSWER:
        return True
    if old == NULL or old.state < CLOSING or t.time - f.start > REUSE:
        return False
    return no_socket(t) or (
        t.row.fwd_cnt == old.sides[side_of(t.row, old)].fwd_cnt
        and t.row.fwd_cnt != f.sides[who].fwd_cnt
    )


cdef inline void reset(Tracking *t, Flow *f, int who) noexcept nogil:
    """The end of a connection, and what kind of one."""
    cdef int state = f.state
    f.closed = t.time
    f.reset_by = who
    if state == OPENING and who == 1:
        f.end = REFUSED_END
        number(report(t, f, REFUSED, PROBLEM, 0), max(t.time - f.start, 0))
    elif state == CLOSING:
        f.end = HANDSHAKE
        if f.sides[who].shutdown == BOTH and f.sides[1 - who].shutdown != BOTH:
            mind_timeout(t, f, who)
    elif who == 0 and no_socket(t) and f.response != NEVER and f.response - f.start > ANSWER:
        f.end = TOO_LATE  # whoever asked had given up: the late RESPONSE says it all
    elif f.traits & EXACT or (f.sides[1 - who].packets and f.sides[who].packets > 1):
        f.end = RESET_END
        say_reset(t, f, who)
    else:  # either end may have closed before the capture began, and sent nothing since
        f.end = HANDSHAKE
    settle(t, f, who)


cdef inline void mind_timeout(Tracking *t, Flow *f, int who) noexcept nogil:
    """Who closes resets by itself when there is no answer in time."""
    cdef int64_t waited = t.time - f.shut[who]
    if waited >= CLOSE - SECOND // 2:
        f.end = TIMER
        say_shutdown_unanswered(t, f, who, waited)


cdef inline void say_shutdown_unanswered(
    Tracking *t, Flow *f, int who, int64_t waited
) noexcept nogil:
    cdef Found *found
    if f.traits & SAID_SHUTDOWN:
        return
    f.traits |= SAID_SHUTDOWN
    found = report(t, f, SHUTDOWN_UNANSWERED, WARN, who)
    found.packets[0] = f.shut_number[who]
    found.packets[1] = t.number
    number(found, waited)


cdef inline void say_reset(Tracking *t, Flow *f, int who) noexcept nogil:
    cdef int kind = class_of(t, f, who)
    cdef Found *found = report(
        t, f, WAS_RESET, PROBLEM if f.traits & EXACT else WARN, who,
        GUESS if kind == STALE and no_socket(t) else SURE,
    )
    found.packets[0] = max(f.sides[0].sent_number, f.sides[1].sent_number) or t.number
    found.packets[1] = t.number if found.packets[0] != t.number else 0
    number(found, kind)
    number(found, in_flight(&f.sides[1 - who]))
    number(found, max(t.time - f.start, 0))


cdef inline int class_of(Tracking *t, Flow *f, int who) noexcept nogil:
    """Why side `who` may have reset an open connection."""
    cdef Side *other = &f.sides[1 - who]
    if is_stale(t, f, who):
        return STALE
    if in_flight(other) and other.marks & (OVERRAN | OVER | BEYOND_CEILING):
        return OVERFLOW
    if no_socket(t):
        return NO_SOCKET
    if in_flight(other) > t.row.buf_alloc:
        return OVERFLOW
    return MID_BURST if in_flight(other) else ABORT


cdef inline void mind_doubtful(Tracking *t, Flow *f) noexcept nogil:
    """At the end: the kernel's defect A was seen, and nothing told which of the two it was."""
    if f.traits & DOUBTFUL_DEFECT and not f.traits & SAID_DEFECT:
        f.traits |= SAID_DEFECT
        number(report_seen(t, f, KERNEL_DEFECT, NOTE, 0), 0)


cdef inline void settle(Tracking *t, Flow *f, int who) noexcept nogil:
    """What can be said only at the end of a connection, which side `who` reset."""
    cdef int side
    for side in range(2):
        finish_side(t, f, side, True)
        leave_unread(t, f, side, who)
    mind_doubtful(t, f)


cdef inline void finish_side(Tracking *t, Flow *f, int who, bint closed) noexcept nogil:
    """What is not settled of a side will not be: nothing more comes."""
    cdef Side *s = &f.sides[who]
    if s.marks & AHEAD:
        confirm_gap(t, f, who)
    if s.marks & OVER:
        settle_overrun(t, f, who, False)
    if closed:
        give_in(t, f, who)
    else:
        still_stalled(t, f, who)
    if closed or f.state == CLOSING:
        leave_unfinished(t, f, who)


cdef inline void leave_unread(Tracking *t, Flow *f, int who, int by) noexcept nogil:
    """Data of side `who` that the other end never read, although it ended in order."""
    cdef Side *s = &f.sides[who]
    cdef uint64_t unread = in_flight(s)
    cdef Found *found
    if not unread or f.end != HANDSHAKE:
        return
    if f.sides[1 - who].shutdown != BOTH and by == who:
        return
    rare(t, f).sides[who].unread = unread
    found = report(t, f, UNREAD_CLOSE, PROBLEM, 1 - who)
    found.packets[0], found.packets[1] = s.sent_number, t.number
    number(found, unread)


cdef inline void leave_unfinished(Tracking *t, Flow *f, int who) noexcept nogil:
    cdef Found *found
    if not f.traits & IS_RARE or not rare(t, f).sides[who].message:
        return
    found = report(t, f, MESSAGE_UNFINISHED, WARN, who)
    found.packets[0], found.packets[1] = f.sides[who].sent_number, t.number
    number(found, rare(t, f).sides[who].message)

# --- what did not come in time ---------------------------------------------------------------------


cdef inline void expire(Tracking *t, Flow *f, int who, int what) noexcept nogil:
    """A deadline is over: if it was waited for, and nothing came, say so."""
    cdef SideRare *d
    if f.traits & SUPERSEDED:
        return
    if what == FOR_RESPONSE and f.state == OPENING:
        f.traits |= SAID_UNANSWERED
        number(overdue(t, f, UNANSWERED, PROBLEM, 0, f.first_packet), ANSWER)
    elif what == FOR_RST and f.state == CLOSING and f.sides[1 - who].shutdown != BOTH:
        say_shutdown_unanswered(t, f, who, CLOSE)
    elif what == FOR_UPDATE and f.state < CLOSED:
        d = &rare(t, f).sides[who]
        if d.asked != NEVER and t.time - d.asked >= UPDATE:
            number(
                overdue(t, f, CREDIT_REQUEST_UNANSWERED, PROBLEM, who, d.asked_number), UPDATE
            )


cdef inline void still_unanswered(Tracking *t, Flow *f) noexcept nogil:
    """The capture ends before anybody could say that a REQUEST was not answered in time."""
    cdef Found *found
    if f.state != OPENING or f.traits & (SAID_UNANSWERED | SUPERSEDED):
        return
    if t.time - f.start <= REORDER:  # there was hardly time for an answer
        return
    found = report(t, f, UNANSWERED, WARN, 0, GUESS)
    found.packets[0] = f.first_packet
    number(found, max(t.time - f.start, 0))


cdef inline Found *overdue(
    Tracking *t, Flow *f, int kind, int severity, int who, uint64_t packet
) noexcept nogil:
    cdef Found *found = report(t, f, kind, severity, who)
    found.packets[0] = packet
    return found
