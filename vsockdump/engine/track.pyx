# cython: language_level=3
"""Connections from Batches of packets: their states, credit, and what is wrong with them.

Time is taken from packets only, and packets are taken one by one: however they are cut into
batches, live or from a file, the same packets give the same connections and the same events.
"""

cimport cython
from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort
from libc.string cimport memset

from array import array

from vsockdump.flows import Counts, Credit, Step
from vsockdump.states import MOVES, Move, State

from .batch cimport CAPACITY, Batch, place_of
from .connection cimport HANDED_OUT, NEVER, Flow
from .ends cimport still_unanswered
from .follow cimport end, follow_all
from .found cimport TIMED, Found
from .rules cimport LINKTYPE_LINUX_SLL2, LINKTYPE_VSOCK
from .snapshots cimport event_of, flow_of, histogram_of, measure
from .table cimport close_table, flow_at, open_table
from .timers cimport WAITS
from .tracking cimport Capture, CreditNow, StepNow, Tracking

cdef enum:
    MOST_INTERFACES = 65536

MEASURES = {
    "bytes": 0, "packets": 1, "duration": 2, "stalled": 3, "longest_stall": 4, "problems": 5,
    "latest": 6,
}
"""What Tracker.top() can rank by."""


cdef int _behind(const void *a, const void *b) noexcept nogil:
    """Greater than 0 where `a` has less than `b`, or as much and came later; less than 0 if not."""
    cdef const Rank *one = <const Rank *>a
    cdef const Rank *other = <const Rank *>b
    if one.amount != other.amount:
        return 1 if one.amount < other.amount else -1
    return (one.number > other.number) - (one.number < other.number)


cdef void _sift(Rank *heap, Py_ssize_t count, Py_ssize_t at, Rank one) noexcept nogil:
    """Put one into a heap at a place or below it, for the one that is there now."""
    cdef Py_ssize_t below = 2 * at + 1
    while below < count:
        if below + 1 < count and _behind(&heap[below + 1], &heap[below]) > 0:
            below += 1
        if _behind(&heap[below], &one) <= 0:
            break
        heap[at] = heap[below]
        at, below = below, 2 * below + 1
    heap[at] = one


cdef void hand_out(void *tracker, Flow *f) noexcept with gil:
    """Take a connection that is about to be forgotten."""
    (<Tracker>tracker).over.append(flow_of(&(<Tracker>tracker).t, f))


cdef class Tracker:
    """Follows every connection of one capture; a sink for Batches.

    At most `most` connections are kept; those that ended, or were idle for long, make room for new
    ones. With `steps`, each packet's effect on credit can be asked for until the next feed(). With
    `keep` false connections that have ended are handed out by ended() a minute later, and forgotten
    in an hour. Without `events` none are kept, only counted.
    """

    def __cinit__(
        self, *, uint32_t most=1_000_000, bint steps=False, bint keep=True, bint events=True
    ):
        if not 0 < most < 1 << 30:
            raise ValueError(f"at least one connection, and less than 2^30, not {most}")
        memset(&self.t, 0, sizeof(Tracking))
        # Python's own hashes of texts are others in every run, against the same attack.
        open_table(&self.t.table, most, <uint64_t><int64_t>hash("connections"))
        self.t.now = self.t.begin = NEVER
        self.t.deadline = INT64_MAX
        self.t.found.kept = events
        self.t.found.room = 64
        self.t.found.list = <Found *>malloc(64 * sizeof(Found))
        self.t.captures = <Capture *>calloc(MOST_INTERFACES, sizeof(Capture))
        self.t.steps = <StepNow *>calloc(CAPACITY, sizeof(StepNow)) if steps else NULL
        if not (self.t.found.list and self.t.captures and (self.t.steps or not steps)):
            raise MemoryError
        for state in State:
            for move in Move:
                self.t.moves[<int>state][<int>move] = MOVES[state].get(move, state)
        self.t.owner = <void *>self
        if not keep:
            self.t.hand_out = hand_out
        self.over = []

    def __dealloc__(self):
        cdef int i
        close_table(&self.t.table)
        for i in range(WAITS):
            free(self.t.timers[i].list)
        free(self.t.found.list)
        free(self.t.captures)
        free(self.t.steps)

    def interface(self, int index, *, bint repeats=False, bint leaks=False):
        """Say what is known of one interface's kernel: which of the tap's defects it has.

        `repeats`: it taps some packets again (before 5.7). `leaks`: its own memory stands where
        large payload should (6.17 to 7.0). Raises IndexError beyond 65536 interfaces.
        """
        if not 0 <= index < MOST_INTERFACES:
            raise IndexError(index)
        self.t.captures[index].repeats = repeats
        self.t.captures[index].leaks = leaks

    def lost(self, uint64_t packets):
        """Say how many packets the capture is known to lack, in all: verdicts are the less sure."""
        self.t.lost = packets

    def number_as(self, Tracker other not None):
        """Number connections as another tracker does, which sees more of them, and notes steps.

        It has to be fed each batch before this one, whole.
        """
        self.guide, self.t.guide = other, other.t.steps

    def feed(self, Batch batch not None):
        """Take the packets of a batch. Raises MemoryError."""
        self.batch = batch
        self.fed = place_of(batch, batch.count - 1) + 1 if batch.count else 0
        self.earlier = self.t.found.count
        self._know_links(batch)
        self.t.rows, self.t.bytes, self.t.first = batch.rows, batch.bytes, batch.first
        self.t.places = batch.places if batch.chosen else NULL
        with nogil:
            follow_all(&self.t, batch.count)
        if self.t.found.failed:
            raise MemoryError

    def finish(self):
        """The capture has ended: say what is still open, as of its last packet."""
        cdef uint32_t slot
        cdef Flow *f
        self.batch = None
        self.t.at, self.t.number, self.t.time = TIMED, 0, self.t.now
        if self.t.finished:
            return
        self.t.finished = True
        for slot in range(self.t.table.used):
            f = flow_at(&self.t.table, slot)
            if f.number:
                end(&self.t, f)
                still_unanswered(&self.t, f)

    # --- what was found -----------------------------------------------------------------------

    def events(self):
        """Return the events found since this was last asked, as vsockdump.events.Event."""
        cdef size_t i
        found = [event_of(&self.t.found.list[i]) for i in range(self.t.found.count)]
        self.t.found.count = self.earlier = 0
        return found

    def marks(self, Py_ssize_t place):
        """Return the events that a packet of the last batch brought about, if still kept."""
        cdef size_t i
        return [
            event_of(&self.t.found.list[i])
            for i in range(self.earlier, self.t.found.count) if self.t.found.list[i].row == place
        ]

    cdef int64_t free_after(self, Py_ssize_t place, int side) noexcept:
        """What was free after a packet of the last batch, for its sender (0) or the other end (1).

        -1 where that is unknown, or steps are not noted.
        """
        cdef StepNow *step
        if self.t.steps == NULL or self.batch is None or place >= self.fed:
            return -1
        step = &self.t.steps[place]
        return step.sides[step.side ^ side].free if step.flow else -1

    def flows(self):
        """Yield a snapshot of each connection, in the order of their first packets."""
        cdef uint32_t slot
        for slot in self._in_order() if self.t.table.reused else range(self.t.table.used):
            if self._is_here(slot):
                yield flow_of(&self.t, flow_at(&self.t.table, slot))

    cdef bint _is_here(self, uint32_t slot) noexcept nogil:
        """Whether there is a connection that was not handed out."""
        cdef Flow *f = flow_at(&self.t.table, slot)
        return f.number != 0 and not f.traits & HANDED_OUT

    cdef list _in_order(self):
        """The slots in the order of their connections' numbers: some were given up and used again."""
        cdef uint32_t slot
        numbers = [(flow_at(&self.t.table, slot).number, slot) for slot in range(self.t.table.used)]
        return [slot for _, slot in sorted(numbers)]

    def _know_links(self, Batch batch):
        """Note which interfaces give frames in LINUX_SLL."""
        cdef int i, linktype
        for i in range(batch.interfaces.count):
            linktype = batch.interfaces.table[i].linktype
            self.t.captures[i].cooked = linktype != LINKTYPE_VSOCK
            self.t.captures[i].names_links = linktype == LINKTYPE_LINUX_SLL2

    def top(self, Py_ssize_t most, str by):
        """Return the `most` connections that have most of something, the greatest first.

        `by` is one of MEASURES, both ways together, but for the longest stall. Raises KeyError for anything else.
        """
        return [flow_of(&self.t, flow_at(&self.t.table, slot)) for slot in self._ranked(most, by)]

    def ranked(self, Py_ssize_t most, str by):
        """Return the numbers of those connections as an array of type Q."""
        return array("Q", [flow_at(&self.t.table, slot).number for slot in self._ranked(most, by)])

    cdef list _ranked(self, Py_ssize_t most, str by):
        """The slots of those connections."""
        cdef int what = MEASURES[by]
        cdef Py_ssize_t count = min(max(most, 0), <Py_ssize_t>self.t.table.used), at
        cdef Rank *best = <Rank *>malloc(max(count, 1) * sizeof(Rank))
        if best == NULL:
            raise MemoryError
        try:
            with nogil:  # among a million it takes a while
                count = self._choose(best, count, what)
                qsort(best, count, sizeof(Rank), _behind)
            return [best[at].slot for at in range(count)]
        finally:
            free(best)

    cdef Py_ssize_t _choose(self, Rank *best, Py_ssize_t most, int what) noexcept nogil:
        """Keep the best, the last of them on top of a heap; return how many there are."""
        cdef Py_ssize_t count = 0, at
        cdef uint32_t slot
        cdef Rank one
        for slot in range(self.t.table.used if most else 0):
            if not self._is_here(slot):
                continue
            one.number = flow_at(&self.t.table, slot).number
            one.amount = measure(&self.t, flow_at(&self.t.table, slot), what)
            one.slot = slot
            if count < most:
                best[count] = one
                count += 1
                if count == most:
                    for at in range(most // 2 - 1, -1, -1):
                        _sift(best, most, at, best[at])
            elif _behind(&one, best) < 0:
                _sift(best, most, 0, one)
        return count

    def flow(self, uint64_t number):
        """Return a snapshot of one connection; None for one that is unknown or forgotten."""
        cdef int64_t slot = self._slot_of(number)
        return flow_of(&self.t, flow_at(&self.t.table, <uint32_t>slot)) if slot >= 0 else None

    cdef int64_t _slot_of(self, uint64_t number) noexcept:
        """Where a connection is kept, -1: nowhere. Numbers ascend unless slots were used again."""
        cdef int64_t low = 0, high = self.t.table.used, slot
        if self.t.table.reused:
            for slot in range(high):
                if number and flow_at(&self.t.table, <uint32_t>slot).number == number:
                    return slot
            return -1
        while low < high:
            slot = (low + high) // 2
            if flow_at(&self.t.table, <uint32_t>slot).number < number:
                low = slot + 1
            else:
                high = slot
        if low < self.t.table.used and flow_at(&self.t.table, <uint32_t>low).number == number:
            return low
        return -1

    def ended(self):
        """Return the connections that are over, and no longer kept, since this was last asked."""
        over, self.over = self.over, []
        return over

    # --- what packets did -----------------------------------------------------------------------
    # A packet of the last batch is asked for by its place: Batch.place().

    cdef StepNow *_step(self, Py_ssize_t place) except NULL:
        if self.t.steps == NULL or self.batch is None or not 0 <= place < self.fed:
            raise IndexError(place)
        return &self.t.steps[place]

    def step(self, Py_ssize_t place):
        """Return what a packet of the last batch did; None if it belongs to no connection."""
        cdef StepNow *s = self._step(place)
        if not s.flow:
            return None
        return Step(s.flow, s.side, credit(&s.sides[0]), credit(&s.sides[1]))

    def numbers(self):
        """Return the numbers of the connections of the last batch's rows, 0 for one of none."""
        cdef Py_ssize_t row
        cdef Batch batch = self.batch
        if batch is None:
            return []
        return [self._step(place_of(batch, row)).flow for row in range(batch.count)]

    def flow_at(self, Py_ssize_t place):
        """Return a snapshot of a packet's connection, None if it has none, or it is forgotten."""
        cdef StepNow *s = self._step(place)
        cdef Flow *f = flow_at(&self.t.table, s.slot) if s.flow else NULL
        return flow_of(&self.t, f) if f != NULL and f.number == s.flow else None

    @property
    def counts(self):
        """What was fed so far."""
        cdef Tracking *t = &self.t
        any = t.packets > 0
        evicted = max(t.table.evicted, 0 if self.guide is None else self.guide.counts.evicted)
        return Counts(
            t.packets, t.followed, t.packets - t.followed - t.duplicates, t.truncated, t.duplicates,
            t.flows, evicted, t.midstream, t.missing, t.begin if any else None, t.now if any else None,
        )

    def connect_times(self):
        """Return how long RESPONSEs took: (more than ns, up to ns, how many), for those there are."""
        return histogram_of(self.t.connect_times)

    def credit_times(self):
        """Return how long it took until data was said to be read, likewise."""
        return histogram_of(self.t.credit_times)


cdef object credit(const CreditNow *c):
    return Credit(
        c.tx_cnt, c.fwd_cnt, c.in_flight, c.window if c.window >= 0 else None,
        c.free if c.free >= 0 else None,
    )
