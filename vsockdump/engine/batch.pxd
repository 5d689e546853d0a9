from cpython.buffer cimport Py_buffer
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

# One packet. The headers stand as they do in a frame, so that a compiler copies them in a few moves;
# a row is two lines of a cache, and a Batch shows its fields as columns.
cdef struct Row:
    uint64_t src_cid        # struct af_vsockmon_hdr
    uint64_t dst_cid
    uint32_t src_port
    uint32_t dst_port
    uint16_t op
    uint16_t transport
    uint16_t trans_len
    uint16_t reserved
    uint32_t virtio_len     # struct virtio_vsock_hdr behind its addresses
    uint16_t virtio_type
    uint16_t virtio_op
    uint32_t virtio_flags
    uint32_t buf_alloc
    uint32_t fwd_cnt
    uint32_t notes          # bits of dissectors.notes.Note
    int64_t time            # nanoseconds since 1970
    uint64_t offset         # where the frame stands in the batch's bytes
    uint64_t record         # where its record or block does; the frame's own place in a ring
    uint32_t record_size    # its bytes, padding and options included
    uint32_t cap_len        # captured bytes of the frame
    uint32_t wire_len       # its bytes before any snaplen
    uint32_t payload        # where the payload stands in the frame
    uint32_t payload_len    # captured bytes of it
    uint16_t interface      # index into the capture's interfaces
    uint16_t layers         # bits of Layers: which headers were read

cdef enum:
    CAPACITY = 4096         # packets in a batch at the most: they fit a second-level cache

cdef enum Layers:
    COOKED = 1
    VSOCKMON = 2
    VIRTIO = 4

cdef struct Interface:
    int linktype
    uint64_t multiply       # ns = units * multiply / divide, or (units * multiply) >> shift
    uint64_t divide
    int shift
    uint64_t offset_ns
    uint32_t snaplen

cdef class Interfaces:
    cdef Interface *table
    cdef readonly int count
    cdef int room

cdef class Batch:
    cdef readonly Interfaces interfaces
    cdef readonly object data
    cdef readonly Py_ssize_t count
    cdef readonly Py_ssize_t begin
    cdef readonly Py_ssize_t end
    cdef readonly str form
    cdef public unsigned long long first
    cdef public bytes blocks
    cdef public dict comments
    cdef Row *rows
    cdef const uint8_t *bytes
    cdef Py_buffer view
    cdef bint held
    cdef readonly bint whole
    cdef uint16_t *places       # of the rows among all that came, once some were left out
    cdef bint chosen
    cdef void hold(self, object data, str form, Py_ssize_t begin) except *
    cdef void release(self) noexcept
    cdef int _remember_places(self) except -1


cdef inline Py_ssize_t place_of(Batch b, Py_ssize_t row) noexcept:
    """Where a packet stood among those of the batch as it came: there it was numbered."""
    return b.places[row] if b.chosen else row
