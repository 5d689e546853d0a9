# One frame to one row: dissectors.dissect() in C.
#
# All lengths are checked before a load. Inline, so that the loops over frames have it in them.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp

from .batch cimport COOKED, VIRTIO, VSOCKMON, Row
from .layout cimport *
from .rules cimport *

# Each reader returns the notes on what it read. Where it could read nothing further, STOP is set
# among them, and the fields of what was not read are blank.
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
    Row *r, const uint8_t *p, int64_t cap, int64_t wire
) noexcept nogil:
    cdef const af_vsockmon_hdr *h = <const af_vsockmon_hdr *>p
    cdef uint64_t src_cid, dst_cid
    if cap < <int64_t>sizeof(af_vsockmon_hdr):
        return missing(sizeof(af_vsockmon_hdr), wire)
    src_cid = r.src_cid = le64toh(h.src_cid)
    dst_cid = r.dst_cid = le64toh(h.dst_cid)
    r.src_port = le32toh(h.src_port)
    r.dst_port = le32toh(h.dst_port)
    r.op = le16toh(h.op)
    r.transport = le16toh(h.transport)
    r.trans_len = le16toh(h.len)
    r.reserved = le16toh(h.reserved)
    return (
        (RESERVED if h.reserved else 0)
        | (UPPER_CID if (src_cid | dst_cid) >> 32 else 0)
    )


cdef inline uint32_t read_virtio(
    Row *r, const uint8_t *p, const af_vsockmon_hdr *m
) noexcept nogil:
    cdef const virtio_vsock_hdr *h = <const virtio_vsock_hdr *>p
    cdef uint16_t op = le16toh(h.op), type = le16toh(h.type)
    cdef uint32_t length = le32toh(h.len), flags = le32toh(h.flags), notes = 0
    r.virtio_len = length
    r.virtio_type = type
    r.virtio_op = op
    r.virtio_flags = flags
    r.buf_alloc = le32toh(h.buf_alloc)
    r.fwd_cnt = le32toh(h.fwd_cnt)
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
    """The monitor's op for a packet's, a digit each: dissectors.virtio.MONITOR_OP.

    No branches: which op comes next cannot be foretold, and they took a third of a scan's time.
    """
    return (0x33422110 >> (4 * op)) & 15 if op < 8 else 0


cdef inline uint32_t known_flags(uint16_t op, uint16_t type) noexcept nogil:
    """The flag bits that mean something: dissectors.virtio.meaning()."""
    if op == OP_SHUTDOWN:
        return 3
    return 3 if op == OP_RW and type == TYPE_SEQPACKET else 0


cdef inline uint32_t read_transport(
    Row *r, const uint8_t *p, int64_t cap, int64_t wire, uint32_t *layers
) noexcept nogil:
    """Read the transport header at `p`, right behind the monitor's."""
    cdef const af_vsockmon_hdr *m = <const af_vsockmon_hdr *>(p - sizeof(af_vsockmon_hdr))
    cdef int64_t length = le16toh(m.len)
    cdef int64_t room = min(length, wire)
    cdef uint32_t notes = 0
    if le16toh(m.transport) != TRANSPORT_VIRTIO:
        blank_virtio(r)
    elif min(cap, room) < <int64_t>sizeof(virtio_vsock_hdr):
        blank_virtio(r)
        return missing(sizeof(virtio_vsock_hdr), room)
    else:
        layers[0] |= VIRTIO
        notes = read_virtio(r, p, m)
        if length > <int64_t>sizeof(virtio_vsock_hdr):
            notes |= ODD_LEN
    return notes if cap >= length else notes | missing(length, wire)


cdef inline uint32_t read_body(
    Row *r, int64_t at, int64_t cap, int64_t wire, uint32_t layers
) noexcept nogil:
    """Place the payload that begins `at` bytes into the frame."""
    cdef int64_t held = wire - at, length = held
    cdef uint32_t notes = 0
    if layers & VIRTIO:
        length = r.virtio_len
    if length > held:
        notes = LEN_BEYOND_FRAME
    elif length < held:
        notes = DEFECT_A if layers & VIRTIO and r.virtio_op == OP_RW else TRAILING
    return notes | place(r, at, length, cap, held)


cdef inline uint32_t place(
    Row *r, int64_t at, int64_t length, int64_t cap, int64_t held
) noexcept nogil:
    cdef int64_t start = min(at, cap)
    cdef int64_t captured = min(at + length, cap) - start
    r.payload = <uint32_t>start
    r.payload_len = <uint32_t>captured
    return TRUNCATED if captured < min(length, held) else 0


cdef inline void blank_virtio(Row *r) noexcept nogil:
    r.virtio_len = r.virtio_flags = r.buf_alloc = r.fwd_cnt = 0
    r.virtio_type = r.virtio_op = 0


cdef inline void blank_monitor(Row *r) noexcept nogil:
    r.src_cid = r.dst_cid = 0
    r.src_port = r.dst_port = 0
    r.op = r.transport = r.trans_len = r.reserved = 0
    blank_virtio(r)


cdef inline uint32_t read_frame(
    Row *r, const uint8_t *p, int64_t cap, int64_t wire, int linktype,
    uint32_t *layers,
) noexcept nogil:
    cdef int64_t at = 0
    cdef uint32_t notes = 0
    if linktype != LINKTYPE_VSOCK:
        notes = read_cooked(p, cap, wire, linktype, &at)
        layers[0] |= COOKED if at else 0
    if not notes & STOP:
        notes |= read_monitor(r, p + at, cap - at, wire - at)
    if notes & STOP:
        blank_monitor(r)
        return notes
    layers[0] |= VSOCKMON
    at += sizeof(af_vsockmon_hdr)
    notes |= read_transport(r, p + at, cap - at, wire - at, layers)
    if notes & STOP:
        return notes
    return notes | read_body(r, at + r.trans_len, cap, wire, layers[0])


cdef inline uint32_t decode(
    Row *r, const uint8_t *p, uint32_t captured, uint32_t on_wire, int linktype
) noexcept nogil:
    """Fill row `i` from the frame at `p`, as dissectors.dissect() would; return its notes."""
    cdef uint32_t wire = max(captured, on_wire), notes, layers = 0
    r.cap_len = captured
    r.wire_len = wire
    r.payload = r.payload_len = 0
    notes = read_frame(r, p, captured, wire, linktype, &layers) & ~<uint32_t>STOP
    r.layers = <uint16_t>layers
    r.notes = notes
    return notes
