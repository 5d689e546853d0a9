# cython: language_level=3
"""A Batch: a block of captured bytes and its columns, one value a packet."""

cimport cython
from cpython.buffer cimport (
    PyBUF_FORMAT, PyBUF_ND, PyBUF_SIMPLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer,
)
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

cdef enum:
    ROW = 128                   # bytes, no less than all columns of one packet have
    STAGGER = 192               # bytes between columns: else a row's values share a cache set
    MOST_INTERFACES = 65536     # what the column can hold


cdef class Interfaces:
    """What the packets of one capture say their interface is; grows as a file describes more."""

    def __dealloc__(self):
        free(self.table)

    def add(self, int linktype, int tsresol=9, long long tsoffset=0, unsigned int snaplen=0):
        """Describe one more interface and return its index in the capture.

        `tsresol` is pcapng's if_tsresol (bit 7: a power of two), `tsoffset` its if_tsoffset in
        seconds, `snaplen` bytes or 0 for none. Raises OverflowError beyond 65536 interfaces.
        """
        if self.count == MOST_INTERFACES:
            raise OverflowError(f"more than {MOST_INTERFACES} interfaces")
        self._grow()
        cdef Interface *new = &self.table[self.count]
        new.linktype = linktype
        new.offset_ns = <unsigned long long>tsoffset * 1_000_000_000
        new.snaplen = snaplen
        _set_resolution(new, tsresol)
        self.count += 1
        return self.count - 1

    def linktype(self, int index):
        """Return the link type of one interface."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.table[index].linktype

    def _grow(self):
        cdef int room = self.room * 2 or 4
        if self.count < self.room:
            return
        cdef Interface *table = <Interface *>realloc(self.table, room * sizeof(Interface))
        if table == NULL:
            raise MemoryError
        self.table = table
        self.room = room


cdef void _set_resolution(Interface *new, int tsresol):
    cdef int power = tsresol & 0x7F
    new.multiply = 1
    new.divide = 1
    new.shift = 0
    if tsresol & 0x80:
        new.multiply = 1_000_000_000
        new.shift = power
    elif power <= 9:
        new.multiply = <unsigned long long>(10 ** (9 - power))
    elif power <= 28:
        new.divide = <unsigned long long>(10 ** (power - 9))
    else:  # finer than 10**-28 s, 64 bits of units are less than a nanosecond
        new.multiply = 0


cdef class _Column:
    """Exports one column through the buffer protocol and keeps its batch alive."""

    cdef Batch batch
    cdef void *start
    cdef bytes format
    cdef Py_ssize_t size
    cdef Py_ssize_t shape
    cdef Py_ssize_t stride

    def __cinit__(self, Batch batch, str name):
        offset, format, size = batch.places[name]
        self.batch = batch
        self.start = <char *>batch.arena + <Py_ssize_t>offset
        self.format = format.encode()
        self.size = size
        self.shape = batch.count
        self.stride = size

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.start, self.shape * self.size, 1, flags)
        view.itemsize = self.size
        view.format = <char *>self.format if flags & PyBUF_FORMAT else NULL
        view.ndim = 1
        if flags & PyBUF_ND:
            view.shape = &self.shape
            view.strides = &self.stride


@cython.no_gc_clear  # the collector must not drop the bytes while their buffer is exported
cdef class Batch:
    """Some packets: their bytes and, for each, what stands in its headers.

    `data` is the block of bytes they were found in, `begin` and `end` the span of their records in
    it, `form` what kind of records these are ("pcap", "pcapng", "ring"), `first` the number of the
    first packet in the capture, from 1. `whole` is false once packets of that span were left out.
    `blocks` holds the pcapng blocks, as they came, that stood before the packets and are none
    themselves.

    A batch is valid until its source is asked for the next one: the bytes behind it are used again.
    """

    def __cinit__(self, Interfaces interfaces):
        self.interfaces = interfaces
        self.arena = malloc(CAPACITY * ROW)
        if self.arena == NULL:
            raise MemoryError
        self.at = <char *>self.arena
        self.places = {}
        self.blocks = b""
        self.form = ""
        self._lay_out()

    def _lay_out(self):
        cdef Columns *c = &self.columns
        c.time = <int64_t *>self.place("time", "q", 8)
        c.offset = <uint64_t *>self.place("offset", "Q", 8)
        c.record = <uint64_t *>self.place("record", "Q", 8)
        c.src_cid = <uint64_t *>self.place("src_cid", "Q", 8)
        c.dst_cid = <uint64_t *>self.place("dst_cid", "Q", 8)
        c.record_size = <uint32_t *>self.place("record_size", "I", 4)
        c.cap_len = <uint32_t *>self.place("cap_len", "I", 4)
        c.wire_len = <uint32_t *>self.place("wire_len", "I", 4)
        c.src_port = <uint32_t *>self.place("src_port", "I", 4)
        c.dst_port = <uint32_t *>self.place("dst_port", "I", 4)
        c.virtio_len = <uint32_t *>self.place("virtio_len", "I", 4)
        c.virtio_flags = <uint32_t *>self.place("virtio_flags", "I", 4)
        c.buf_alloc = <uint32_t *>self.place("buf_alloc", "I", 4)
        c.fwd_cnt = <uint32_t *>self.place("fwd_cnt", "I", 4)
        c.payload = <uint32_t *>self.place("payload", "I", 4)
        c.payload_len = <uint32_t *>self.place("payload_len", "I", 4)
        c.notes = <uint32_t *>self.place("notes", "I", 4)
        c.interface = <uint16_t *>self.place("interface", "H", 2)
        c.op = <uint16_t *>self.place("op", "H", 2)
        c.transport = <uint16_t *>self.place("transport", "H", 2)
        c.trans_len = <uint16_t *>self.place("trans_len", "H", 2)
        c.reserved = <uint16_t *>self.place("reserved", "H", 2)
        c.layers = <uint16_t *>self.place("layers", "H", 2)
        c.virtio_type = <uint16_t *>self.place("virtio_type", "H", 2)
        c.virtio_op = <uint16_t *>self.place("virtio_op", "H", 2)

    cdef void *place(self, str name, str format, Py_ssize_t size) except NULL:
        cdef char *start = self.at
        self.places[name] = (start - <char *>self.arena, format, size)
        self.at += size * CAPACITY + STAGGER
        assert self.at <= <char *>self.arena + CAPACITY * ROW
        return start

    cdef void hold(self, object data, str form, Py_ssize_t begin) except *:
        """Take hold of the bytes the next packets will be found in."""
        self.release()
        PyObject_GetBuffer(data, &self.view, PyBUF_SIMPLE)
        self.held = True
        self.data = data
        self.bytes = <const uint8_t *>self.view.buf
        self.form = form
        self.begin = self.end = begin
        self.count = 0
        self.whole = True
        self.blocks = b""

    cdef void release(self) noexcept:
        if self.held:
            PyBuffer_Release(&self.view)
            self.held = False

    def __dealloc__(self):
        self.release()
        free(self.arena)

    def __len__(self):
        return self.count

    def column(self, str name):
        """Return one column as a typed, contiguous memoryview of `len(batch)` values, no copy.

        Raises KeyError for a name that is none of `names`.
        """
        return memoryview(_Column(self, name))

    @property
    def names(self):
        """The names of all columns."""
        return list(self.places)

    def frame(self, Py_ssize_t row):
        """Return a copy of one captured frame, whole; raises IndexError."""
        if not 0 <= row < self.count:
            raise IndexError(row)
        cdef const uint8_t *start = self.bytes + self.columns.offset[row]
        return start[:self.columns.cap_len[row]]

    def payload(self, Py_ssize_t row):
        """Return a copy of what one packet carried, as far as it was captured; raises IndexError."""
        if not 0 <= row < self.count:
            raise IndexError(row)
        cdef const uint8_t *start = self.bytes + self.columns.offset[row]
        cdef Py_ssize_t at = self.columns.payload[row]
        return start[at:at + self.columns.payload_len[row]]

    def linktype(self, Py_ssize_t row):
        """Return the link type one frame was captured with; raises IndexError."""
        if not 0 <= row < self.count:
            raise IndexError(row)
        return self.interfaces.table[self.columns.interface[row]].linktype

    def head(self, Py_ssize_t count):
        """Forget all packets but the first `count`, and their records."""
        if 0 <= count < self.count:
            self.end = self.columns.record[count]
            self.count = count

    def select(self, bytes mask):
        """Keep only the packets whose byte in `mask` is not 0; raises ValueError for a wrong size.

        Their records stay where they are: `whole` says whether all between begin and end are kept.
        """
        cdef const uint8_t *chosen = mask
        cdef Py_ssize_t row, kept = 0
        if len(mask) != self.count:
            raise ValueError(f"{len(mask)} choices for {self.count} packets")
        for row in range(self.count):
            if chosen[row]:
                if kept != row:
                    self._move(row, kept)
                kept += 1
        self.whole = self.whole and kept == self.count
        self.count = kept

    def _move(self, Py_ssize_t row, Py_ssize_t to):
        cdef char *start
        for offset, _, size in self.places.values():
            start = <char *>self.arena + <Py_ssize_t>offset
            memcpy(start + to * <Py_ssize_t>size, start + row * <Py_ssize_t>size, size)
