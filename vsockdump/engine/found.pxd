# Events as the tracker finds them; vsockdump.events has their meaning, and the names of `numbers`.

from libc.stdint cimport int64_t, int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport realloc

from .connection cimport Flow

cdef enum:
    MOST_NUMBERS = 5
    TIMED = -1                  # the row of what no packet brought about, but the lack of one

# vsockdump.events has all of these: tests/test_engine_words.py holds the two to each other.
cdef enum Severity:
    NOTE = 0
    WARN = 1
    PROBLEM = 2

cdef enum Doubt:
    SURE = 0
    GUESS = 1
    MID_STREAM = 2
    GAP_BEFORE = 3
    LOST = 4

cdef enum Kind:
    REFUSED = 0
    UNANSWERED = 1
    LATE_RESPONSE = 2
    SLOW_CONNECT = 3
    STALLED = 4
    OVERRUN = 5
    FWD_CNT_AHEAD = 6
    FWD_CNT_BACK = 7
    BUF_SHRUNK = 8
    PACKET_CEILING = 9
    WAS_RESET = 10
    HALF_CLOSE_IGNORED = 11
    SHUTDOWN_UNANSWERED = 12
    DATA_AFTER_SHUTDOWN = 13
    UNREAD_CLOSE = 14
    MESSAGE_UNFINISHED = 15
    MESSAGE_TOO_LARGE = 16
    UPDATE_STORM = 17
    TUPLE_REUSE = 18
    MISMATCHING = 19
    GAP = 20
    KERNEL_DEFECT = 21
    CREDIT_REQUEST_UNANSWERED = 22

cdef enum Blame:
    NOT_READING = 0
    NO_UPDATE = 1
    REQUEST_UNANSWERED = 2

cdef enum Reset:
    ABORT = 0
    MID_BURST = 1
    OVERFLOW = 2
    NO_SOCKET = 3
    STALE = 4

cdef struct Found:
    uint8_t kind
    uint8_t severity
    uint8_t doubt
    uint8_t actor
    uint8_t count               # of `numbers`
    int32_t row                 # in the batch that is being fed, or TIMED
    uint32_t generation
    uint64_t flow
    uint64_t src_cid
    uint64_t dst_cid
    uint32_t src_port
    uint32_t dst_port
    int64_t time
    uint64_t packets[2]         # 0: none
    int64_t numbers[MOST_NUMBERS]

cdef struct Findings:
    Found *list
    size_t count
    size_t room
    bint kept                   # whether anybody wants them
    bint failed                 # there was no memory for one


cdef inline Found *add(
    Findings *all, Flow *f, int kind, int severity, int doubt, int actor, int64_t time, int32_t row
) noexcept nogil:
    """Note an event; its packets and numbers are the caller's to fill in. Never NULL."""
    cdef Found *found = &all.list[all.count]
    f.problems += severity == PROBLEM
    if all.kept:
        all.count += 1
        if all.count == all.room:
            widen(all)
            found = &all.list[all.count - 1]
    found.kind, found.severity, found.doubt = kind, severity, doubt
    found.actor, found.time, found.row = actor, time, row
    found.flow, found.generation = f.number, f.generation
    found.src_cid, found.src_port = f.src_cid, f.src_port
    found.dst_cid, found.dst_port = f.dst_cid, f.dst_port
    found.packets[0] = found.packets[1] = 0
    found.count = 0
    return found


cdef inline void widen(Findings *all) noexcept nogil:
    """There is always room for one more than there are."""
    cdef size_t room = all.room * 2
    cdef Found *wider = <Found *>realloc(all.list, room * sizeof(Found))
    if wider == NULL:
        all.failed = True
        all.count -= 1
        return
    all.list = wider
    all.room = room


cdef inline void number(Found *found, int64_t value) noexcept nogil:
    found.numbers[found.count] = value
    found.count += 1
