from libc.stdint cimport uint8_t

from .batch cimport Batch, Row

cdef enum:
    SUSPECTS = 1024         # kinds of ports told apart among connections that were split

cdef class Unsplit:
    cdef object splits
    cdef bint busy                  # some connection was split not long ago
    cdef uint8_t split[SUSPECTS]    # which, by a hash of their ports
    cdef void settle(self, Batch b) except *
    cdef void _settle_one(self, Batch b, Row *r) except *
    cdef void _forget(self, Batch b, Row *r) except *
    cdef object _direction(self, Batch b, Row *r)
