# cython: language_level=3
"""The packets of a Batch as records of a capture file, in this machine's byte order."""

from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from .batch cimport Batch, Columns
from .layout cimport enhanced_block, pcap_record

cdef enum:
    ENHANCED_PACKET = 6


cdef inline uint32_t padded(uint32_t size) noexcept nogil:
    return (size + 3) & ~<uint32_t>3


cdef inline Py_ssize_t pcap_size(Columns *c, Py_ssize_t i) noexcept nogil:
    return sizeof(pcap_record) + c.cap_len[i]


cdef inline Py_ssize_t pcapng_size(Columns *c, Py_ssize_t i) noexcept nogil:
    return sizeof(enhanced_block) + padded(c.cap_len[i]) + 4


def sizes(Batch batch, str form):
    """Return the bytes each packet's record has: "pcap", "pcapng", or "" for as it came."""
    cdef Columns *c = &batch.columns
    cdef Py_ssize_t i
    if form == "pcap":
        return [pcap_size(c, i) for i in range(batch.count)]
    if form == "pcapng":
        return [pcapng_size(c, i) for i in range(batch.count)]
    return [c.record_size[i] for i in range(batch.count)]


def raw(Batch batch, Py_ssize_t begin, Py_ssize_t end):
    """Return the records of rows begin <= row < end as they stood in their file."""
    cdef Columns *c = &batch.columns
    cdef Py_ssize_t i
    _check(batch, begin, end)
    if batch.whole and begin < end:
        start = c.record[begin]
        return memoryview(batch.data)[start:c.record[end - 1] + c.record_size[end - 1]]
    view = memoryview(batch.data)
    return b"".join([view[c.record[i]:c.record[i] + c.record_size[i]] for i in range(begin, end)])


def pcap(Batch batch, Py_ssize_t begin, Py_ssize_t end, bint nano):
    """Return rows begin <= row < end as pcap records, times in micro- or nanoseconds.

    Times outside the 32 bits of seconds that pcap has wrap around.
    """
    cdef Columns *c = &batch.columns
    cdef Py_ssize_t i, total = 0
    cdef int64_t unit = 1 if nano else 1000
    cdef char *at
    _check(batch, begin, end)
    for i in range(begin, end):
        total += pcap_size(c, i)
    out = PyBytes_FromStringAndSize(NULL, total)
    at = PyBytes_AsString(out)
    with nogil:
        for i in range(begin, end):
            _pcap_record(c, i, unit, <pcap_record *>at)
            memcpy(at + sizeof(pcap_record), batch.bytes + c.offset[i], c.cap_len[i])
            at += pcap_size(c, i)
    return out


def pcapng(Batch batch, Py_ssize_t begin, Py_ssize_t end):
    """Return rows begin <= row < end as enhanced packet blocks with times in nanoseconds."""
    cdef Columns *c = &batch.columns
    cdef Py_ssize_t i, total = 0
    cdef char *at
    _check(batch, begin, end)
    for i in range(begin, end):
        total += pcapng_size(c, i)
    out = PyBytes_FromStringAndSize(NULL, total)
    at = PyBytes_AsString(out)
    with nogil:
        for i in range(begin, end):
            _enhanced_block(c, i, batch.bytes + c.offset[i], at)
            at += pcapng_size(c, i)
    return out


cdef void _pcap_record(Columns *c, Py_ssize_t i, int64_t unit, pcap_record *r) noexcept nogil:
    # Cython divides as Python does: a time before 1970 has a fraction that is positive.
    r.seconds = <uint32_t>(c.time[i] // 1_000_000_000)
    r.fraction = <uint32_t>(c.time[i] % 1_000_000_000 // unit)
    r.captured = c.cap_len[i]
    r.wire = c.wire_len[i]


cdef void _enhanced_block(
    Columns *c, Py_ssize_t i, const uint8_t *frame, char *at
) noexcept nogil:
    cdef enhanced_block *e = <enhanced_block *>at
    cdef uint64_t units = <uint64_t>c.time[i]
    cdef uint32_t size = padded(c.cap_len[i])
    e.type = ENHANCED_PACKET
    e.length = <uint32_t>pcapng_size(c, i)
    e.interface = c.interface[i]
    e.time_high = <uint32_t>(units >> 32)
    e.time_low = <uint32_t>units
    e.captured = c.cap_len[i]
    e.wire = c.wire_len[i]
    at += sizeof(enhanced_block)
    memset(at + (size - 4 if size else 0), 0, 4 if size else 0)
    memcpy(at, frame, c.cap_len[i])
    memcpy(at + size, &e.length, 4)


cdef int _check(Batch batch, Py_ssize_t begin, Py_ssize_t end) except -1:
    if not 0 <= begin <= end <= batch.count:
        raise IndexError(f"rows {begin} to {end} of {batch.count}")
    return 0
