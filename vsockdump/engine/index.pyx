# cython: language_level=3
"""What is kept of every packet, so that a capture can be looked at without being read again."""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from array import array

from vsockdump.flows import Kept

from .batch cimport VIRTIO, Batch, Row
from .rules cimport ANY_DEFECT_A, OP_CREDIT_UPDATE, OP_RW
from .track cimport Tracker
from .tracking cimport StepNow

cdef enum:
    CHUNK = 1 << 16
    UNKNOWN = 0xFFFFFFFF        # free credit that nobody knows
    AT_ONCE = 256               # connections whose rates are told in one pass
    SLOTS = 4096

cdef enum Bits:
    REV = 1                     # who was connected to sent it
    SEVERITY = 6                # of what was found at it: 0 nothing, then events.Severity + 1
    DATA = 8                    # an RW with payload
    FULL = 16                   # a side could send nothing after it

cdef struct Columns:
    int64_t time[CHUNK]
    uint32_t flow[CHUNK]
    uint32_t len[CHUNK]
    uint32_t free[CHUNK]
    uint8_t bits[CHUNK]


@cython.auto_pickle(False)
@cython.final
cdef class _Chunk:
    """Some of the packets; whoever reads it holds it, for the index may let it go meanwhile."""

    cdef Columns *c

    def __cinit__(self):
        self.c = <Columns *>calloc(1, sizeof(Columns))
        if self.c == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.c)


@cython.auto_pickle(False)
@cython.final
cdef class Index:
    """Keeps 21 bytes of each packet: when it was, of which connection, and what it did.

    Packets are named by their numbers in the capture, from 1; `first` is the number of the first
    that is still kept, `count` that of the last. One thread appends, others may read: each call is
    one step to them.
    """

    cdef readonly uint64_t first
    cdef readonly uint64_t count
    cdef uint64_t gone              # chunks
    cdef list chunks

    def __cinit__(self):
        self.first = 1
        self.chunks = []

    def append(self, Batch batch not None, Tracker tracker not None):
        """Keep the packets of a whole batch, which a tracker that notes steps was fed last.

        Returns whether the kernel may have split any of them: what they carried depends on packets
        before them. Raises MemoryError.
        """
        cdef Py_ssize_t row
        cdef Columns *c = NULL
        cdef uint64_t place
        cdef bint split = False
        if batch.chosen or tracker.batch is not batch or tracker.t.steps == NULL:
            raise ValueError("not the whole batch that the tracker was fed last")
        for row in range(batch.count):
            place = self.count % CHUNK
            if c == NULL or not place:
                c = self._room(place)
            _keep(c, place, &batch.rows[row], &tracker.t.steps[row])
            split |= (batch.rows[row].notes & ANY_DEFECT_A) != 0
            self.count += 1
        return split

    cdef Columns *_room(self, uint64_t place) except NULL:
        """Return where the next packet goes."""
        if not place:
            self.chunks.append(_Chunk())
        return (<_Chunk>self.chunks[len(self.chunks) - 1]).c

    cdef _Chunk _chunk(self, uint64_t number):
        """Return where a packet is kept; raises IndexError."""
        if not self.first <= number <= self.count:
            raise IndexError(number)
        return self.chunks[(number - 1) // CHUNK - self.gone]

    def let_go(self, uint64_t first):
        """Keep no packets before `first`; memory is given back 65536 packets at a time."""
        self.first = min(max(first, self.first), self.count + 1)
        while (self.first - 1) // CHUNK > self.gone and len(self.chunks) > 1:
            self.gone += 1
            del self.chunks[0]

    def mark(self, uint64_t number, int severity):
        """Note how bad it is what was found at a packet, 0 to 3; the worst stays."""
        cdef _Chunk chunk
        cdef uint8_t *bits
        if self.first <= number <= self.count:
            chunk = self._chunk(number)
            bits = &chunk.c.bits[(number - 1) % CHUNK]
            bits[0] = (bits[0] & ~SEVERITY) | <uint8_t>max(bits[0] & SEVERITY, severity << 1)

    # --- looking ------------------------------------------------------------------------------

    def at(self, uint64_t number):
        """Return what is kept of a packet; raises IndexError."""
        cdef _Chunk chunk = self._chunk(number)
        cdef uint64_t i = (number - 1) % CHUNK
        cdef Columns *c = chunk.c
        return Kept(
            c.time[i], c.flow[i], c.bits[i] & REV, c.len[i],
            None if c.free[i] == UNKNOWN else c.free[i], c.bits[i] & FULL != 0,
            (c.bits[i] & SEVERITY) >> 1,
        )

    def flows(self, uint64_t number, Py_ssize_t count):
        """Return the connections of `count` packets from `number` on, 0 for one of none."""
        cdef uint64_t i
        return [self._chunk(i).c.flow[(i - 1) % CHUNK] for i in range(number, number + count)]

    def of(self, uint64_t flow, *, bint data=False, uint64_t after=0):
        """Return the numbers of a connection's packets as an array of type Q.

        With `data` only of those that carry any; with `after` only those behind that packet.
        """
        cdef bytearray found = bytearray(8 * CHUNK)
        cdef uint64_t *numbers = <uint64_t *><char *>found
        cdef uint64_t begin = max(after, self.first - 1), end
        cdef uint8_t bits = DATA if data else 0
        cdef _Chunk chunk
        cdef Py_ssize_t n
        result = array("Q")
        while flow < UNKNOWN and begin < self.count:
            chunk = self._chunk(begin + 1)
            end = min(begin - begin % CHUNK + CHUNK, self.count)
            n = _of(chunk.c, <uint32_t>flow, bits, begin, end, numbers)
            result.frombytes(found[:8 * n])
            begin = end
        return result

    def next(self, uint64_t number, int severity, int step=1):
        """Return the nearest packet behind `number` (`step` -1: before it) where something so bad
        was found, 0 if there is none."""
        cdef _Chunk chunk = None
        cdef uint64_t i
        number = max(number, self.first - 1) + step if step > 0 else min(number, self.count + 1) - 1
        while self.first <= number <= self.count:
            i = (number - 1) % CHUNK
            if chunk is None or i == (0 if step > 0 else CHUNK - 1):
                chunk = self._chunk(number)
            if (chunk.c.bits[i] & SEVERITY) >> 1 >= severity:
                return number
            number += step
        return 0

    def since(self, int64_t time):
        """Return the first packet that was not before `time`, in nanoseconds since 1970.

        0 if there is none. Times are taken to rise.
        """
        cdef uint64_t low = self.first, high = self.count + 1, middle
        while low < high:
            middle = (low + high) // 2
            if (self._chunk(middle)).c.time[(middle - 1) % CHUNK] < time:
                low = middle + 1
            else:
                high = middle
        return low if low <= self.count else 0

    def flows_of(self, numbers):
        """Return the connections, in order, that packets belong to: arrays of type Q both."""
        cdef set found = set()
        cdef Py_ssize_t begin
        for begin in range(0, len(numbers), CHUNK):
            self._note_flows(numbers[begin:begin + CHUNK].tobytes(), found)
        return array("Q", sorted(found))

    cdef int _note_flows(self, bytes numbers, set found) except -1:
        cdef const uint64_t *wanted = <const uint64_t *><const char *>numbers
        cdef uint32_t flow, before = 0
        cdef _Chunk chunk
        for i in range(len(numbers) // 8):
            if self.first <= wanted[i] <= self.count:
                chunk = self._chunk(wanted[i])
                flow = chunk.c.flow[(wanted[i] - 1) % CHUNK]
                if flow and flow != before:
                    found.add(flow)
                before = flow
        return 0

    def rates(self, flows, int64_t begin, int64_t end, int buckets):
        """Return, for each connection, the payload bytes of `buckets` equal stretches of time.

        Each is a pair of lists: what who opened it sent, and what the other end did. `begin` and
        `end` are nanoseconds since 1970, both included. Raises ValueError for more than 256
        connections, or no bucket.
        """
        cdef uint8_t[SLOTS] slots
        cdef uint32_t[AT_ONCE] wanted
        cdef int count = len(flows), i
        cdef uint64_t at, stop
        cdef _Chunk chunk
        if not 0 <= count <= AT_ONCE or not 0 < buckets <= CHUNK:
            raise ValueError(f"{count} connections and {buckets} buckets")
        cdef bytearray sums = bytearray(16 * count * buckets)
        cdef uint64_t *sum = <uint64_t *><char *>sums
        memset(slots, 0, SLOTS)
        for i in range(count):
            wanted[i] = <uint32_t>min(<uint64_t>flows[i], <uint64_t>UNKNOWN)
            slots[wanted[i] % SLOTS] = 1
        at = self.since(begin) if count else 0
        while at and at <= self.count and self.first <= at:
            chunk = self._chunk(at)
            stop = min(at - 1 - (at - 1) % CHUNK + CHUNK, self.count)
            with nogil:
                _sum(chunk.c, slots, wanted, count, at - 1, stop, begin, end, buckets, sum)
            at = stop + 1
        each = memoryview(sums).cast("Q").tolist()
        cells = [each[i * buckets:(i + 1) * buckets] for i in range(2 * count)]
        return list(zip(cells[::2], cells[1::2]))


cdef inline void _keep(Columns *c, uint64_t i, const Row *row, const StepNow *step) noexcept nogil:
    cdef int64_t room
    cdef uint16_t op = row.virtio_op if row.layers & VIRTIO else 0
    c.time[i] = row.time
    c.flow[i] = <uint32_t>step.flow
    c.len[i] = row.virtio_len if row.layers & VIRTIO else 0
    c.free[i] = UNKNOWN
    c.bits[i] = <uint8_t>(step.side if step.flow else 0) | (DATA if op == OP_RW and c.len[i] else 0)
    if step.flow:
        room = step.sides[step.side ^ (op == OP_CREDIT_UPDATE)].free
        c.free[i] = UNKNOWN if room < 0 else <uint32_t>min(room, UNKNOWN - 1)
        c.bits[i] |= FULL if not (step.sides[0].free and step.sides[1].free) else 0


cdef Py_ssize_t _of(
    const Columns *c, uint32_t flow, uint8_t bits, uint64_t begin, uint64_t end, uint64_t *numbers
) noexcept nogil:
    cdef Py_ssize_t n = 0
    cdef uint64_t i
    for i in range(begin, end):
        if c.flow[i % CHUNK] == flow and c.bits[i % CHUNK] & bits == bits:
            numbers[n] = i + 1
            n += 1
    return n


cdef void _sum(
    const Columns *c, const uint8_t *slots, const uint32_t *wanted, int count,
    uint64_t at, uint64_t stop, int64_t begin, int64_t end, int buckets, uint64_t *sums
) noexcept nogil:
    cdef double scale = buckets / (max(<double>end - <double>begin, 0.0) + 1)
    cdef uint64_t i
    cdef int which, bucket
    for i in range(at, stop):
        if not slots[c.flow[i % CHUNK] % SLOTS] or not c.bits[i % CHUNK] & DATA:
            continue
        if not begin <= c.time[i % CHUNK] <= end:
            continue
        bucket = min(<int>((c.time[i % CHUNK] - begin) * scale), buckets - 1)
        for which in range(count):
            if wanted[which] == c.flow[i % CHUNK]:
                sums[(2 * which + (c.bits[i % CHUNK] & REV)) * buckets + bucket] += c.len[i % CHUNK]
