# cython: language_level=3
"""The text lines of packets, straight from a Batch: one packet, one line."""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free

from vsockdump.dissectors import virtio as virtio_rules
from vsockdump.dissectors import vsockmon as vsockmon_rules
from vsockdump.dissectors.notes import TEXT

from .batch cimport VIRTIO, VSOCKMON, Batch, Row, place_of
from .buffer cimport Buffer, hexadecimal, nanoseconds, need, number, put, two
from .track cimport Tracker

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


cdef int _mark(dict names, uint8_t *ends) except -1:
    """Mark the lowest bytes of the numbers: a look at a table spares most of them the dict."""
    for value, name in names.items():
        if not isinstance(name, bytes):
            raise TypeError(f"{name!r} is not bytes")
        ends[<uint64_t>value & 255] = 1
    return 0


@cython.auto_pickle(False)
cdef class Lines:
    """Renders packets; an instance keeps what one line must know of those before it.

    `stamp(second, negative) -> bytes` words a whole second (since 1970, or since another packet),
    asked for once for each; None prints no times. `digits` of a second follow it. `since` is "" for
    times of the clock, "previous" or "first" for those since another packet. `cids` and `ports` say
    in UTF-8 what some of these are called; the others are shown as numbers. A `tracker` that notes
    steps, and was fed a batch before its lines are rendered, adds free credit and events to them.
    """

    cdef object stamp
    cdef int digits, verbose
    cdef bint quick, link, lengths, numbers, relative, to_first
    cdef bint started, negative
    cdef dict cids, ports
    cdef Tracker tracker
    cdef uint8_t cid_ends[256]      # the lowest bytes of those that have a name
    cdef uint8_t port_ends[256]
    cdef int64_t base, second, unit
    cdef bytes worded
    cdef Buffer text

    def __cinit__(
        self, stamp=None, *, int digits=6, str since="", dict cids=None, dict ports=None,
        bint quick=False, int verbose=0, bint link=False, bint lengths=False, bint numbers=False,
        Tracker tracker=None,
    ):
        if not 0 <= digits <= 9:
            raise ValueError(f"a second has 0 to 9 digits, not {digits}")
        self.stamp = stamp
        self.digits = digits
        self.unit = int(10 ** <object>(9 - digits))
        self.relative = since != ""
        self.to_first = since == "first"
        self.cids = dict(cids or ())
        self.ports = dict(ports or ())
        _mark(self.cids, self.cid_ends)
        _mark(self.ports, self.port_ends)
        self.tracker = tracker
        self.quick = quick
        self.verbose = verbose
        self.link = link
        self.lengths = lengths
        self.numbers = numbers
        self.worded = b""
        self.second = -1

    def __dealloc__(self):
        free(self.text.start)

    def render(self, Batch batch not None, Py_ssize_t begin=0, Py_ssize_t end=-1):
        """Return the lines of the rows begin <= row < end (-1: all), each ended by a newline."""
        cdef Py_ssize_t row
        if end < 0 or end > batch.count:
            end = batch.count
        self.text.size = 0
        for row in range(max(begin, 0), end):
            need(&self.text, LONGEST + len(self.worded))
            self._line(batch, row)
        return self.text.start[:self.text.size]

    def head(self, Batch batch not None, Py_ssize_t row):
        """Return what stands before the packet in its line: number, time, lengths."""
        if not 0 <= row < batch.count:
            raise IndexError(row)
        self.text.size = 0
        need(&self.text, LONGEST + len(self.worded))
        self._head(batch, row)
        return self.text.start[:self.text.size]

    cdef int _head(self, Batch b, Py_ssize_t i) except -1:
        cdef Row *r = &b.rows[i]
        if self.numbers:
            self._packet_number(b.first + place_of(b, i))
        if self.stamp is not None:
            self._time(r.time)
        if self.lengths:
            two(&self.text, b"caplen ", r.cap_len, b" len ", r.wire_len)
            put(&self.text, b" ")
        return 0

    cdef int _packet_number(self, uint64_t count) except -1:
        cdef Py_ssize_t start = self.text.size, width
        number(&self.text, count)
        width = self.text.size - start
        if width < 5:  # tcpdump's %5u
            self.text.size = start
            put(&self.text, b"     "[width:])
            number(&self.text, count)
        put(&self.text, b"  ")
        return 0

    cdef int _line(self, Batch b, Py_ssize_t i) except -1:
        cdef Row *r = &b.rows[i]
        cdef Py_ssize_t place = place_of(b, i)
        self._head(b, i)
        if not r.layers & VSOCKMON:
            two(&self.text, b"", r.wire_len, b" bytes", -1)
        else:
            self._packet(r, place)
        if r.notes:
            self._notes(r.notes)
        if self.tracker is not None and self.tracker.t.found.count > self.tracker.earlier:
            self._marks(place)
        put(&self.text, b"\n")
        return 0

    cdef int _packet(self, Row *r, Py_ssize_t place) except -1:
        if self.link:
            self._link(r)
        self._endpoint(r.src_cid, r.src_port)
        put(&self.text, b" > ")
        self._endpoint(r.dst_cid, r.dst_port)
        put(&self.text, b" ")
        if r.layers & VIRTIO:
            self._name(OPS, r.virtio_op, b"OP_")
            self._operation(r, place)
        else:
            self._name(MONITOR_OPS, r.op, b"OP_")
            put(&self.text, b" ")
            self._name(TRANSPORTS, r.transport, b"TRANSPORT_")
            if r.transport != TRANSPORT_VIRTIO:
                two(&self.text, b" ", r.payload_len, b"", -1)
        return 0

    cdef int _operation(self, Row *r, Py_ssize_t place) except -1:
        """What an op says besides its name; with -v, all there is."""
        cdef uint32_t op = r.virtio_op
        if op == RW:
            two(&self.text, b" ", r.virtio_len, b"", -1)
            if r.virtio_type == SEQPACKET and not self.verbose:
                put(&self.text, b" seq")
        elif op == CREDIT_UPDATE and not self.verbose:
            two(&self.text, b" fwd ", r.fwd_cnt, b"", -1)
        if (op == REQUEST or op == RESPONSE) and not (self.quick or self.verbose):
            put(&self.text, b" ")
            self._type(r.virtio_type)
            two(&self.text, b", buf ", r.buf_alloc, b"", -1)
        elif not (STREAM <= r.virtio_type <= SEQPACKET or self.verbose):
            put(&self.text, b" ")
            self._type(r.virtio_type)
        if r.virtio_flags:
            put(&self.text, b" ")
            self._flags(r.virtio_flags, op, r.virtio_type)
        if r.virtio_len and op != RW:
            two(&self.text, b" len ", r.virtio_len, b"", -1)
        if self.verbose:
            put(&self.text, b" (")
            self._type(r.virtio_type)
            two(&self.text, b", buf_alloc ", r.buf_alloc, b", fwd_cnt ", r.fwd_cnt)
            put(&self.text, b", flags 0x")
            hexadecimal(&self.text, r.virtio_flags)
        if op == RW or op == CREDIT_UPDATE:
            self._free(place, op == CREDIT_UPDATE)
        if self.verbose:
            put(&self.text, b")")
        return 0

    cdef int _link(self, Row *r) except -1:
        """The monitor's own header, as tcpdump's -e shows a link-level one."""
        self._name(MONITOR_OPS, r.op, b"OP_")
        put(&self.text, b" ")
        self._name(TRANSPORTS, r.transport, b"TRANSPORT_")
        two(&self.text, b" ", r.trans_len, b", length ", r.wire_len)
        put(&self.text, b": ")
        return 0

    cdef int _type(self, uint32_t kind) except -1:
        return self._name(TYPES, kind, b"TYPE_")

    cdef int _flags(self, uint32_t flags, uint32_t op, uint32_t kind) except -1:
        cdef bint first = True
        for bit, name in virtio_rules.meaning(op, kind).items():
            if flags & <uint32_t>bit:
                put(&self.text, name.encode() if first else b"|" + name.encode())
                flags &= ~<uint32_t>bit
                first = False
        if flags:
            put(&self.text, b"0x" if first else b"|0x")
            hexadecimal(&self.text, flags)
        return 0

    cdef int _notes(self, uint32_t notes) except -1:
        cdef bytes before = b" ["
        for bit, text in NOTES:
            if notes & <uint32_t>bit:
                put(&self.text, before)
                put(&self.text, text)
                before = b", "
        put(&self.text, b"]")
        return 0

    cdef int _free(self, Py_ssize_t place, int side) except -1:
        """What the connection's tracker says may still be sent, by this side or the other."""
        cdef int64_t left = -1
        if self.tracker is not None and not self.quick:
            left = self.tracker.free_after(place, side)
        if left >= 0:
            two(&self.text, b", free ", left, b"", -1)
        return 0

    cdef int _marks(self, Py_ssize_t place) except -1:
        for event in self.tracker.marks(place):
            mark = f" [{event.mark}]".encode() if event.mark else b""
            need(&self.text, LONGEST + len(mark))
            put(&self.text, mark)
        return 0

    cdef int _endpoint(self, uint64_t cid, uint32_t port) except -1:
        self._called(cid, self.cids, self.cid_ends)
        put(&self.text, b":")
        self._called(port, self.ports, self.port_ends)
        return 0

    cdef int _called(self, uint64_t value, dict names, const uint8_t *ends) except -1:
        cdef object name = names.get(value) if ends[value & 255] else None
        if name is None:
            number(&self.text, value)
        else:
            need(&self.text, len(name) + LONGEST)  # as much is left for the rest of the line
            put(&self.text, <bytes>name)
        return 0

    cdef int _name(self, tuple names, uint32_t value, bytes unknown) except -1:
        if value < <uint32_t>len(names):
            put(&self.text, <bytes>names[value])
        else:
            two(&self.text, unknown, value, b"", -1)
        return 0

    # --- times --------------------------------------------------------------------------------

    cdef int _time(self, int64_t ns) except -1:
        cdef int64_t second, fraction, shown = ns
        cdef Py_ssize_t size
        cdef bint negative
        if self.relative:
            # As tcpdump: what is not shown of two times does not count. Times of no sense may
            # overflow here and below: they wrap, as the clock would.
            ns = <int64_t>(<uint64_t>ns - <uint64_t>(ns % self.unit))
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
            size = self.text.size
            self.worded = self.stamp(second, negative)
            self.text.size = size  # it may have asked us for a line
            need(&self.text, LONGEST + len(self.worded))
            self.second = second
            self.negative = negative
        put(&self.text, self.worded)
        if self.digits:
            put(&self.text, b".")
            nanoseconds(&self.text, fraction, self.digits)
        put(&self.text, b" ")
        return 0
