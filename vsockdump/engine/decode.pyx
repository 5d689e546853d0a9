# cython: language_level=3
"""One frame to one row of columns: dissectors.dissect() in C.

All lengths are checked before a load. What the numbers mean has one home, the dissectors; this
file takes the values from there, and a property test holds both to the same answers.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from vsockdump.dissectors import LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2, LINKTYPE_VSOCK
from vsockdump.dissectors import virtio as virtio_rules
from vsockdump.dissectors import vsockmon as vsockmon_rules
from vsockdump.dissectors.cooked import ARPHRD_VSOCKMON
from vsockdump.dissectors.notes import Note

from .batch cimport COOKED, VIRTIO, VSOCKMON, Columns
from .layout cimport *

cdef int linktype_vsock = LINKTYPE_VSOCK
cdef int linktype_sll = LINKTYPE_LINUX_SLL
cdef int linktype_sll2 = LINKTYPE_LINUX_SLL2
cdef uint16_t arphrd_vsockmon = ARPHRD_VSOCKMON
cdef uint16_t monitor_op[8]
cdef uint32_t shutdown_flags = sum(virtio_rules.SHUTDOWN_FLAGS)
cdef uint32_t seqpacket_flags = sum(virtio_rules.SEQPACKET_FLAGS)
cdef uint32_t note_truncated = Note.TRUNCATED
cdef uint32_t note_malformed = Note.MALFORMED
cdef uint32_t note_beyond = Note.LEN_BEYOND_FRAME
cdef uint32_t note_defect_a = Note.DEFECT_A
cdef uint32_t note_trailing = Note.TRAILING
cdef uint32_t note_mismatch = Note.MISMATCH
cdef uint32_t note_upper_cid = Note.UPPER_CID
cdef uint32_t note_control_payload = Note.CONTROL_PAYLOAD
cdef uint32_t note_reserved = Note.RESERVED
cdef uint32_t note_odd_len = Note.ODD_LEN
cdef uint32_t note_odd_flags = Note.ODD_FLAGS
cdef uint32_t note_not_vsock = Note.NOT_VSOCK

cdef uint16_t transport_virtio = vsockmon_rules.Transport.VIRTIO
cdef uint16_t op_shutdown = virtio_rules.Op.SHUTDOWN
cdef uint16_t op_rw = virtio_rules.Op.RW
cdef uint16_t type_seqpacket = virtio_rules.Type.SEQPACKET

for _op in range(8):
    monitor_op[_op] = virtio_rules.MONITOR_OP.get(_op, 0)


cdef inline uint32_t missing(int64_t need, int64_t wire) noexcept nogil:
    """Why `need` bytes are not there: cut off by the capture, or never in the frame."""
    return note_truncated if wire >= need else note_malformed


cdef inline int64_t read_link(
    Columns *c, Py_ssize_t i, const uint8_t *p, int64_t cap, int64_t wire, int linktype
) noexcept nogil:
    """Return where the monitor's header begins, or -1."""
    cdef int64_t size
    cdef uint16_t hatype
    if linktype == linktype_vsock:
        return 0
    if linktype != linktype_sll and linktype != linktype_sll2:
        c.notes[i] |= note_not_vsock
        return -1
    size = sizeof(sll_header) if linktype == linktype_sll else sizeof(sll2_header)
    if cap < size:
        c.notes[i] |= missing(size, wire)
        return -1
    c.layers[i] |= COOKED
    if linktype == linktype_sll:
        hatype = be16toh((<const sll_header *>p).hatype)
    else:
        hatype = be16toh((<const sll2_header *>p).hatype)
    if hatype == arphrd_vsockmon:
        return size
    c.notes[i] |= note_not_vsock
    return -1


cdef inline bint read_monitor(
    Columns *c, Py_ssize_t i, const uint8_t *p, int64_t cap, int64_t wire
) noexcept nogil:
    cdef const af_vsockmon_hdr *h = <const af_vsockmon_hdr *>p
    if cap < <int64_t>sizeof(af_vsockmon_hdr):
        c.notes[i] |= missing(sizeof(af_vsockmon_hdr), wire)
        return False
    c.layers[i] |= VSOCKMON
    c.src_cid[i] = le64toh(h.src_cid)
    c.dst_cid[i] = le64toh(h.dst_cid)
    c.src_port[i] = le32toh(h.src_port)
    c.dst_port[i] = le32toh(h.dst_port)
    c.op[i] = le16toh(h.op)
    c.transport[i] = le16toh(h.transport)
    c.trans_len[i] = le16toh(h.len)
    c.reserved[i] = le16toh(h.reserved)
    if h.reserved:
        c.notes[i] |= note_reserved
    if (c.src_cid[i] | c.dst_cid[i]) >> 32:
        c.notes[i] |= note_upper_cid
    return True


cdef inline void read_virtio(Columns *c, Py_ssize_t i, const uint8_t *p) noexcept nogil:
    cdef const virtio_vsock_hdr *h = <const virtio_vsock_hdr *>p
    cdef uint16_t op = le16toh(h.op), type = le16toh(h.type)
    cdef uint32_t known = 0, notes = 0
    c.layers[i] |= VIRTIO
    c.virtio_len[i] = le32toh(h.len)
    c.virtio_type[i] = type
    c.virtio_op[i] = op
    c.virtio_flags[i] = le32toh(h.flags)
    c.buf_alloc[i] = le32toh(h.buf_alloc)
    c.fwd_cnt[i] = le32toh(h.fwd_cnt)
    if (le64toh(h.src_cid) != c.src_cid[i] or le64toh(h.dst_cid) != c.dst_cid[i]
            or le32toh(h.src_port) != c.src_port[i] or le32toh(h.dst_port) != c.dst_port[i]
            or c.op[i] != (monitor_op[op] if op < 8 else 0)):
        notes |= note_mismatch
    if (le64toh(h.src_cid) | le64toh(h.dst_cid)) >> 32:
        notes |= note_upper_cid
    if c.virtio_len[i] and op != op_rw:
        notes |= note_control_payload
    if op == op_shutdown:
        known = shutdown_flags
    elif op == op_rw and type == type_seqpacket:
        known = seqpacket_flags
    if c.virtio_flags[i] & ~known:
        notes |= note_odd_flags
    c.notes[i] |= notes


cdef inline bint read_transport(
    Columns *c, Py_ssize_t i, const uint8_t *p, int64_t cap, int64_t wire
) noexcept nogil:
    cdef int64_t length = c.trans_len[i]
    cdef int64_t room = min(length, wire)
    if c.transport[i] == transport_virtio:
        if min(cap, room) < <int64_t>sizeof(virtio_vsock_hdr):
            c.notes[i] |= missing(sizeof(virtio_vsock_hdr), room)
            blank_virtio(c, i)
            return False
        read_virtio(c, i, p)
        if length > <int64_t>sizeof(virtio_vsock_hdr):
            c.notes[i] |= note_odd_len
    else:
        blank_virtio(c, i)
    if cap < length:
        c.notes[i] |= missing(length, wire)
        return False
    return True


cdef inline void read_body(
    Columns *c, Py_ssize_t i, int64_t at, int64_t cap, int64_t wire
) noexcept nogil:
    """Place the payload that begins `at` bytes into the frame."""
    cdef int64_t held = wire - at, length = held
    if c.layers[i] & VIRTIO:
        length = c.virtio_len[i]
    if length > held:
        c.notes[i] |= note_beyond
    elif length < held:
        c.notes[i] |= note_defect_a if is_rw(c, i) else note_trailing
    place(c, i, at, length, cap, held)


cdef inline bint is_rw(Columns *c, Py_ssize_t i) noexcept nogil:
    return c.layers[i] & VIRTIO and c.virtio_op[i] == op_rw


cdef void place(
    Columns *c, Py_ssize_t i, int64_t at, int64_t length, int64_t cap, int64_t held
) noexcept nogil:
    cdef int64_t start = min(at, cap)
    cdef int64_t captured = min(at + length, cap) - start
    c.payload[i] = <uint32_t>start
    c.payload_len[i] = <uint32_t>captured
    if captured < min(length, held):
        c.notes[i] |= note_truncated


cdef inline void blank_virtio(Columns *c, Py_ssize_t i) noexcept nogil:
    c.virtio_len[i] = c.virtio_flags[i] = c.buf_alloc[i] = c.fwd_cnt[i] = 0
    c.virtio_type[i] = c.virtio_op[i] = 0


cdef inline void blank_all(Columns *c, Py_ssize_t i) noexcept nogil:
    c.src_cid[i] = c.dst_cid[i] = 0
    c.src_port[i] = c.dst_port[i] = 0
    c.op[i] = c.transport[i] = c.trans_len[i] = c.reserved[i] = 0
    blank_virtio(c, i)


cdef void decode(
    Columns *c, Py_ssize_t i, const uint8_t *p, uint32_t captured, uint32_t on_wire, int linktype
) noexcept nogil:
    """Fill row `i` from the frame at `p`: dissectors.dissect() in C."""
    cdef int64_t cap = captured, wire = max(captured, on_wire), at
    c.cap_len[i] = captured
    c.wire_len[i] = <uint32_t>wire
    c.notes[i] = c.layers[i] = 0
    c.payload[i] = c.payload_len[i] = 0
    at = read_link(c, i, p, cap, wire, linktype)
    if at < 0 or not read_monitor(c, i, p + at, cap - at, wire - at):
        blank_all(c, i)
        return
    at += sizeof(af_vsockmon_hdr)
    if read_transport(c, i, p + at, cap - at, wire - at):
        read_body(c, i, at + c.trans_len[i], cap, wire)
