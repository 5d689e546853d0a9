from libc.stdint cimport int64_t, uint8_t, uint32_t

from .batch cimport Columns

cdef uint32_t decode(
    Columns *c, Py_ssize_t i, const uint8_t *p, uint32_t captured, uint32_t on_wire, int linktype
) noexcept nogil
cdef uint32_t place(
    Columns *c, Py_ssize_t i, int64_t at, int64_t length, int64_t cap, int64_t held
) noexcept nogil
