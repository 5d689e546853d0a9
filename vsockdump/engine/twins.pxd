# Packets that a capture holds twice.
#
# A capture of `any` has each packet once for every vsockmon link, right after each other, and LINUX_SLL
# does not say which link; kernels before 5.7 tapped a packet again when the queue to the device was
# full. Nothing in a frame tells a duplicate from an equal packet sent again, so all of this is only
# asked where duplicates are known to come.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from .ends cimport OPENING
from .layout cimport be32toh, sll2_header, sll_header
from .tracking cimport *

cdef inline uint32_t fingerprint(const uint8_t *p, uint32_t size) noexcept nogil:
    cdef uint32_t i, h = 2166136261  # FNV-1a
    for i in range(size):
        h = (h ^ p[i]) * 16777619
    return h


cdef inline bint is_twin(Tracking *t, Flow *f, int who, Capture *c) noexcept nogil:
    """Whether this packet is the last one of its side once more."""
    cdef SideRare *d = &rare(t, f).sides[who]
    cdef const uint8_t *frame = t.bytes + t.row.offset
    cdef uint32_t lead = link_header(c)
    cdef uint32_t print = fingerprint(frame + lead, t.row.cap_len - lead)
    cdef uint32_t link = be32toh((<const sll2_header *>frame).ifindex) if c.names_links else 0
    cdef bint equal = print == d.twin and 0 <= t.time - d.twin_time <= TWIN
    if c.names_links:
        equal = equal and link != d.twin_link
    elif c.cooked:
        if f.state == OPENING and who == 1 and not rare(t, f).sides[0].twin_seen:
            c.single = True  # Linux sends no REQUEST twice, but here it would have come twice
        equal = equal and not (d.twin_seen or c.single)
    if equal and f.sides[who].packets:
        d.twin_seen = True
        d.twin_bytes += t.row.virtio_len
        return True
    d.twin, d.twin_link, d.twin_time, d.twin_seen = print, link, t.time, False
    return False


cdef inline uint32_t link_header(const Capture *c) noexcept nogil:
    """Bytes before the monitor's header, in which duplicates may differ."""
    if not c.cooked:
        return 0
    return sizeof(sll2_header) if c.names_links else sizeof(sll_header)
