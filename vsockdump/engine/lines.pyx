# cython: language_level=3
"""The text lines of packets, straight from a Batch: one packet, one line."""

cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from vsockdump.dissectors import virtio as virtio_rules
from vsockdump.dissectors import vsockmon as vsockmon_rules
from vsockdump.dissectors.notes import TEXT

from .batch cimport VIRTIO, VSOCKMON, Batch, Row

cdef enum:
    LONGEST = 1024      # bytes of a line, no less than all its parts at their longest, but its time

cdef tuple MONITOR_OPS = tuple(op.name.encode() for op in vsockmon_rules.Op)
cdef tuple TRANSPORTS = tuple(kind.name.encode() for kind in vsockmon_rules.Transport)
cdef tuple OPS = tuple(op.name.encode() for op in virtio_rules.Op)
cdef tuple TYPES = (b"TYPE_0", *(kind.name.lower().encode() for kind in virtio_rules.Type))
cdef tuple NOTES = tuple((int(note), text.encode()) for note, text in TEXT.items())
cdef uint32_t TRANSPORT_VIRTIO = vsockmon_rules.Transport.VIRTIO
cdef uint32_t REQUEST = virtio_rules.Op.REQUEST
cdef uint32_t RESPONSE = virtio_rules.Op.RESPONSE
cdef uint32_t SHUTDOWN = virtio_rules.Op.SHUTDOWN
cdef uint32_t RW = virtio_rules.Op.RW
cdef uint32_t CREDIT_UPDATE = virtio_rules.Op.CREDIT_UPDATE
cdef uint32_t STREAM = virtio_rules.Type.STREAM
cdef uint32_t SEQPACKET = virtio_rules.Type.SEQPACKET

CID_NAMES = {0: "hypervisor", 1: "local", 2: "host", 0xFFFF_FFFF: "any"}
"""What CIDs are called unless numbers are asked for (VMADDR_CID_*, vm_sockets.h)."""

cdef dict _CID_NAMES = {cid: name.encode() for cid, name in CID_NAMES.items()}


@cython.auto_pickle(False)
cdef class Lines:
    """Renders packets; an instance keeps what one line must know of those before it.

    `stamp(second, negative) -> bytes` words a whole second (since 1970, or since another packet),
    asked for once for each; None prints no times. `digits` of a second follow it. `since` is "" for times of
    the clock, "previous" or "first" for those since another packet.
    """

    cdef object stamp
    cdef int digits, verbose
    cdef bint numeric, quick, link, lengths, numbers, relative, to_first
    cdef bint started, negative
    cdef int64_t base, second, unit
    cdef bytes worded
    cdef char *text
    cdef Py_ssize_t size, room

    def __cinit__(
        self, stamp=None, *, int digits=6, str since="", bint numeric=False, bint quick=False,
        int verbose=0, bint link=False, bint lengths=False, bint numbers=False,
    ):
        if not 0 <= digits <= 9:
            raise ValueError(f"a second has 0 to 9 digits, not {digits}")
        self.stamp = stamp
        self.digits = digits
        self.unit = int(10 ** <object>(9 - digits))
        self.relative = since != ""
        self.to_first = since == "first"
        self.numeric = numeric
        self.quick = quick
        self.verbose = verbose
        self.link = link
        self.lengths = lengths
        self.numbers = numbers
        self.worded = b""
        self.second = -1

    def __dealloc__(self):
        free(self.text)

    def render(self, Batch batch not None, Py_ssize_t begin=0, Py_ssize_t end=-1):
        """Return the lines of the rows begin <= row < end (-1: all), each ended by a newline."""
        cdef Py_ssize_t row
        if end < 0 or end > batch.count:
            end = batch.count
        self.size = 0
        for row in range(max(begin, 0), end):
            self._need(LONGEST + len(self.worded))
            self._line(batch, row)
        return self.text[:self.size]

    def head(self, Batch batch not None, Py_ssize_t row):
        """Return what stands before the packet in its line: number, time, lengths."""
        if not 0 <= row < batch.count:
            raise IndexError(row)
        self.size = 0
        self._need(LONGEST + len(self.worded))
        self._head(batch, row)
        return self.text[:self.size]

    cdef int _head(self, Batch b, Py_ssize_t i) except -1:
        cdef Row *r = &b.rows[i]
        if self.numbers:
            self._packet_number(b.first + i)
        if self.stamp is not None:
            self._time(r.time)
        if self.lengths:
            self._two(b"caplen ", r.cap_len, b" len ", r.wire_len)
            self._put(b" ")
        return 0

    cdef int _line(self, Batch b, Py_ssize_t i) except -1:
        cdef Row *r = &b.rows[i]
        self._head(b, i)
        if not r.layers & VSOCKMON:
            self._two(b"", r.wire_len, b" bytes", -1)
        else:
            self._packet(r)
        if r.notes:
            self._notes(r.notes)
        self._put(b"\n")
        return 0

    cdef int _packet(self, Row *r) except -1:
        if self.link:
            self._link(r)
        self._endpoint(r.src_cid, r.src_port)
        self._put(b" > ")
        self._endpoint(r.dst_cid, r.dst_port)
        self._put(b" ")
        if r.layers & VIRTIO:
            self._name(OPS, r.virtio_op, b"OP_")
            self._operation(r)
        else:
            self._name(MONITOR_OPS, r.op, b"OP_")
            self._put(b" ")
            self._name(TRANSPORTS, r.transport, b"TRANSPORT_")
            if r.transport != TRANSPORT_VIRTIO:
                self._two(b" ", r.payload_len, b"", -1)
        return 0

    cdef int _operation(self, Row *r) except -1:
        """What an op says besides its name; with -v, all there is."""
        cdef uint32_t op = r.virtio_op
        if op == RW:
            self._two(b" ", r.virtio_len, b"", -1)
            if r.virtio_type == SEQPACKET and not self.verbose:
                self._put(b" seq")
        elif op == CREDIT_UPDATE and not self.verbose:
            self._two(b" fwd ", r.fwd_cnt, b"", -1)
        if (op == REQUEST or op == RESPONSE) and not (self.quick or self.verbose):
            self._put(b" ")
            self._type(r.virtio_type)
            self._two(b", buf ", r.buf_alloc, b"", -1)
        elif not (STREAM <= r.virtio_type <= SEQPACKET or self.verbose):
            self._put(b" ")
            self._type(r.virtio_type)
        if r.virtio_flags:
            self._put(b" ")
            self._flags(r.virtio_flags, op, r.virtio_type)
        if r.virtio_len and op != RW:
            self._two(b" len ", r.virtio_len, b"", -1)
        if self.verbose:
            self._put(b" (")
            self._type(r.virtio_type)
            self._two(b", buf_alloc ", r.buf_alloc, b", fwd_cnt ", r.fwd_cnt)
            self._put(b", flags 0x")
            self._hex(r.virtio_flags)
            self._put(b")")
        return 0

    cdef int _link(self, Row *r) except -1:
        """The monitor's own header, as tcpdump's -e shows a link-level one."""
        self._name(MONITOR_OPS, r.op, b"OP_")
        self._put(b" ")
        self._name(TRANSPORTS, r.transport, b"TRANSPORT_")
        self._two(b" ", r.trans_len, b", length ", r.wire_len)
        self._put(b": ")
        return 0

    cdef int _type(self, uint32_t kind) except -1:
        return self._name(TYPES, kind, b"TYPE_")

    cdef int _flags(self, uint32_t flags, uint32_t op, uint32_t kind) except -1:
        cdef bint first = True
        for bit, name in virtio_rules.meaning(op, kind).items():
            if flags & <uint32_t>bit:
                self._put(name.encode() if first else b"|" + name.encode())
                flags &= ~<uint32_t>bit
                first = False
        if flags:
            self._put(b"0x" if first else b"|0x")
            self._hex(flags)
        return 0

    cdef int _notes(self, uint32_t notes) except -1:
        cdef bytes before = b" ["
        for bit, text in NOTES:
            if notes & <uint32_t>bit:
                self._put(before)
                self._put(text)
                before = b", "
        self._put(b"]")
        return 0

    cdef int _endpoint(self, uint64_t cid, uint32_t port) except -1:
        cdef object name = None
        if not self.numeric and (cid < 3 or cid == 0xFFFF_FFFF):
            name = _CID_NAMES.get(cid)
        if name is None:
            self._number(cid)
        else:
            self._put(<bytes>name)
        self._put(b":")
        self._number(port)
        return 0

    cdef int _name(self, tuple names, uint32_t value, bytes unknown) except -1:
        if value < <uint32_t>len(names):
            self._put(<bytes>names[value])
        else:
            self._two(unknown, value, b"", -1)
        return 0

    # --- times --------------------------------------------------------------------------------

    cdef int _time(self, int64_t ns) except -1:
        cdef int64_t second, fraction, shown = ns
        cdef Py_ssize_t size
        cdef bint negative
        if self.relative:
            # Times that a file contradicts may overflow: wrap, as the clock would.
            ns = <int64_t>(<uint64_t>ns - <uint64_t>(ns % self.unit))  # as tcpdump: what is not shown of two times does not count
            if not self.started:
                self.base = ns
                self.started = True
            shown = <int64_t>(<uint64_t>ns - <uint64_t>self.base)
            if not self.to_first:
                self.base = ns
        second, fraction = shown // 1_000_000_000, shown % 1_000_000_000
        negative = shown < 0
        if self.relative and negative and fraction:
            second, fraction = second + 1, 1_000_000_000 - fraction
        if second != self.second or negative != self.negative or not self.worded:
            size = self.size
            self.worded = self.stamp(second, negative)
            self.size = size  # it may have asked us for a line
            self._need(LONGEST + len(self.worded))
            self.second = second
            self.negative = negative
        self._put(self.worded)
        if self.digits:
            self._put(b".")
            self._fraction(fraction)
        self._put(b" ")
        return 0

    cdef int _fraction(self, int64_t ns) except -1:
        cdef int digit
        cdef char *at = self.text + self.size
        for digit in range(8, -1, -1):
            at[digit] = <char>(48 + ns % 10)
            ns //= 10
        self.size += self.digits
        return 0

    # --- the buffer -----------------------------------------------------------------------------

    cdef int _packet_number(self, uint64_t number) except -1:
        cdef Py_ssize_t start = self.size, width
        self._number(number)
        width = self.size - start
        if width < 5:  # tcpdump's %5u
            self.size = start
            self._put(b"     "[width:])
            self._number(number)
        self._put(b"  ")
        return 0

    cdef inline int _two(self, bytes before, int64_t one, bytes between, int64_t two) except -1:
        """Put a text and a number, then another text and, unless it is -1, another number."""
        self._put(before)
        self._number(<uint64_t>one)
        self._put(between)
        if two >= 0:
            self._number(<uint64_t>two)
        return 0

    cdef inline int _put(self, bytes text) except -1:
        cdef Py_ssize_t size = len(text)
        memcpy(self.text + self.size, <const char *>text, size)
        self.size += size
        return 0

    cdef inline void _number(self, uint64_t value) noexcept:
        cdef char digits[20]
        cdef int at = 20
        while True:
            at -= 1
            digits[at] = <char>(48 + value % 10)
            value //= 10
            if not value:
                break
        memcpy(self.text + self.size, digits + at, 20 - at)
        self.size += 20 - at

    cdef inline void _hex(self, uint32_t value) noexcept:
        cdef char digits[8]
        cdef int at = 8
        while True:
            at -= 1
            digits[at] = b"0123456789abcdef"[value & 15]
            value >>= 4
            if not value:
                break
        memcpy(self.text + self.size, digits + at, 8 - at)
        self.size += 8 - at

    cdef int _need(self, Py_ssize_t more) except -1:
        if self.room - self.size >= more:
            return 0
        cdef Py_ssize_t room = max(max(self.room * 2, self.size + more), 1 << 16)
        cdef void *text = realloc(self.text, room)
        if text == NULL:
            raise MemoryError
        self.text = <char *>text
        self.room = room
        return 0
