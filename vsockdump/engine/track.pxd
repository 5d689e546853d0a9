# The tracker, as other parts of the engine see it.

cimport cython
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from .batch cimport Batch, Row
from .connection cimport Flow
from .tracking cimport Tracking
from .twins cimport Capture

cdef enum:
    AHEAD_OF_USE = 32           # hashes kept

cdef struct CreditNow:
    uint32_t tx_cnt
    uint32_t fwd_cnt
    uint64_t in_flight
    int64_t window
    int64_t free

cdef struct StepNow:
    uint64_t flow
    int side
    CreditNow sides[2]

@cython.final
cdef class Tracker:
    cdef Tracking t
    cdef Capture *captures
    cdef StepNow *steps
    cdef Batch batch
    cdef uint32_t hashes[AHEAD_OF_USE]
    cdef size_t earlier         # findings from before the last batch
    cdef bint keep, finished
    cdef list over
    cdef int64_t free_after(self, Py_ssize_t row, int side) noexcept
    cdef void _know_links(self, Batch batch) noexcept
    cdef void _ask_index(self, Py_ssize_t i) noexcept nogil
    cdef void _ask_flow(self, Py_ssize_t i) noexcept nogil
    cdef void _take(self, Py_ssize_t i) noexcept nogil
    cdef void _pass_time(self, int64_t time) noexcept nogil
    cdef void _expire(self) noexcept nogil
    cdef int _next_timer(self) noexcept nogil
    cdef void _follow(self, const Row *r) noexcept nogil
    cdef bint _is_new(self, const Flow *f) noexcept nogil
    cdef Flow *_open(self, const Row *r, uint32_t hash, uint32_t old) noexcept nogil
    cdef void _count(self, Flow *f, int side) noexcept nogil
    cdef void _act(self, Flow *f, int side) noexcept nogil
    cdef void _evict(self) noexcept nogil
    cdef void _retire_one(self) noexcept nogil
    cdef void _end(self, Flow *f) noexcept nogil
    cdef object _snapshot(self, Flow *f)
    cdef object _side(self, Flow *f, int who)
