# What has to happen within a time: lists of deadlines, each of one length, so that they come in order.

from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memmove

from .connection cimport ANSWER, CLOSE, UPDATE, Flow
from .table cimport NOWHERE, Table, flow_at

cdef enum Wait:
    FOR_RESPONSE = 0
    FOR_RST = 1
    FOR_UPDATE = 2

cdef enum:
    WAITS = 3

cdef struct Timer:
    int64_t deadline
    uint64_t flow               # its number: the slot may be another's by then
    uint32_t slot
    uint32_t side

cdef struct Timers:
    Timer *list
    size_t first
    size_t count                # behind the last
    size_t room


cdef inline int64_t length(int wait) noexcept nogil:
    return ANSWER if wait == FOR_RESPONSE else CLOSE if wait == FOR_RST else UPDATE


cdef inline int push(Timers *t, const Table *flows, const Flow *f, int side, int64_t deadline) noexcept nogil:
    """Add a deadline; -1: no memory."""
    cdef Timer *new
    if t.count == t.room and make_room(t, flows) < 0:
        return -1
    new = &t.list[t.count]
    new.deadline, new.flow, new.slot, new.side = deadline, f.number, f.slot, side
    t.count += 1
    return 0


cdef inline int make_room(Timers *t, const Table *flows) noexcept nogil:
    """Drop what has passed and what waits for connections that are gone; only then take memory.

    So a flood of connections costs no more than the table has room for.
    """
    cdef size_t i, kept = 0, room
    cdef Timer *wider
    for i in range(t.first, t.count):
        if flow_at(flows, t.list[i].slot).number == t.list[i].flow:
            t.list[kept] = t.list[i]
            kept += 1
    t.first = 0
    t.count = kept
    if kept * 2 < t.room:
        return 0
    room = t.room * 2 if t.room else 64
    wider = <Timer *>realloc(t.list, room * sizeof(Timer))
    if wider == NULL:
        return -1
    t.list = wider
    t.room = room
    return 0
