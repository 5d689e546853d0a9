# cython: language_level=3
"""Packets that Linux's tap defect A split: which bytes of each are its own."""

cimport cython
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from vsockdump.dissectors.splits import Splits

from .batch cimport VIRTIO, Batch, Row
from .decode cimport place
from .layout cimport af_vsockmon_hdr, be32toh, sll2_header
from .rules cimport DEFECT_A, LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2, OP_RW, TRUNCATED


@cython.auto_pickle(False)
cdef class Unsplit:
    """Keeps, for one capture, what dissectors.Splits must know of the packets before."""

    def __cinit__(self):
        self.splits = Splits()

    cdef void settle(self, Batch b) except *:
        """Ask the packets around an over-long RW which of its bytes are its own."""
        cdef Row *r
        cdef Py_ssize_t i
        for i in range(b.count):
            r = &b.rows[i]
            if r.notes & DEFECT_A:
                self._settle_one(b, r)
            elif self.split[ports(r)] and is_rw(r):
                self._forget(b, r)

    cdef void _settle_one(self, Batch b, Row *r) except *:
        key = self._direction(b, r)
        if key is None:
            return
        at = sizeof(af_vsockmon_hdr) + r.trans_len + (sizeof(sll2_header) if key[1] >= 0 else 0)
        held = r.wire_len - at
        note, offset = self.splits.feed(key, held, r.virtio_len)
        self.split[ports(r)] = self.busy = True
        r.notes = r.notes & ~(DEFECT_A | TRUNCATED) | <uint32_t>int(note)
        r.notes |= place(r, at + <int64_t>offset, r.virtio_len, r.cap_len, held)

    cdef void _forget(self, Batch b, Row *r) except *:
        """A whole RW ends what was split before it; dissectors.Splits says why."""
        key = self._direction(b, r)
        if key is None:
            return
        self.splits.forget(key)
        if not self.splits:
            memset(self.split, 0, SUSPECTS)
            self.busy = False

    cdef object _direction(self, Batch b, Row *r):
        """What stands for one direction of one connection, as seen on one link; None for SLL1."""
        cdef int linktype = b.interfaces.table[r.interface].linktype
        cdef int64_t ifindex = -1
        if linktype == LINKTYPE_LINUX_SLL:
            return None  # it does not name the link: see dissectors
        if linktype == LINKTYPE_LINUX_SLL2:
            ifindex = be32toh((<const sll2_header *>(b.bytes + r.offset)).ifindex)
        return (r.interface, ifindex, r.src_cid, r.dst_cid, r.src_port, r.dst_port)


cdef inline uint32_t ports(Row *r) noexcept nogil:
    return (r.src_port * 31 + r.dst_port) % SUSPECTS


cdef inline bint is_rw(Row *r) noexcept nogil:
    """Whether it is an RW whose headers are all there."""
    return r.layers & VIRTIO and r.virtio_op == OP_RW and r.payload
