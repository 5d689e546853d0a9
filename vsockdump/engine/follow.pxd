# One packet after another: to its connection, the right generation of it, and what it does there.
#
# Memory is what this costs most. A packet's place in the index is asked for SOON rows before its
# use, and its connection NEXT rows before.

from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint16_t, uint32_t, uint64_t

from .batch cimport VIRTIO, Row
from .credit cimport *
from .ends cimport *
from .found cimport *
from .rules cimport *
from .table cimport *
from .timers cimport *
from .tracking cimport *
from .twins cimport *

cdef enum:
    SOON = 24
    NEXT = 12
    LOOK_EVERY = 64             # packets between two looks for connections that are over
    OVER_S = 60                 # seconds after which a closed connection is over, stragglers and all
    GONE_S = 3600               # and after which it may be forgotten


cdef inline void follow_all(Tracking *t, Py_ssize_t count) noexcept nogil:
    """Take all packets of a batch."""
    cdef Py_ssize_t i
    for i in range(min(count, <Py_ssize_t>SOON)):
        ask_index(t, i)
    for i in range(count):
        if i + SOON < count:
            ask_index(t, i + SOON)
        if i + NEXT < count:
            ask_flow(t, i + NEXT)
        take_packet(t, i)


cdef inline void ask_index(Tracking *t, Py_ssize_t i) noexcept nogil:
    """Ask the memory for the place in the index where a packet's connection is looked for."""
    cdef uint32_t hash = hash_of(&t.table, &t.rows[i])
    t.hashes[i & (AHEAD_OF_USE - 1)] = hash
    prefetch(&t.table.index[hash & t.table.mask])


cdef inline void ask_flow(Tracking *t, Py_ssize_t i) noexcept nogil:
    """Ask it for the connection, if the index leads to it at once."""
    cdef uint64_t entry = t.table.index[t.hashes[i & (AHEAD_OF_USE - 1)] & t.table.mask]
    cdef const char *at
    cdef int line
    if not entry:
        return
    at = <const char *>flow_at(&t.table, <uint32_t>entry - 1)
    for line in range(0, <int>(64 + 2 * sizeof(Side) + 2 * SIZES * sizeof(uint32_t)), 64):
        prefetch(at + line)


cdef inline void take_packet(Tracking *t, Py_ssize_t i) noexcept nogil:
    cdef const Row *r = &t.rows[i]
    cdef Py_ssize_t place = t.places[i] if t.places != NULL else i
    pass_time(t, r.time)
    t.row, t.at, t.number, t.time = r, <int32_t>place, t.first + place, r.time
    t.packets += 1
    t.truncated += r.notes & TRUNCATED != 0
    if t.steps != NULL:
        t.steps[place].flow = 0
    if r.layers & VIRTIO:
        follow(t, r)

# --- time ------------------------------------------------------------------------------------------


cdef inline void pass_time(Tracking *t, int64_t time) noexcept nogil:
    if time > t.now:
        t.now = time
        if t.now >= t.deadline:
            pass_deadlines(t)
    if time < t.begin or not t.packets:
        t.begin = time
    if t.hand_out != NULL and t.packets % LOOK_EVERY == 0:
        retire_one(t)


cdef inline void pass_deadlines(Tracking *t) noexcept nogil:
    """Say what did not come in time, in the order of the deadlines."""
    cdef Timer *timer
    cdef Flow *f
    cdef int what = next_timer(t)
    t.at, t.number = TIMED, 0
    while t.deadline <= t.now and t.deadline < INT64_MAX:  # which is never
        timer = &t.timers[what].list[t.timers[what].first]
        t.timers[what].first += 1
        t.time = timer.deadline
        f = flow_at(&t.table, timer.slot)
        if f.number == timer.flow:
            expire(t, f, timer.side, what)
        what = next_timer(t)


cdef inline int next_timer(Tracking *t) noexcept nogil:
    """Which kind of deadline comes first; it becomes the next one."""
    cdef Timers *timers
    cdef int what, first = 0
    t.deadline = INT64_MAX
    for what in range(WAITS):
        timers = &t.timers[what]
        if timers.first < timers.count and timers.list[timers.first].deadline < t.deadline:
            t.deadline = timers.list[timers.first].deadline
            first = what
    return first

# --- which connection ------------------------------------------------------------------------------


cdef inline void follow(Tracking *t, const Row *r) noexcept nogil:
    """Find the connection of a packet, the right generation of it, and have it take it."""
    cdef uint32_t hash = t.hashes[(r - t.rows) & (AHEAD_OF_USE - 1)]
    cdef uint32_t slot = find(&t.table, r, hash)
    cdef Flow *f = NULL
    cdef Capture *c = &t.captures[r.interface]
    cdef bint doubles = c.cooked | c.repeats
    cdef int side
    if slot != NOWHERE:
        f = flow_at(&t.table, slot)
        side = side_of(r, f)
        if doubles and is_twin(t, f, side, c):
            f.duplicates += 1
            t.duplicates += 1
            return
        if r.virtio_op == OP_RST and is_of_previous(t, f):
            if side == 1:
                f.traits |= STALE_HIT
            f = before(t, f)
            side = side_of(r, f)
    if f == NULL or is_new(t, f):
        f = open_flow(t, r, hash, slot)
        if f == NULL:
            return
        side = side_of(r, f)
        if doubles:
            is_twin(t, f, side, c)
    count(t, f, side)


cdef inline bint is_new(const Tracking *t, const Flow *f) noexcept nogil:
    """Whether a packet begins the next generation of its tuple.

    Without its REQUEST only data tells, long after the end: whoever was not told of that still
    sends CREDIT_UPDATEs and closes.
    """
    cdef uint16_t op = t.row.virtio_op
    if op == OP_REQUEST:
        return not is_late_request(t, f)
    return f.state == CLOSED and (op == OP_RW or op == OP_RESPONSE) and t.time - f.closed > REUSE


cdef inline bint is_late_request(const Tracking *t, const Flow *f) noexcept nogil:
    """Whether the tap of a REQUEST ran after that of its RESPONSE."""
    return (
        f.traits & (WHOLE | EXACT) == EXACT and f.sides[0].packets == 0
        and f.sides[1].packets == 1 and t.time - f.start <= REORDER and side_of(t.row, f) == 0
    )


cdef inline Flow *open_flow(
    Tracking *t, const Row *r, uint32_t hash, uint32_t old
) noexcept nogil:
    """Begin to follow a connection; NULL: no memory."""
    cdef uint64_t old_number = flow_at(&t.table, old).number if old != NOWHERE else 0
    cdef uint32_t slot
    cdef Flow *f
    if t.table.live >= t.table.most:
        evict(t)
        if old != NOWHERE and flow_at(&t.table, old).number != old_number:
            old = NOWHERE
    slot = take(&t.table)
    if slot == NOWHERE or point(&t.table, hash, old, slot) < 0:
        t.found.failed = True
        return NULL
    t.flows += 1
    f = flow_at(&t.table, slot)
    f.hash, f.number, f.previous, f.generation = hash, t.flows, old, 1
    if t.guide != NULL and t.guide[t.at].flow:
        f.number = t.guide[t.at].flow
    if old != NOWHERE:
        f.previous_number = old_number
        f.generation = flow_at(&t.table, old).generation + 1
        supersede(t, flow_at(&t.table, old))
    begin(t, f)
    return f

# --- what it does there ----------------------------------------------------------------------------


cdef inline void count(Tracking *t, Flow *f, int side) noexcept nogil:
    """Let a packet change its connection."""
    cdef const Row *r = t.row
    cdef Side *s = &f.sides[side]
    t.followed += 1
    s.packets += 1
    f.last = max(f.last, r.time)
    f.last_packet = t.number
    if r.virtio_op != OP_RW:
        f.ops[side][min(<uint32_t>r.virtio_op, <uint32_t>OPS - 1)] += 1
    if r.notes & ODD:
        mind_notes(t, f, side)
    if f.state != CLOSED:
        if r.virtio_op != OP_RST or not (no_socket(t) or is_stale(t, f, side)):
            announce(t, f, side)
        act(t, f, side)
        if f.sides[1 - side].marks & ASKED:
            answered(t, f, 1 - side)
    elif r.virtio_op == OP_RW:
        s.bytes += r.virtio_len
        f.sizes[side][bucket(r.virtio_len)] += 1
    if t.steps != NULL:
        note_step(&t.steps[t.at], f, side)


cdef inline void act(Tracking *t, Flow *f, int side) noexcept nogil:
    """What the packet's op does, and the state that it leads to."""
    cdef uint16_t op = t.row.virtio_op
    cdef int move = MOVE_CARRY
    if op == OP_RW:
        carry(t, f, side, t.captures[f.interface].leaks)
    elif op == OP_CREDIT_UPDATE:
        count_update(t, f, side)
    elif op == OP_CREDIT_REQUEST:
        ask(t, f, side)
    elif op == OP_RESPONSE:
        respond(t, f, side)
        move = MOVE_RESPONSE
    elif op == OP_SHUTDOWN:
        shut_down(t, f, side)
        move = shutdown_move(f, side)
    elif op == OP_RST:
        reset(t, f, side)
        move = MOVE_RST
    else:
        if op == OP_REQUEST:
            complete(t, f)
        return
    f.state = t.moves[f.state][move]


cdef inline void answered(Tracking *t, Flow *f, int who) noexcept nogil:
    """The other end said something after a CREDIT_REQUEST: that has its credit."""
    f.sides[who].marks &= ~<uint32_t>ASKED
    rare(t, f).sides[who].asked = NEVER


cdef inline void carry(Tracking *t, Flow *f, int who, bint leaks) noexcept nogil:
    """An RW: payload."""
    cdef const Row *r = t.row
    cdef Side *s = &f.sides[who]
    f.sizes[who][bucket(r.virtio_len)] += 1
    s.largest = max(s.largest, r.virtio_len)
    if s.sent == NEVER:
        f.first_byte[who] = t.time
    if s.shutdown | f.sides[1 - who].shutdown:
        mind_shutdown(t, f, who)
    spend(t, f, who)
    if r.virtio_type == TYPE_SEQPACKET:
        follow_message(t, f, who)
    if leaks and r.virtio_len > LARGEST_SOUND and not f.traits & SAID_LEAK:
        f.traits |= SAID_LEAK
        number(report_seen(t, f, KERNEL_DEFECT, NOTE, who), LEAK)


cdef inline void ask(Tracking *t, Flow *f, int who) noexcept nogil:
    """A CREDIT_REQUEST: answered by whatever the other end sends next."""
    cdef SideRare *d = &rare(t, f).sides[who]
    d.asked_last = t.time
    if f.sides[who].marks & ASKED:
        return
    f.sides[who].marks |= ASKED
    d.asked = t.time
    d.asked_number = t.number
    wait(t, f, who, FOR_UPDATE)


cdef inline void mind_notes(Tracking *t, Flow *f, int who) noexcept nogil:
    """What decoding the packet found odd about it."""
    cdef uint32_t notes = t.row.notes
    if notes & (MISMATCH | UPPER_CID) and not f.traits & SAID_MISMATCH:
        f.traits |= SAID_MISMATCH
        report_seen(t, f, MISMATCHING, WARN, who)
    if notes & DEFECT_A:
        f.traits |= DOUBTFUL_DEFECT  # the next packet may tell which
    if notes & (DEFECT_A1 | DEFECT_A2) and not f.traits & SAID_DEFECT:
        f.traits |= SAID_DEFECT
        number(report_seen(t, f, KERNEL_DEFECT, NOTE, who), 1 if notes & DEFECT_A1 else 2)


cdef inline void note_step(StepNow *step, const Flow *f, int side) noexcept nogil:
    cdef int who
    step.flow, step.slot, step.side = f.number, f.slot, side
    for who in range(2):
        note_credit(&step.sides[who], &f.sides[who], &f.sides[1 - who])


cdef inline void note_credit(CreditNow *c, const Side *s, const Side *other) noexcept nogil:
    c.tx_cnt, c.fwd_cnt, c.in_flight = <uint32_t>s.tx, <uint32_t>s.read, in_flight(s)
    c.window = c.free = -1
    if other.marks & HEARD:
        c.window, c.free = other.buf_alloc, free_bytes(s, other)

# --- connections that go ---------------------------------------------------------------------------


cdef inline void evict(Tracking *t) noexcept nogil:
    """Forget one connection, to make room."""
    cdef uint32_t slot = victim(&t.table, t.now)
    cdef Flow *f
    while slot == NOWHERE:
        slot = victim(&t.table, t.now)
    f = flow_at(&t.table, slot)
    if not f.traits & HANDED_OUT:
        t.table.evicted += t.hand_out == NULL or f.state != CLOSED
        end_aside(t, f)
        if t.hand_out != NULL:
            t.hand_out(t.owner, f)
    give_up(&t.table, slot)


cdef inline void retire_one(Tracking *t) noexcept nogil:
    """Hand out the next connection if it is over, or forget it."""
    cdef Flow *f
    if not t.table.used:
        return
    t.table.hand = t.table.hand + 1 if t.table.hand + 1 < t.table.used else 0
    f = flow_at(&t.table, t.table.hand)
    if not f.number or f.state != CLOSED or t.now - f.last < OVER_S * SECOND:
        return
    if not f.traits & HANDED_OUT:
        f.traits |= HANDED_OUT
        t.hand_out(t.owner, f)
    elif t.now - f.last >= GONE_S * SECOND:
        give_up(&t.table, f.slot)


cdef inline void supersede(Tracking *t, Flow *f) noexcept nogil:
    """Whatever comes now on a connection's ports is of a later one."""
    end_aside(t, f)
    f.traits |= SUPERSEDED
    f.sides[0].marks &= ~<uint32_t>(IS_STALLED | ASKED)
    f.sides[1].marks &= ~<uint32_t>(IS_STALLED | ASKED)


cdef inline void end_aside(Tracking *t, Flow *f) noexcept nogil:
    """End a connection that the packet at hand is not of."""
    cdef int32_t at = t.at
    cdef uint64_t number = t.number
    t.at, t.number = TIMED, 0
    end(t, f)
    t.at, t.number = at, number


cdef inline void end(Tracking *t, Flow *f) noexcept nogil:
    """Nothing more will be seen of a connection: say what is still open."""
    cdef int side
    if f.state == CLOSED or f.traits & SUPERSEDED:
        return
    for side in range(2):
        if f.sides[side].marks & AHEAD:
            if t.now - rare(t, f).sides[side].ahead_since <= REORDER:
                f.sides[side].marks &= ~<uint32_t>AHEAD
        finish_side(t, f, side, False)
    mind_doubtful(t, f)
