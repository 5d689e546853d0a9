# The tracker, as other parts of the engine see it.

cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .batch cimport Batch
from .tracking cimport StepNow, Tracking


cdef struct Rank:               # a connection, and how much it has of something
    uint64_t amount, number
    uint32_t slot


@cython.final
cdef class Tracker:
    cdef Tracking t
    cdef Batch batch
    cdef Py_ssize_t fed         # up to which place packets of the last batch may have come
    cdef size_t earlier         # findings from before the last batch
    cdef list over
    cdef object guide           # another Tracker
    cdef int64_t free_after(self, Py_ssize_t place, int side) noexcept
    cdef int64_t _slot_of(self, uint64_t number) noexcept
    cdef StepNow *_step(self, Py_ssize_t place) except NULL
    cdef bint _is_here(self, uint32_t slot) noexcept nogil
    cdef Py_ssize_t _choose(self, Rank *best, Py_ssize_t most, int what) noexcept nogil
    cdef list _in_order(self)
    cdef list _ranked(self, Py_ssize_t most, str by)
