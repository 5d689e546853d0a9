# cython: language_level=3
"""Connections from Batches of packets: their states, credit, and what is wrong with them.

Time is taken from packets only, and packets are taken one by one: however they are cut into
batches, live or from a file, the same packets give the same connections and the same events.
"""

cimport cython
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from heapq import heappush, heappushpop
from typing import NamedTuple

from vsockdump import events, flows, states

from .batch cimport CAPACITY, VIRTIO, Batch, Row
from .connection cimport *
from .ends cimport *
from .found cimport *
from .rules cimport *
from .table cimport *
from .timers cimport *
from .tracking cimport *
from .twins cimport *

cdef enum:
    MOST_INTERFACES = 65536
    SOON = 24                   # rows from asking for a place in the index to its use
    NEXT = 12                   # and for a connection
    LOOK_EVERY = 64             # packets between two looks for connections that are over
    IDLE = 3600                 # seconds without a packet, after which one is over
    GONE = 60                   # likewise, if it has ended

MEASURES = {"bytes": 0, "packets": 1, "duration": 2, "stalled": 3}
"""What Tracker.top() can rank by."""

cdef tuple STATES = tuple(states.State)
cdef tuple ENDS = tuple(flows.End)
cdef tuple DOUBTS = tuple(events.Doubt)
cdef unsigned char MOVES[6][7]

for _state in states.State:
    for _move in states.Move:
        MOVES[int(_state)][int(_move)] = states.MOVES[_state].get(_move, _state)


class Credit(NamedTuple):
    """One direction's credit right after a packet (virtio 1.3, 5.10.6.3), modulo 2^32, in bytes.

    `window` and `free` are None until the receiver has said anything.
    """

    tx_cnt: int
    fwd_cnt: int
    in_flight: int
    window: int | None
    free: int | None


class Step(NamedTuple):
    """What one packet did: to which connection, sent by which side (0: who opened it)."""

    flow: int
    side: int
    fwd: Credit
    rev: Credit


class Counts(NamedTuple):
    """What was fed.

    `followed` packets belong to connections, `unread` ones have no virtio header to go by,
    `truncated` ones lack bytes of their payload, `duplicates` were seen before. `evicted` of the
    `flows` were forgotten to make room, before they could be handed out whole; `midstream` ones
    began before the capture. `missing` bytes are not in it. `first` and `last` are times, None without packets.
    """

    packets: int
    followed: int
    unread: int
    truncated: int
    duplicates: int
    flows: int
    evicted: int
    midstream: int
    missing: int
    first: int | None
    last: int | None


@cython.auto_pickle(False)
cdef class Tracker:
    """Follows every connection of one capture; a sink for Batches.

    At most `most` connections are kept; those that ended, or were idle for long, make room for new
    ones. With `steps`, each packet's effect on credit can be asked for until the next feed(). With
    `keep` false connections are handed out by ended() a minute after their end, or an hour after
    their last packet, and then forgotten. Without `events` none are kept, only counted.
    """

    def __cinit__(
        self, *, uint32_t most=1_000_000, bint steps=False, bint keep=True, bint events=True
    ):
        if not 0 < most < 1 << 30:
            raise ValueError(f"at least one connection, and less than 2^30, not {most}")
        memset(&self.t, 0, sizeof(Tracking))
        open_table(&self.t.table, most)
        self.t.now = self.t.begin = NEVER
        self.t.deadline = INT64_MAX
        self.t.found.kept = events
        self.t.found.room = 64
        self.t.found.list = <Found *>malloc(64 * sizeof(Found))
        self.captures = <Capture *>calloc(MOST_INTERFACES, sizeof(Capture))
        self.steps = <StepNow *>calloc(CAPACITY, sizeof(StepNow)) if steps else NULL
        if self.t.found.list == NULL or self.captures == NULL or (steps and self.steps == NULL):
            raise MemoryError
        self.keep = keep
        self.over = []

    def __dealloc__(self):
        cdef int i
        close_table(&self.t.table)
        for i in range(WAITS):
            free(self.t.timers[i].list)
        free(self.t.found.list)
        free(self.captures)
        free(self.steps)

    def interface(self, int index, *, bint repeats=False, bint leaks=False):
        """Say what is known of one interface's kernel: which of the tap's defects it has.

        `repeats`: it taps some packets again (before 5.7). `leaks`: its own memory stands where
        large payload should (6.17 to 7.0). Raises IndexError beyond 65536 interfaces.
        """
        if not 0 <= index < MOST_INTERFACES:
            raise IndexError(index)
        self.captures[index].repeats = repeats
        self.captures[index].leaks = leaks

    def lost(self, uint64_t packets):
        """Say how many packets the capture is known to lack, in all: verdicts are the less sure."""
        self.t.lost = packets

    def feed(self, Batch batch not None):
        """Take the packets of a batch. Raises MemoryError."""
        cdef Py_ssize_t i
        self.batch = batch
        self.earlier = self.t.found.count
        self._know_links(batch)
        with nogil:
            for i in range(min(batch.count, SOON)):
                self._ask_index(i)
            for i in range(batch.count):
                if i + SOON < batch.count:
                    self._ask_index(i + SOON)
                if i + NEXT < batch.count:
                    self._ask_flow(i + NEXT)
                self._take(i)
        if self.t.found.failed:
            raise MemoryError

    def finish(self):
        """The capture has ended: say what is still open, as of its last packet."""
        cdef uint32_t slot
        cdef Flow *f
        self.batch = None
        self.t.at, self.t.number, self.t.time = TIMED, 0, self.t.now
        if self.finished:
            return
        self.finished = True
        for slot in range(self.t.table.used):
            f = flow_at(&self.t.table, slot)
            if f.number:
                self._end(f)

    # --- what was found -----------------------------------------------------------------------

    def events(self):
        """Return the events found since this was last asked, as vsockdump.events.Event."""
        cdef size_t i
        found = [event(&self.t.found.list[i]) for i in range(self.t.found.count)]
        self.t.found.count = self.earlier = 0
        return found

    def marks(self, Py_ssize_t row):
        """Return the events that a packet of the last batch brought about, if still kept."""
        cdef size_t i
        return [
            event(&self.t.found.list[i])
            for i in range(self.earlier, self.t.found.count) if self.t.found.list[i].row == row
        ]

    cdef int64_t free_after(self, Py_ssize_t row, int side) noexcept:
        """What was free after a packet of the last batch, for its sender (0) or the other end (1).

        -1 where that is unknown, or steps are not noted.
        """
        cdef StepNow *step
        if self.steps == NULL or self.batch is None or row >= self.batch.count:
            return -1
        step = &self.steps[row]
        return step.sides[step.side ^ side].free if step.flow else -1

    def flows(self):
        """Yield a snapshot of each connection, in the order of their first packets."""
        cdef uint32_t slot
        order = range(self.t.table.used)
        if self.t.table.evicted or not self.keep:
            order = sorted(order, key=self._number_at)
        for slot in order:
            if flow_at(&self.t.table, slot).number:
                yield self._snapshot(flow_at(&self.t.table, slot))

    def top(self, Py_ssize_t most, str by):
        """Return the `most` connections that have most of something, the greatest first.

        `by` is one of MEASURES, both ways together. Raises KeyError for anything else.
        """
        cdef uint32_t slot
        cdef int what = MEASURES[by]
        cdef uint64_t amount, least = 0
        cdef Flow *f
        cdef list best = []
        for slot in range(self.t.table.used):
            f = flow_at(&self.t.table, slot)
            amount = measure(&self.t, f, what)
            if not f.number or (len(best) == most and amount <= least):
                continue
            (heappush if len(best) < most else heappushpop)(best, (amount, -<int64_t>f.number, slot))
            least = best[0][0]
        return [self._snapshot(flow_at(&self.t.table, slot)) for _, _, slot in sorted(best, reverse=True)]

    def flow(self, uint64_t number):
        """Return a snapshot of one connection; None for one that is unknown or forgotten."""
        cdef uint32_t slot
        for slot in range(self.t.table.used):
            if number and flow_at(&self.t.table, slot).number == number:
                return self._snapshot(flow_at(&self.t.table, slot))
        return None

    def ended(self):
        """Return the connections that are over, and no longer kept, since this was last asked."""
        over, self.over = self.over, []
        return over

    def step(self, Py_ssize_t row):
        """Return what a packet of the last batch did; None if it belongs to no connection."""
        if self.steps == NULL or self.batch is None or not 0 <= row < self.batch.count:
            raise IndexError(row)
        cdef StepNow *s = &self.steps[row]
        if not s.flow:
            return None
        return Step(s.flow, s.side, credit(&s.sides[0]), credit(&s.sides[1]))

    @property
    def counts(self):
        """What was fed so far."""
        cdef Tracking *t = &self.t
        any = t.packets > 0
        return Counts(
            t.packets, t.followed, t.packets - t.followed - t.duplicates, t.truncated, t.duplicates,
            t.flows, t.table.evicted, t.midstream, t.missing, t.begin if any else None, t.now if any else None,
        )

    def connect_times(self):
        """Return how long RESPONSEs took: (more than ns, up to ns, how many), for those there are."""
        return histogram(self.t.connect_times)

    def credit_times(self):
        """Return how long it took until data was said to be read, likewise."""
        return histogram(self.t.credit_times)

    # --- one packet ---------------------------------------------------------------------------

    cdef void _know_links(self, Batch batch) noexcept:
        """Note which interfaces give frames in LINUX_SLL."""
        cdef int i, linktype
        for i in range(batch.interfaces.count):
            linktype = batch.interfaces.table[i].linktype
            self.captures[i].cooked = linktype != LINKTYPE_VSOCK
            self.captures[i].names_links = linktype == LINKTYPE_LINUX_SLL2

    cdef void _ask_index(self, Py_ssize_t i) noexcept nogil:
        """Ask the memory for the place in the index where a packet's connection is looked for."""
        cdef uint32_t hash = hash_of(&self.batch.rows[i])
        self.hashes[i % AHEAD_OF_USE] = hash
        prefetch(&self.t.table.index[hash & self.t.table.mask])

    cdef void _ask_flow(self, Py_ssize_t i) noexcept nogil:
        """Ask it for the connection, if the index leads to it at once."""
        cdef Table *table = &self.t.table
        cdef uint64_t entry = table.index[self.hashes[i % AHEAD_OF_USE] & table.mask]
        cdef const char *at
        cdef int line
        if not entry:
            return
        at = <const char *>flow_at(table, <uint32_t>entry - 1)
        for line in range(0, <int>(64 + 2 * sizeof(Side) + 2 * SIZES * sizeof(uint32_t)), 64):
            prefetch(at + line)

    cdef void _take(self, Py_ssize_t i) noexcept nogil:
        cdef Tracking *t = &self.t
        cdef const Row *r = &self.batch.rows[i]
        self._pass_time(r.time)
        t.row, t.at, t.number, t.time = r, <int32_t>i, self.batch.first + i, r.time
        t.packets += 1
        if r.notes & TRUNCATED:
            t.truncated += 1
        if self.steps != NULL:
            self.steps[i].flow = 0
        if r.layers & VIRTIO:
            self._follow(r)

    cdef void _pass_time(self, int64_t time) noexcept nogil:
        cdef Tracking *t = &self.t
        if time > t.now:
            t.now = time
            if t.now >= t.deadline:
                self._expire()
        if time < t.begin or not t.packets:
            t.begin = time
        if not self.keep and t.packets % LOOK_EVERY == 0:
            self._retire_one()

    cdef void _expire(self) noexcept nogil:
        """Say what did not come in time, in the order of the deadlines."""
        cdef Tracking *t = &self.t
        cdef Timer *timer
        cdef Flow *f
        cdef int what = self._next_timer()
        t.at, t.number = TIMED, 0
        while t.deadline <= t.now:
            timer = &t.timers[what].list[t.timers[what].first]
            t.timers[what].first += 1
            t.time = timer.deadline
            f = flow_at(&t.table, timer.slot)
            if f.number == timer.flow:
                expire(t, f, timer.side, what)
            what = self._next_timer()

    cdef int _next_timer(self) noexcept nogil:
        """Which kind of deadline comes first; it becomes the next one."""
        cdef Timers *timers
        cdef int what, first = 0
        self.t.deadline = INT64_MAX
        for what in range(WAITS):
            timers = &self.t.timers[what]
            if timers.first < timers.count and timers.list[timers.first].deadline < self.t.deadline:
                self.t.deadline = timers.list[timers.first].deadline
                first = what
        return first

    cdef void _follow(self, const Row *r) noexcept nogil:
        """Find the connection of a packet, the right generation of it, and have it take it."""
        cdef Tracking *t = &self.t
        cdef uint32_t hash = self.hashes[t.at % AHEAD_OF_USE]
        cdef uint32_t slot = find(&t.table, r, hash)
        cdef Flow *f = NULL
        cdef Capture *c = &self.captures[r.interface]
        cdef int side
        if slot != NOWHERE:
            f = flow_at(&t.table, slot)
            side = side_of(r, f)
            if c.cooked or c.repeats:
                if is_twin(t, f, side, c, self.batch.bytes + r.offset):
                    f.duplicates += 1
                    t.duplicates += 1
                    return
            if r.virtio_op == OP_RST and is_of_previous(t, f):
                if side == 1:
                    f.traits |= STALE_HIT
                f = before(t, f)
        if f == NULL or self._is_new(f):
            f = self._open(r, hash, slot)
            if f == NULL:
                return
            if c.cooked or c.repeats:
                is_twin(t, f, side_of(r, f), c, self.batch.bytes + r.offset)
        self._count(f, side_of(r, f))

    cdef bint _is_new(self, const Flow *f) noexcept nogil:
        """Whether a packet begins the next generation of its tuple.

        Without its REQUEST only data tells, long after the end: whoever was not told of that still
        sends CREDIT_UPDATEs and closes.
        """
        cdef uint16_t op = self.t.row.virtio_op
        cdef bint tells = op == OP_RW or op == OP_RESPONSE
        return op == OP_REQUEST or (tells and f.state == CLOSED and self.t.time - f.closed > REUSE)

    cdef Flow *_open(self, const Row *r, uint32_t hash, uint32_t old) noexcept nogil:
        """Begin to follow a connection; NULL: no memory."""
        cdef Tracking *t = &self.t
        cdef uint64_t old_number = flow_at(&t.table, old).number if old != NOWHERE else 0
        cdef uint32_t slot
        cdef Flow *f
        if t.table.live >= t.table.most:
            self._evict()
            if old != NOWHERE and flow_at(&t.table, old).number != old_number:
                old = NOWHERE
        slot = take(&t.table)
        if slot == NOWHERE or point(&t.table, hash, old, slot) < 0:
            t.found.failed = True
            return NULL
        t.flows += 1
        f = flow_at(&t.table, slot)
        f.hash, f.number, f.previous, f.generation = hash, t.flows, old, 1
        if old != NOWHERE:
            f.previous_number = old_number
            f.generation = flow_at(&t.table, old).generation + 1
        begin(t, f)
        return f

    cdef void _count(self, Flow *f, int side) noexcept nogil:
        """Let a packet change its connection."""
        cdef Tracking *t = &self.t
        cdef const Row *r = t.row
        cdef Side *s = &f.sides[side]
        cdef Side *other = &f.sides[1 - side]
        t.followed += 1
        s.packets += 1
        if r.virtio_op != OP_RW:
            f.ops[side][min(<uint32_t>r.virtio_op, <uint32_t>OPS - 1)] += 1
        f.last = max(f.last, r.time)
        f.last_packet = t.number
        if r.notes & ODD:
            mind_notes(t, f, side)
        if f.state != CLOSED:
            if r.virtio_op != OP_RST or not no_socket(t):
                announce(t, f, side)
            self._act(f, side)
            if other.marks & ASKED:
                other.marks &= ~<uint32_t>ASKED
                rare(t, f).sides[1 - side].asked = NEVER
        elif r.virtio_op == OP_RW:
            s.bytes += r.virtio_len
            f.sizes[side][bucket(r.virtio_len)] += 1
        if self.steps != NULL:
            note_step(&self.steps[t.at], f, side)

    cdef void _act(self, Flow *f, int side) noexcept nogil:
        """What the packet's op does, and the state that it leads to."""
        cdef Tracking *t = &self.t
        cdef uint16_t op = t.row.virtio_op
        cdef int move = states_carry
        if op == OP_RW:
            carry(t, f, side, self.captures[f.interface].leaks)
        elif op == OP_CREDIT_UPDATE:
            count_update(t, f, side)
        elif op == OP_CREDIT_REQUEST:
            ask(t, f, side)
        elif op == OP_RESPONSE:
            respond(t, f, side)
            move = states_response
        elif op == OP_SHUTDOWN:
            shut_down(t, f, side)
            move = shutdown_move(f, side)
        elif op == OP_RST:
            reset(t, f, side)
            move = states_rst
        else:
            return
        f.state = MOVES[f.state][move]

    # --- connections that go ------------------------------------------------------------------

    cdef void _evict(self) noexcept nogil:
        """Forget one connection, to make room."""
        cdef uint32_t slot = victim(&self.t.table, self.t.now)
        while slot == NOWHERE:
            slot = victim(&self.t.table, self.t.now)
        if self.keep or flow_at(&self.t.table, slot).state != CLOSED:
            self.t.table.evicted += 1
        if not self.keep:
            with gil:
                self.over.append(self._snapshot(flow_at(&self.t.table, slot)))
        give_up(&self.t.table, slot)

    cdef void _retire_one(self) noexcept nogil:
        """Hand out the next connection if it is over, and forget it."""
        cdef Tracking *t = &self.t
        cdef Flow *f
        if not t.table.used:
            return
        t.table.hand = t.table.hand + 1 if t.table.hand + 1 < t.table.used else 0
        f = flow_at(&t.table, t.table.hand)
        if not f.number or t.now - f.last < (GONE if f.state == CLOSED else IDLE) * SECOND:
            return
        t.at, t.number, t.time = TIMED, 0, t.now
        self._end(f)
        with gil:
            self.over.append(self._snapshot(f))
        give_up(&t.table, f.slot)

    cdef void _end(self, Flow *f) noexcept nogil:
        """Nothing more will be seen of a connection: say what is still open."""
        cdef int side
        if f.state == CLOSED:
            return
        for side in range(2):
            if f.sides[side].marks & AHEAD:
                if self.t.now - rare(&self.t, f).sides[side].ahead_since <= REORDER:
                    f.sides[side].marks &= ~<uint32_t>AHEAD
            finish_side(&self.t, f, side, False)
        mind_doubtful(&self.t, f)

    # --- snapshots ----------------------------------------------------------------------------

    def _number_at(self, uint32_t slot):
        return flow_at(&self.t.table, slot).number

    cdef object _snapshot(self, Flow *f):
        cdef int doubt = SURE
        if f.traits & GAPPED:
            doubt = GAP_BEFORE
        elif self.t.lost:
            doubt = LOST
        elif not f.traits & EXACT:
            doubt = MID_STREAM
        # Its own constructor takes several times as long: it is a function in Python.
        return tuple.__new__(flows.Flow, (
            f.number, f.generation, f.interface, f.src_cid, f.src_port, f.dst_cid, f.dst_port, f.type,
            STATES[f.state], f.traits & WHOLE != 0, f.start, time(f.response), f.last, time(f.closed),
            ENDS[f.end], f.reset_by if f.state == CLOSED else None, f.problems, f.duplicates,
            DOUBTS[doubt], f.first_packet, f.last_packet, self._side(f, 0), self._side(f, 1),
        ))

    cdef object _side(self, Flow *f, int who):
        cdef Side *s = &f.sides[who]
        cdef Side *other = &f.sides[1 - who]
        cdef SideRare *d = &rare_at(&self.t.table, f.slot).sides[who]
        cdef bint heard = other.marks & HEARD != 0
        cdef int64_t present = 0
        if s.marks & IS_STALLED:
            present = max(self.t.now - s.stalled, 0)
        return tuple.__new__(flows.Side, (
            s.packets, s.bytes, numbers(f.ops[who], OPS, OP_RW, data_packets(f, who)), s.largest,
            numbers(f.sizes[who], SIZES, -1, 0), time(f.first_byte[who] if s.sent != NEVER else NEVER), time(s.sent),
            s.buf_alloc if s.marks & HEARD else None, <uint32_t>s.tx,
            <uint32_t>s.read if heard else None, in_flight(s), other.buf_alloc if heard else None,
            free_bytes(s, other) if heard else None,
            s.min_free if s.min_free != NO_MINIMUM else None,
            d.stalls, d.stalled_sum + present, max(d.stalled_longest, <uint64_t>present),
            s.marks & IS_STALLED != 0 and (self.finished or present >= STALL),
            d.missing, d.excess, d.unread, s.shutdown,
        ))


cdef tuple numbers(const uint32_t *values, int count, int other, uint64_t value):
    """Return a tuple of C's, with one of them put in the place of `other`."""
    cdef int i
    cdef list made = []
    for i in range(count):
        made.append(value if i == other else values[i])
    return tuple(made)


cdef object time(int64_t ns):
    return None if ns == NEVER else ns


cdef object credit(const CreditNow *c):
    return Credit(
        c.tx_cnt, c.fwd_cnt, c.in_flight, c.window if c.window >= 0 else None,
        c.free if c.free >= 0 else None,
    )


cdef void note_step(StepNow *step, const Flow *f, int side) noexcept nogil:
    cdef int who
    step.flow, step.side = f.number, side
    for who in range(2):
        note_credit(&step.sides[who], &f.sides[who], &f.sides[1 - who])


cdef inline void note_credit(CreditNow *c, const Side *s, const Side *other) noexcept nogil:
    c.tx_cnt, c.fwd_cnt, c.in_flight = <uint32_t>s.tx, <uint32_t>s.read, in_flight(s)
    c.window = c.free = -1
    if other.marks & HEARD:
        c.window, c.free = other.buf_alloc, free_bytes(s, other)


cdef object event(const Found *e):
    """What Python makes of one finding."""
    return events.Event(
        events.Kind(e.kind), events.Severity(e.severity), events.Doubt(e.doubt), e.flow,
        e.generation, e.src_cid, e.src_port, e.dst_cid, e.dst_port, e.actor, e.time,
        tuple([e.packets[i] for i in range(2) if e.packets[i]]),
        tuple([e.numbers[i] for i in range(e.count)]),
    )


cdef uint64_t measure(Tracking *t, Flow *f, int what) noexcept:
    """How much a connection has of one of MEASURES."""
    cdef Rare *d = rare_at(&t.table, f.slot)
    cdef uint64_t stalled = 0
    cdef int side
    if what == 0:
        return f.sides[0].bytes + f.sides[1].bytes
    if what == 1:
        return f.sides[0].packets + f.sides[1].packets
    if what == 2:
        return <uint64_t>(f.last - f.start)
    for side in range(2):
        stalled += d.sides[side].stalled_sum
        if f.sides[side].marks & IS_STALLED:
            stalled += max(t.now - f.sides[side].stalled, 0)
    return stalled


cdef list histogram(const uint64_t *buckets):
    cdef int i
    return [(bucket_end(i), buckets[i]) for i in range(TIMES) if buckets[i]]


cdef object bucket_end(int i):
    """The longest time that a bucket of tracking.time_bucket() holds, in nanoseconds."""
    power = max(i // 8 - 1, 0)
    return ((i - 8 * power + 1) << power) - 1  # the inverse of time_bucket()
