# cython: language_level=3
"""The packets of a Batch as records of a capture file, in this machine's byte order."""

from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from .batch cimport Batch, Row, place_of
from .layout cimport enhanced_block, option, pcap_record

cdef enum:
    ENHANCED_PACKET = 6
    COMMENT = 1             # opt_comment, an option of any block
    MOST_OPTION = 0xFFFF    # bytes of an option


cdef inline uint32_t padded(uint32_t size) noexcept nogil:
    return (size + 3) & ~<uint32_t>3


cdef inline Py_ssize_t pcap_size(const Row *r) noexcept nogil:
    return sizeof(pcap_record) + r.cap_len


cdef inline Py_ssize_t pcapng_size(const Row *r) noexcept nogil:
    return sizeof(enhanced_block) + padded(r.cap_len) + 4


def sizes(Batch batch not None, str form):
    """Return the bytes each packet's record has: "pcap", "pcapng", or "" for as it came."""
    cdef const Row *rows = batch.rows
    cdef Py_ssize_t i
    if form == "pcap":
        return [pcap_size(&rows[i]) for i in range(batch.count)]
    if form == "pcapng":
        return [pcapng_size(&rows[i]) + _comment_size(batch, i) for i in range(batch.count)]
    return [rows[i].record_size for i in range(batch.count)]


def raw(Batch batch not None, Py_ssize_t begin, Py_ssize_t end):
    """Return the records of rows begin <= row < end as they stood in their file."""
    cdef const Row *rows = batch.rows
    cdef Py_ssize_t i
    _check(batch, begin, end)
    if batch.whole and begin < end:
        start = rows[begin].record
        return memoryview(batch.data)[start:rows[end - 1].record + rows[end - 1].record_size]
    view = memoryview(batch.data)
    return b"".join([view[rows[i].record:rows[i].record + rows[i].record_size] for i in range(begin, end)])


def pcap(Batch batch not None, Py_ssize_t begin, Py_ssize_t end, bint nano):
    """Return rows begin <= row < end as pcap records, times in micro- or nanoseconds.

    Times outside the 32 bits of seconds that pcap has wrap around.
    """
    cdef const Row *rows = batch.rows
    cdef Py_ssize_t i, total = 0
    cdef int64_t unit = 1 if nano else 1000
    cdef char *at
    _check(batch, begin, end)
    for i in range(begin, end):
        total += pcap_size(&rows[i])
    out = PyBytes_FromStringAndSize(NULL, total)
    at = PyBytes_AsString(out)
    with nogil:
        for i in range(begin, end):
            _pcap_record(&rows[i], unit, <pcap_record *>at)
            memcpy(at + sizeof(pcap_record), batch.bytes + rows[i].offset, rows[i].cap_len)
            at += pcap_size(&rows[i])
    return out


def pcapng(Batch batch not None, Py_ssize_t begin, Py_ssize_t end):
    """Return rows begin <= row < end as enhanced packet blocks with times in nanoseconds.

    Raises ValueError for a comment of more than 65535 bytes.
    """
    _check(batch, begin, end)
    parts = []
    for row in range(begin, end) if batch.comments else ():
        comment = batch.comments.get(place_of(batch, row))
        if comment is not None:
            parts.append(_blocks(batch, begin, row))
            parts.append(_commented(_blocks(batch, row, row + 1), comment))
            begin = row + 1
    last = _blocks(batch, begin, end)
    return b"".join([*parts, last]) if parts else last


cdef bytes _blocks(Batch batch, Py_ssize_t begin, Py_ssize_t end):
    cdef const Row *rows = batch.rows
    cdef Py_ssize_t i, total = 0
    cdef char *at
    for i in range(begin, end):
        total += pcapng_size(&rows[i])
    out = PyBytes_FromStringAndSize(NULL, total)
    at = PyBytes_AsString(out)
    with nogil:
        for i in range(begin, end):
            _enhanced_block(&rows[i], batch.bytes + rows[i].offset, at)
            at += pcapng_size(&rows[i])
    return out


cdef void _pcap_record(const Row *r, int64_t unit, pcap_record *out) noexcept nogil:
    # Cython divides as Python does: a time before 1970 has a fraction that is positive.
    out.seconds = <uint32_t>(r.time // 1_000_000_000)
    out.fraction = <uint32_t>(r.time % 1_000_000_000 // unit)
    out.captured = r.cap_len
    out.wire = r.wire_len


cdef void _enhanced_block(
    const Row *r, const uint8_t *frame, char *at
) noexcept nogil:
    cdef enhanced_block *e = <enhanced_block *>at
    cdef uint64_t units = <uint64_t>r.time
    cdef uint32_t size = padded(r.cap_len)
    e.type = ENHANCED_PACKET
    e.length = <uint32_t>pcapng_size(r)
    e.interface = r.interface
    e.time_high = <uint32_t>(units >> 32)
    e.time_low = <uint32_t>units
    e.captured = r.cap_len
    e.wire = r.wire_len
    at += sizeof(enhanced_block)
    memset(at + (size - 4 if size else 0), 0, 4 if size else 0)
    memcpy(at, frame, r.cap_len)
    memcpy(at + size, &e.length, 4)


cdef Py_ssize_t _comment_size(Batch batch, Py_ssize_t row) except -1:
    """Bytes that a row's comment adds to its block."""
    comment = batch.comments.get(place_of(batch, row)) if batch.comments else None
    return 0 if comment is None else sizeof(option) + padded(len(comment)) + sizeof(option)


cdef bytes _commented(bytes block, bytes comment):
    """Put a comment, and the end of the options, into a block that has none."""
    cdef option head
    cdef uint32_t length = <uint32_t>(len(block) + 2 * sizeof(option) + padded(len(comment)))
    if len(comment) > MOST_OPTION:
        raise ValueError(f"a comment of {len(comment)} bytes")
    head.code = COMMENT
    head.length = <uint16_t>len(comment)
    size = (<const char *>&length)[:4]
    start = (<const char *>&head)[:sizeof(option)]
    end = bytes(padded(len(comment)) - len(comment) + sizeof(option))
    return block[:4] + size + block[8:-4] + start + comment + end + size


cdef int _check(Batch batch, Py_ssize_t begin, Py_ssize_t end) except -1:
    if not 0 <= begin <= end <= batch.count:
        raise IndexError(f"rows {begin} to {end} of {batch.count}")
    return 0
