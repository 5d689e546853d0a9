# Text that grows: who writes has asked for room with `need` before.

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy

cdef struct Buffer:
    char *start
    Py_ssize_t size
    Py_ssize_t room


cdef inline int need(Buffer *b, Py_ssize_t more) except -1:
    """Have room for so many more bytes."""
    if b.room - b.size >= more:
        return 0
    cdef Py_ssize_t room = max(max(b.room * 2, b.size + more), 1 << 16)
    cdef void *start = realloc(b.start, room)
    if start == NULL:
        raise MemoryError
    b.start = <char *>start
    b.room = room
    return 0


cdef inline int put(Buffer *b, bytes text) except -1:
    cdef Py_ssize_t size = len(text)
    memcpy(b.start + b.size, <const char *>text, size)
    b.size += size
    return 0


cdef inline int two(
    Buffer *b, bytes before, int64_t one, bytes between, int64_t other
) except -1:
    """Put a text and a number, then another text and, unless it is -1, another number."""
    put(b, before)
    number(b, <uint64_t>one)
    put(b, between)
    if other >= 0:
        number(b, <uint64_t>other)
    return 0


cdef inline void number(Buffer *b, uint64_t value) noexcept:
    cdef char digits[20]
    cdef int at = 20
    while True:
        at -= 1
        digits[at] = <char>(48 + value % 10)
        value //= 10
        if not value:
            break
    memcpy(b.start + b.size, digits + at, 20 - at)
    b.size += 20 - at


cdef inline void hexadecimal(Buffer *b, uint32_t value) noexcept:
    cdef char digits[8]
    cdef int at = 8
    while True:
        at -= 1
        digits[at] = b"0123456789abcdef"[value & 15]
        value >>= 4
        if not value:
            break
    memcpy(b.start + b.size, digits + at, 8 - at)
    b.size += 8 - at


cdef inline void nanoseconds(Buffer *b, int64_t ns, int digits) noexcept:
    """Put the first so many of a second's nine digits; there is room for all of them."""
    cdef int digit
    cdef char *at = b.start + b.size
    for digit in range(8, -1, -1):
        at[digit] = <char>(48 + ns % 10)
        ns //= 10
    b.size += digits
