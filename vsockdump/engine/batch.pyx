# cython: language_level=3
"""A Batch: a block of captured bytes and its columns, one value a packet."""

cimport cython
from cpython.buffer cimport (
    PyBUF_FORMAT, PyBUF_SIMPLE, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from libc.stdint cimport uint8_t, uint16_t
from libc.stdlib cimport free, malloc, realloc

cdef extern from "<string.h>" nogil:  # GNU's; Python.h asks for its extensions
    void *memmem(const void *haystack, size_t size, const void *needle, size_t needle_size)

HAS_VSOCKMON, HAS_VIRTIO = VSOCKMON, VIRTIO
"""Bits of the column `layers`: which headers were read."""

cdef enum:
    MOST_INTERFACES = 65536     # what the column can hold


@cython.auto_pickle(False)
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


cdef Row _like           # any row: all have their fields at the same places
cdef dict _FIELDS = {}   # name -> (offset in a row, format of struct, bytes)


cdef void _field(str name, str format, void *place):
    size = {"H": 2, "I": 4, "Q": 8, "q": 8}[format]
    _FIELDS[name] = (<char *>place - <char *>&_like, format, size)


cdef void _fields():
    """Write down where a row has each of its fields, in the order a packet is read."""
    cdef Row *row = &_like
    _field("time", "q", &row.time)
    _field("interface", "H", &row.interface)
    _field("cap_len", "I", &row.cap_len)
    _field("wire_len", "I", &row.wire_len)
    _field("offset", "Q", &row.offset)
    _field("record", "Q", &row.record)
    _field("record_size", "I", &row.record_size)
    _field("layers", "H", &row.layers)
    _field("src_cid", "Q", &row.src_cid)
    _field("dst_cid", "Q", &row.dst_cid)
    _field("src_port", "I", &row.src_port)
    _field("dst_port", "I", &row.dst_port)
    _field("op", "H", &row.op)
    _field("transport", "H", &row.transport)
    _field("trans_len", "H", &row.trans_len)
    _field("reserved", "H", &row.reserved)
    _field("virtio_len", "I", &row.virtio_len)
    _field("virtio_type", "H", &row.virtio_type)
    _field("virtio_op", "H", &row.virtio_op)
    _field("virtio_flags", "I", &row.virtio_flags)
    _field("buf_alloc", "I", &row.buf_alloc)
    _field("fwd_cnt", "I", &row.fwd_cnt)
    _field("payload", "I", &row.payload)
    _field("payload_len", "I", &row.payload_len)
    _field("notes", "I", &row.notes)


_fields()


@cython.auto_pickle(False)
cdef class _Column:
    """Shows one field of every row through the buffer protocol, and keeps its batch alive."""

    cdef Batch batch
    cdef char *start
    cdef bytes format
    cdef Py_ssize_t size
    cdef Py_ssize_t shape
    cdef Py_ssize_t stride

    def __cinit__(self, Batch batch not None, str name):
        offset, format, size = _FIELDS[name]
        self.batch = batch
        self.start = <char *>batch.rows + <Py_ssize_t>offset
        self.format = format.encode()
        self.size = size
        self.shape = batch.count
        self.stride = sizeof(Row)

    def __getbuffer__(self, Py_buffer *view, int flags):
        if (flags & PyBUF_STRIDES) != PyBUF_STRIDES:
            raise BufferError("a column is not contiguous")
        if flags & PyBUF_WRITABLE:
            raise BufferError("a column cannot be written to")
        view.obj = self
        view.buf = self.start
        view.len = self.shape * self.size
        view.readonly = True
        view.itemsize = self.size
        view.format = <char *>self.format if flags & PyBUF_FORMAT else NULL
        view.ndim = 1
        view.shape = &self.shape
        view.strides = &self.stride
        view.suboffsets = NULL
        view.internal = NULL


@cython.auto_pickle(False)
@cython.no_gc_clear  # the collector must not drop the bytes while their buffer is exported
cdef class Batch:
    """Some packets: their bytes and, for each, what stands in its headers.

    `data` is the block of bytes they were found in, `begin` and `end` the span of their records in
    it, `form` what kind of records these are: "pcapng", "ring", "pcap/N" for plain pcap of this
    machine's byte order with N nanoseconds a unit, "pcap" for any other. `first` is the number of
    the first packet in the capture, from 1. `whole` is false once packets of that span were left out.
    `blocks` holds the pcapng blocks, as they came, that stood before the packets and are none
    themselves. `comments` is for what a sink has to say about a packet, by its place, in UTF-8; a
    pcapng file that is made from the batch keeps it.

    A batch is valid until its source is asked for the next one: the bytes behind it are used again.
    """

    def __cinit__(self, Interfaces interfaces not None):
        self.interfaces = interfaces
        self.rows = <Row *>malloc(CAPACITY * sizeof(Row))
        if self.rows == NULL:
            raise MemoryError
        self.blocks = b""
        self.comments = {}
        self.form = ""

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
        self.chosen = False
        self.blocks = b""
        if self.comments:
            self.comments = {}

    cdef void release(self) noexcept:
        if self.held:
            PyBuffer_Release(&self.view)
            self.held = False
            self.data = None

    def __dealloc__(self):
        self.release()
        free(self.rows)
        free(self.places)

    def __len__(self):
        return self.count

    def column(self, str name):
        """Return one column as a typed memoryview of `len(batch)` values, strided, no copy.

        Raises KeyError for a name that is none of `names`.
        """
        return memoryview(_Column(self, name))

    @property
    def names(self):
        """The names of all columns."""
        return list(_FIELDS)

    def frame(self, Py_ssize_t row):
        """Return a copy of one captured frame, whole; raises IndexError."""
        if not 0 <= row < self.count:
            raise IndexError(row)
        cdef const uint8_t *start = self.bytes + self.rows[row].offset
        return start[:self.rows[row].cap_len]

    def payload(self, Py_ssize_t row):
        """Return a copy of what one packet carried, as far as it was captured; raises IndexError."""
        if not 0 <= row < self.count:
            raise IndexError(row)
        cdef const uint8_t *start = self.bytes + self.rows[row].offset
        cdef Py_ssize_t at = self.rows[row].payload
        return start[at:at + self.rows[row].payload_len]

    def linktype(self, Py_ssize_t row):
        """Return the link type one frame was captured with; raises IndexError."""
        if not 0 <= row < self.count:
            raise IndexError(row)
        return self.interfaces.table[self.rows[row].interface].linktype

    def place(self, Py_ssize_t row):
        """Return which row a packet was before select(); raises IndexError."""
        if not 0 <= row < self.count:
            raise IndexError(row)
        return place_of(self, row)

    def number(self, Py_ssize_t row):
        """Return a packet's number in the capture, from 1; raises IndexError."""
        return self.first + <Py_ssize_t>self.place(row)

    def find(self, unsigned int ops):
        """Return the rows whose virtio op is one of `ops`, a bit each: 1 << op."""
        cdef const Row *row = self.rows
        cdef Py_ssize_t i
        found = []
        for i in range(self.count):
            if ops >> (row[i].virtio_op & 31) & 1 and row[i].virtio_op < 32 and row[i].layers & VIRTIO:
                found.append(i)
        return found

    def contains(self, bytes needle not None):
        """Return a byte a packet: 1 where the payload, as far as captured, has these bytes in it."""
        cdef uint8_t[CAPACITY] found
        cdef const char *start = needle
        cdef size_t size = len(needle)
        cdef const Row *row
        cdef Py_ssize_t i
        with nogil:
            for i in range(self.count):
                row = &self.rows[i]
                found[i] = memmem(
                    self.bytes + row.offset + row.payload, row.payload_len, start, size
                ) != NULL
        return found[:self.count]

    def head(self, Py_ssize_t count):
        """Forget all packets but the first `count`, and their records."""
        if 0 <= count < self.count:
            self.end = self.rows[count].record
            self.count = count

    def select(self, bytes mask not None):
        """Keep only the packets whose byte in `mask` is not 0; raises ValueError for a wrong size.

        Each keeps its place, and so its number. Their records stay where they are: `whole` says
        whether all between begin and end are kept.
        """
        cdef const uint8_t *wanted = mask
        cdef Py_ssize_t row, kept = 0
        if len(mask) != self.count:
            raise ValueError(f"{len(mask)} choices for {self.count} packets")
        self._remember_places()
        for row in range(self.count):
            if wanted[row]:
                self.rows[kept] = self.rows[row]
                self.places[kept] = self.places[row]
                kept += 1
        self.whole = self.whole and kept == self.count
        self.count = kept

    cdef int _remember_places(self) except -1:
        cdef Py_ssize_t row
        if self.places == NULL:
            self.places = <uint16_t *>malloc(CAPACITY * sizeof(uint16_t))
        if self.places == NULL:
            raise MemoryError
        for row in range(0 if self.chosen else self.count):
            self.places[row] = <uint16_t>row
        self.chosen = True
        return 0
