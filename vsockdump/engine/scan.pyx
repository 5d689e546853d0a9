# cython: language_level=3
"""One pass from captured bytes to columns: records of pcap, blocks of pcapng, blocks of a ring.

All lengths are checked before a load; nothing is allocated from a length in the input.
"""

cimport cython
from cpython.ref cimport Py_REFCNT
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uint16_t
from libc.string cimport memcpy

from .batch cimport CAPACITY, Batch, Interface, Interfaces, Row
from .decode cimport decode
from .layout cimport *
from .rules cimport DEFECT_A
from .unsplit cimport Unsplit

cdef extern from *:
    """
    #define vsockdump_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)
    #define vsockdump_release() __atomic_thread_fence(__ATOMIC_RELEASE)
    """
    ctypedef unsigned long long wide "unsigned __int128"
    void acquire "vsockdump_acquire"() nogil
    void release "vsockdump_release"() nogil

cdef enum Stop:
    MORE        # the bytes end inside a record, or just behind one
    FULL        # the batch is full
    OTHER       # the next pcapng block is none that holds a packet
    DAMAGE      # here and above: the next record is impossible
    TOO_LONG = DAMAGE
    BAD_LENGTH
    BAD_TRAILER
    BAD_CAPTURED
    BAD_INTERFACE
    BAD_RING

_WORDS = {
    TOO_LONG: "a record of impossible length",
    BAD_LENGTH: "a block of impossible length",
    BAD_TRAILER: "a block whose two lengths differ",
    BAD_CAPTURED: "a block too short for its frame",
    BAD_INTERFACE: "a packet of an interface that was not described",
    BAD_RING: "a packet outside of its ring's block",
}

# What a reader takes for one record or block at the most; more is damage. libpcap's bounds:
# MAXIMUM_SNAPLEN and the block size of its pcapng reader.
cdef enum:
    MOST_RECORD = 262144
    MOST_BLOCK = 16 * 1024 * 1024

MOST_BYTES = MOST_BLOCK
"""Bytes of the longest record or block that is not damage."""

cdef inline uint32_t u32(uint32_t value, bint swapped) noexcept nogil:
    return bswap_32(value) if swapped else value


cdef inline int64_t in_ns(const Interface *interface, uint32_t high, uint32_t low) noexcept nogil:
    cdef uint64_t units = (<uint64_t>high << 32) | low
    if interface.shift:
        units = <uint64_t>((<wide>units * interface.multiply) >> interface.shift)
    else:
        units = units * interface.multiply // interface.divide
    return <int64_t>(units + interface.offset_ns)


@cython.auto_pickle(False)
cdef class Scanner:
    """Turns blocks of one capture into Batches, in the order of the capture.

    Keeps what one block must know of those before it: the interfaces and the packets that Linux's
    tap defect A split. Of the last call: `more` says that it needs more bytes to go on, `other` that
    it met a pcapng block of another kind, `damage` in words what it cannot get over, or "".
    """

    cdef readonly Interfaces interfaces
    cdef readonly str damage
    cdef readonly bint other
    cdef readonly bint more
    cdef list pool
    cdef Unsplit unsplit
    cdef int suspects               # packets of this call that tap defect A may have split

    def __cinit__(self):
        self.interfaces = Interfaces()
        self.unsplit = Unsplit()
        self.pool = []
        self.damage = ""

    def add_interface(self, int linktype, int tsresol=9, long long tsoffset=0, unsigned int snaplen=0):
        """Describe one more interface; see Interfaces.add."""
        return self.interfaces.add(linktype, tsresol, tsoffset, snaplen)

    def pcap(
        self, data, Py_ssize_t begin, Py_ssize_t end, *,
        bint swapped=False, uint32_t unit=1000, Py_ssize_t lead=16, int lengths=0,
    ):
        """Scan pcap records in data[begin:end] up to a batch's fill; `batch.end` is where it stopped.

        `unit` is the nanoseconds of a fraction, `lead` the bytes of a record's header, `lengths`
        which of its two lengths is the captured one: 0 the first, 1 the second, 2 the smaller.
        All packets belong to interface 0.
        """
        if self.interfaces.count == 0:
            raise ValueError("the capture's interface was not described")
        if lead != 16 and lead != 24:
            raise ValueError(f"no record's header has {lead} bytes")
        plain = not swapped and lead == sizeof(pcap_record) and not lengths
        cdef Batch batch = self._batch(data, f"pcap/{unit}" if plain else "pcap", begin, end)
        cdef int stop
        with nogil:
            stop = self._walk_pcap(batch, end, swapped, unit, lead, lengths)
        return self._finish(batch, stop)

    def pcapng(self, data, Py_ssize_t begin, Py_ssize_t end, *, bint swapped=False, int base=0):
        """Scan the packet blocks of pcapng in data[begin:end] up to a batch's fill.

        Stops before a block of another kind (`other` is then true). `base` is the index of the
        section's first interface.
        """
        cdef Batch batch = self._batch(data, "pcapng", begin, end)
        cdef int stop
        with nogil:
            stop = self._walk_pcapng(batch, end, swapped, base)
        return self._finish(batch, stop)

    def ring(self, block, int interface):
        """Yield the packets of one block of a TPACKET_V3 ring as Batches.

        The caller has seen that the block's status is the user's, and gives it back afterwards.
        """
        cdef Batch batch
        cdef const tpacket_block *head
        cdef uint32_t left
        cdef Py_ssize_t at
        cdef int stop
        if not 0 <= interface < self.interfaces.count:
            raise IndexError(interface)
        acquire()  # what follows is read after the status was
        batch = self._batch(block, "ring", 0, 0)
        stop = BAD_RING if batch.view.len < <Py_ssize_t>sizeof(tpacket_block) else MORE
        self._finish(batch, stop)
        if stop == BAD_RING:
            return
        head = <const tpacket_block *>batch.bytes
        left, at = head.packets, head.first
        while left and stop == MORE:
            batch = self._batch(block, "ring", 0, 0)
            batch.begin = batch.end = at
            with nogil:
                stop = self._walk_ring(batch, left, interface)
            left -= <uint32_t>batch.count
            at = batch.end
            yield self._finish(batch, stop)
        release()  # and before the status is the kernel's again

    cdef int _walk_pcap(
        self, Batch b, Py_ssize_t end, bint swapped, uint32_t unit, Py_ssize_t lead, int lengths
    ) noexcept nogil:
        cdef const uint8_t *p = b.bytes
        cdef const pcap_record *r
        cdef uint32_t captured, wire
        cdef int linktype = self.interfaces.table[0].linktype
        while b.count < CAPACITY:
            if end - b.end < lead:
                return MORE
            r = <const pcap_record *>(p + b.end)
            captured = u32(r.captured, swapped)
            wire = u32(r.wire, swapped)
            if lengths == 1 or (lengths == 2 and captured > wire):
                captured, wire = wire, captured
            if captured > MOST_RECORD:
                return TOO_LONG
            if end - b.end - lead < <Py_ssize_t>captured:
                return MORE
            b.rows[b.count].time = <int64_t>(
                <uint64_t>u32(r.seconds, swapped) * 1_000_000_000
                + <uint64_t>u32(r.fraction, swapped) * unit
            )
            b.rows[b.count].record_size = <uint32_t>lead + captured
            self._row(b, 0, b.end + lead, captured, wire, linktype)
            b.end += lead + captured
        return FULL

    cdef int _walk_pcapng(self, Batch b, Py_ssize_t end, bint swapped, int base) noexcept nogil:
        cdef const uint8_t *p
        cdef uint32_t type, length, trailer
        cdef int stop
        while b.count < CAPACITY:
            if end - b.end < 12:
                return MORE
            p = b.bytes + b.end
            type = u32((<const enhanced_block *>p).type, swapped)
            if type != 6 and type != 3 and type != 2:
                return OTHER
            length = u32((<const enhanced_block *>p).length, swapped)
            if length % 4 or length < 16 or length > MOST_BLOCK:
                return BAD_LENGTH
            if end - b.end < <Py_ssize_t>length:
                return MORE
            memcpy(&trailer, p + length - 4, 4)
            if u32(trailer, swapped) != length:
                return BAD_TRAILER
            stop = self._block(b, p, type, length, swapped, base)
            if stop:
                return stop
            b.end += length
        return FULL

    cdef int _block(
        self, Batch b, const uint8_t *p, uint32_t type, uint32_t length, bint swapped, int base
    ) noexcept nogil:
        """Take one packet block; 0, or why it cannot be one."""
        cdef const enhanced_block *e = <const enhanced_block *>p
        cdef const obsolete_block *o = <const obsolete_block *>p
        cdef const Interface *interface
        cdef uint32_t captured, wire, head = sizeof(enhanced_block)
        cdef int64_t index = base, time = 0
        if type == 3:
            head = sizeof(simple_block)
        elif length < head + 4:
            return BAD_LENGTH
        elif type == 6:
            index += u32(e.interface, swapped)
        else:
            index += bswap_16(o.interface) if swapped else o.interface
        if not 0 <= index < self.interfaces.count:
            return BAD_INTERFACE
        interface = &self.interfaces.table[index]
        if type == 3:
            wire = u32((<const simple_block *>p).wire, swapped)
            captured = min(wire, interface.snaplen) if interface.snaplen else wire
            # Its padding counts for frame bytes in a file whose interface names no snaplen.
            captured = min(captured, length - head - 4)
        else:  # the two other kinds have times and lengths at the same places
            captured = u32(e.captured, swapped)
            wire = u32(e.wire, swapped)
            time = in_ns(interface, u32(e.time_high, swapped), u32(e.time_low, swapped))
        if captured > length - head - 4:
            return BAD_CAPTURED
        b.rows[b.count].time = time
        b.rows[b.count].record_size = length
        self._row(b, <int>index, b.end + head, captured, wire, interface.linktype)
        return 0

    cdef int _walk_ring(self, Batch b, uint32_t left, int interface) noexcept nogil:
        """Take packets from b.end on; leave there where the next one's header stands."""
        cdef const tpacket3_hdr *h
        cdef Py_ssize_t at = b.end, room
        cdef uint32_t captured
        cdef int linktype = self.interfaces.table[interface].linktype
        while left and b.count < CAPACITY:
            room = b.view.len - at
            if room < <Py_ssize_t>sizeof(tpacket3_hdr):
                return BAD_RING
            h = <const tpacket3_hdr *>(b.bytes + at)
            captured = h.captured
            if room < h.mac or room - h.mac < <Py_ssize_t>captured:
                return BAD_RING
            b.rows[b.count].time = <int64_t>h.seconds * 1_000_000_000 + h.nanoseconds
            b.rows[b.count].record_size = captured
            b.end = at + h.mac
            self._row(b, interface, b.end, captured, h.wire, linktype)
            left -= 1
            if left and not <Py_ssize_t>sizeof(tpacket3_hdr) <= h.next_offset <= room:
                return BAD_RING
            at += h.next_offset if left else 0
        b.end = at
        return MORE

    cdef inline void _row(
        self, Batch b, int interface, Py_ssize_t at, uint32_t captured, uint32_t wire, int linktype
    ) noexcept nogil:
        cdef Row *r = &b.rows[b.count]
        r.record = b.end
        r.offset = at
        r.interface = <uint16_t>interface
        if decode(r, b.bytes + at, captured, wire, linktype) & DEFECT_A:
            self.suspects += 1
        b.count += 1

    cdef Batch _batch(self, object data, str form, Py_ssize_t begin, Py_ssize_t end):
        """Take a batch nobody holds any more, or a new one: its rows are the costly part."""
        cdef Batch batch, free = None
        for batch in self.pool:
            if Py_REFCNT(batch) == 2:  # the pool's and ours
                batch.release()  # each: the bytes it looks into may be large, and gone elsewhere
                free = batch
        batch = free
        if batch is None:
            batch = Batch(self.interfaces)
            if len(self.pool) < 4:
                self.pool.append(batch)
        batch.hold(data, form, begin)
        if not 0 <= begin <= end <= batch.view.len:
            raise IndexError("the span is not in the data")
        return batch

    cdef Batch _finish(self, Batch batch, int stop):
        self.damage = _WORDS.get(stop, "")
        self.other = stop == OTHER
        self.more = stop == MORE
        if self.suspects or self.unsplit.busy:
            self.unsplit.settle(batch)
            self.suspects = 0
        return batch
