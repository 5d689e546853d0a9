# One frame to one row of columns: dissectors.dissect() in C.
#
# All lengths are checked before a load. Inline, so that the loops over frames have it in them.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp

from .batch cimport COOKED, VIRTIO, VSOCKMON, Columns
from .layout cimport *
from .rules cimport *

# Each reader returns the notes on what it read. Where it could read nothing further, STOP is set
# among them, and the columns of what was not read are blank.
cdef enum:
    STOP = 1 << 31


cdef inline uint32_t missing(int64_t need, int64_t wire) noexcept nogil:
    """Why `need` bytes are not there: cut off by the capture, or never in the frame."""
    return STOP | (TRUNCATED if wire >= need else MALFORMED)


cdef inline uint32_t read_cooked(
    const uint8_t *p, int64_t cap, int64_t wire, int linktype, int64_t *at
) noexcept nogil:
    """Read what stands before the monitor's header in a cooked capture; `at` is its size."""
    cdef int64_t size
    cdef uint16_t hatype
    if linktype != LINKTYPE_LINUX_SLL and linktype != LINKTYPE_LINUX_SLL2:
        return STOP | NOT_VSOCK
    size = sizeof(sll_header) if linktype == LINKTYPE_LINUX_SLL else sizeof(sll2_header)
    if cap < size:
        return missing(size, wire)
    at[0] = size
    if linktype == LINKTYPE_LINUX_SLL:
        hatype = be16toh((<const sll_header *>p).hatype)
    else:
        hatype = be16toh((<const sll2_header *>p).hatype)
    return 0 if hatype == ARPHRD_VSOCKMON else STOP | NOT_VSOCK


cdef inline uint32_t read_monitor(
    Columns *c, Py_ssize_t i, const uint8_t *p, int64_t cap, int64_t wire
) noexcept nogil:
    cdef const af_vsockmon_hdr *h = <const af_vsockmon_hdr *>p
    cdef uint64_t src_cid, dst_cid
    if cap < <int64_t>sizeof(af_vsockmon_hdr):
        return missing(sizeof(af_vsockmon_hdr), wire)
    src_cid = c.src_cid[i] = le64toh(h.src_cid)
    dst_cid = c.dst_cid[i] = le64toh(h.dst_cid)
    c.src_port[i] = le32toh(h.src_port)
    c.dst_port[i] = le32toh(h.dst_port)
    c.op[i] = le16toh(h.op)
    c.transport[i] = le16toh(h.transport)
    c.trans_len[i] = le16toh(h.len)
    c.reserved[i] = le16toh(h.reserved)
    return (
        (RESERVED if h.reserved else 0)
        | (UPPER_CID if (src_cid | dst_cid) >> 32 else 0)
    )


cdef inline uint32_t read_virtio(
    Columns *c, Py_ssize_t i, const uint8_t *p, const af_vsockmon_hdr *m
) noexcept nogil:
    cdef const virtio_vsock_hdr *h = <const virtio_vsock_hdr *>p
    cdef uint16_t op = le16toh(h.op), type = le16toh(h.type)
    cdef uint32_t length = le32toh(h.len), flags = le32toh(h.flags), notes = 0
    c.virtio_len[i] = length
    c.virtio_type[i] = type
    c.virtio_op[i] = op
    c.virtio_flags[i] = flags
    c.buf_alloc[i] = le32toh(h.buf_alloc)
    c.fwd_cnt[i] = le32toh(h.fwd_cnt)
    # CIDs and ports stand in both headers in the same order, 24 bytes of them.
    if memcmp(h, m, 24) or le16toh(m.op) != monitor_op(op):
        notes |= MISMATCH
    if (le64toh(h.src_cid) | le64toh(h.dst_cid)) >> 32:
        notes |= UPPER_CID
    if length and op != OP_RW:
        notes |= CONTROL_PAYLOAD
    if flags and flags & ~known_flags(op, type):
        notes |= ODD_FLAGS
    return notes


cdef inline uint16_t monitor_op(uint16_t op) noexcept nogil:
    """The monitor's op for a packet's: dissectors.virtio.MONITOR_OP."""
    if op == OP_RW:
        return 4
    if op == OP_REQUEST or op == OP_RESPONSE:
        return 1
    if op == OP_RST or op == OP_SHUTDOWN:
        return 2
    return 3 if op == OP_CREDIT_UPDATE or op == OP_CREDIT_REQUEST else 0


cdef inline uint32_t known_flags(uint16_t op, uint16_t type) noexcept nogil:
    """The flag bits that mean something: dissectors.virtio.meaning()."""
    if op == OP_SHUTDOWN:
        return 3
    return 3 if op == OP_RW and type == TYPE_SEQPACKET else 0


cdef inline uint32_t read_transport(
    Columns *c, Py_ssize_t i, const uint8_t *p, int64_t cap, int64_t wire, uint32_t *layers
) noexcept nogil:
    """Read the transport header at `p`, right behind the monitor's."""
    cdef const af_vsockmon_hdr *m = <const af_vsockmon_hdr *>(p - sizeof(af_vsockmon_hdr))
    cdef int64_t length = le16toh(m.len)
    cdef int64_t room = min(length, wire)
    cdef uint32_t notes = 0
    if le16toh(m.transport) != TRANSPORT_VIRTIO:
        blank_virtio(c, i)
    elif min(cap, room) < <int64_t>sizeof(virtio_vsock_hdr):
        blank_virtio(c, i)
        return missing(sizeof(virtio_vsock_hdr), room)
    else:
        layers[0] |= VIRTIO
        notes = read_virtio(c, i, p, m)
        if length > <int64_t>sizeof(virtio_vsock_hdr):
            notes |= ODD_LEN
    return notes if cap >= length else notes | missing(length, wire)


cdef inline uint32_t read_body(
    Columns *c, Py_ssize_t i, int64_t at, int64_t cap, int64_t wire, uint32_t layers
) noexcept nogil:
    """Place the payload that begins `at` bytes into the frame."""
    cdef int64_t held = wire - at, length = held
    cdef uint32_t notes = 0
    if layers & VIRTIO:
        length = c.virtio_len[i]
    if length > held:
        notes = LEN_BEYOND_FRAME
    elif length < held:
        notes = DEFECT_A if layers & VIRTIO and c.virtio_op[i] == OP_RW else TRAILING
    return notes | place(c, i, at, length, cap, held)


cdef inline uint32_t place(
    Columns *c, Py_ssize_t i, int64_t at, int64_t length, int64_t cap, int64_t held
) noexcept nogil:
    cdef int64_t start = min(at, cap)
    cdef int64_t captured = min(at + length, cap) - start
    c.payload[i] = <uint32_t>start
    c.payload_len[i] = <uint32_t>captured
    return TRUNCATED if captured < min(length, held) else 0


cdef inline void blank_virtio(Columns *c, Py_ssize_t i) noexcept nogil:
    c.virtio_len[i] = c.virtio_flags[i] = c.buf_alloc[i] = c.fwd_cnt[i] = 0
    c.virtio_type[i] = c.virtio_op[i] = 0


cdef inline void blank_monitor(Columns *c, Py_ssize_t i) noexcept nogil:
    c.src_cid[i] = c.dst_cid[i] = 0
    c.src_port[i] = c.dst_port[i] = 0
    c.op[i] = c.transport[i] = c.trans_len[i] = c.reserved[i] = 0
    blank_virtio(c, i)


cdef inline uint32_t read_frame(
    Columns *c, Py_ssize_t i, const uint8_t *p, int64_t cap, int64_t wire, int linktype,
    uint32_t *layers,
) noexcept nogil:
    cdef int64_t at = 0
    cdef uint32_t notes = 0
    if linktype != LINKTYPE_VSOCK:
        notes = read_cooked(p, cap, wire, linktype, &at)
        layers[0] |= COOKED if at else 0
    if not notes & STOP:
        notes |= read_monitor(c, i, p + at, cap - at, wire - at)
    if notes & STOP:
        blank_monitor(c, i)
        return notes
    layers[0] |= VSOCKMON
    at += sizeof(af_vsockmon_hdr)
    notes |= read_transport(c, i, p + at, cap - at, wire - at, layers)
    if notes & STOP:
        return notes
    return notes | read_body(c, i, at + c.trans_len[i], cap, wire, layers[0])


cdef inline uint32_t decode(
    Columns *c, Py_ssize_t i, const uint8_t *p, uint32_t captured, uint32_t on_wire, int linktype
) noexcept nogil:
    """Fill row `i` from the frame at `p`, as dissectors.dissect() would; return its notes."""
    cdef uint32_t wire = max(captured, on_wire), notes, layers = 0
    c.cap_len[i] = captured
    c.wire_len[i] = wire
    c.payload[i] = c.payload_len[i] = 0
    notes = read_frame(c, i, p, captured, wire, linktype, &layers) & ~<uint32_t>STOP
    c.layers[i] = <uint16_t>layers
    c.notes[i] = notes
    return notes
