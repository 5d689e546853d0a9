# What is not read yet: packets, of which newer kernels take only so many, and messages; and too many
# CREDIT_UPDATEs.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from .found cimport *
from .rules cimport *
from .tracking cimport *


cdef inline void count_unread(Tracking *t, Flow *f, int who, uint32_t size) noexcept nogil:
    """Count the packets that are unread for sure: those since one that is unread.

    Newer kernels take only so many (virtio_transport_common.c, virtio_transport_inc_rx_pkt()), and
    look before they merge a small one of a stream into the one before.
    """
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef bint first = <uint32_t>(<uint32_t>s.read - s.unread_from) < HALF
    cdef bint counts = (size > MERGED) | (t.row.virtio_type == TYPE_SEQPACKET) | first
    s.unread_from = <uint32_t>s.tx if first else s.unread_from
    s.unread = 0 if first else s.unread
    if expect((s.unread + 1) * <uint64_t>TRUESIZE > other.buf_alloc, False):
        if other.marks & HEARD:
            too_many(t, f, who)
    s.unread += counts


cdef inline void too_many(Tracking *t, Flow *f, int who) noexcept nogil:
    cdef uint32_t buf_alloc = f.sides[1 - who].buf_alloc
    cdef Side *s = &f.sides[who]
    cdef Found *found
    s.marks |= BEYOND_CEILING
    if s.marks & SAID_CEILING:
        return
    s.marks |= SAID_CEILING
    found = report(t, f, PACKET_CEILING, NOTE, 1 - who, GUESS)
    number(found, s.unread + 1)
    number(found, buf_alloc // TRUESIZE)
    number(found, buf_alloc)


cdef inline void follow_message(Tracking *t, Flow *f, int who) noexcept nogil:
    """Add up a SEQPACKET message, which has to fit into the other end's buffer whole."""
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef SideRare *d = &rare(t, f).sides[who]
    cdef Found *found
    d.message += t.row.virtio_len
    if d.message > other.buf_alloc and other.marks & HEARD and not s.marks & SAID_MESSAGE:
        s.marks |= SAID_MESSAGE
        found = report(t, f, MESSAGE_TOO_LARGE, PROBLEM, who)
        number(found, d.message)
        number(found, other.buf_alloc)
    if t.row.virtio_flags & EOM:
        d.message = 0


cdef inline uint64_t data_packets(const Flow *f, int who) noexcept nogil:
    """The RW packets of a side."""
    cdef uint64_t sum = 0
    cdef int i
    for i in range(SIZES):
        sum += f.sizes[who][i]
    return sum


cdef inline void count_update(Tracking *t, Flow *f, int who) noexcept nogil:
    """Linux sends at most one CREDIT_UPDATE for each packet that is read, but for a few."""
    cdef Side *s = &f.sides[who]
    cdef Side *other = &f.sides[1 - who]
    cdef uint32_t updates = f.ops[who][OP_CREDIT_UPDATE]
    cdef Found *found
    if other.marks & ASKED:
        f.answers[who] += 1
    updates -= f.answers[who]
    if (
        updates <= STORM or s.marks & SAID_STORM
        or updates <= STORM_RATIO * data_packets(f, 1 - who)
    ):
        return
    s.marks |= SAID_STORM
    found = report(t, f, UPDATE_STORM, WARN, who)
    number(found, updates)
    number(found, data_packets(f, 1 - who))
    number(found, other.bytes)
