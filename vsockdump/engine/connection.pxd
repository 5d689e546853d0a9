# What the tracker keeps of a connection, and the equations of credit.
#
# Two parts: `Flow` is touched by every packet, `Rare` by the few that are out of the ordinary, and
# takes no memory for connections that have none.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #define NEVER INT64_MIN
    #define NO_MINIMUM UINT32_MAX
    #define HALF ((uint32_t)1 << 31)

    #define MS INT64_C(1000000)
    #define SECOND (1000 * MS)
    #define REORDER (20 * MS)
    #define ANSWER (2 * SECOND)
    #define CLOSE (8 * SECOND)
    #define UPDATE SECOND
    #define SLOW (100 * MS)
    #define STALL (10 * MS)
    #define STALL_WARN (200 * MS)
    #define STALL_PROBLEM SECOND
    #define IN_FLIGHT (200 * MS)
    #define REUSE SECOND
    #define TWIN (10 * MS)
    """
    int clzll "__builtin_clzll" (uint64_t) nogil
    void prefetch "__builtin_prefetch" (const void *) nogil
    bint expect "__builtin_expect" (bint, bint) nogil

    const int64_t NEVER         # a time that has not come
    const uint32_t NO_MINIMUM   # of free credit: nothing was sent yet
    const uint32_t HALF         # further than this, a serial number is behind and not ahead

    # Lengths of time, in nanoseconds.
    const int64_t SECOND
    # The tap of a sent packet may run after that of its answer, on another CPU: what a packet says
    # of another is held against it only after so long.
    const int64_t REORDER
    const int64_t ANSWER        # VSOCK_DEFAULT_CONNECT_TIMEOUT (net/vmw_vsock/af_vsock.c)
    const int64_t CLOSE         # VSOCK_CLOSE_TIMEOUT (virtio_transport_common.c)
    const int64_t UPDATE        # for the answer to a CREDIT_REQUEST; Linux answers at once
    const int64_t SLOW          # a RESPONSE waits for no accept(): it takes microseconds
    const int64_t STALL         # shorter ones are how flow control works
    const int64_t STALL_WARN    # people notice
    const int64_t STALL_PROBLEM # vsockdump.flows.STALL_PROBLEM
    const int64_t IN_FLIGHT     # until what was sent before the other's SHUTDOWN has arrived
    const int64_t REUSE         # a closed connection's last packets come sooner
    const int64_t TWIN          # between a packet and its duplicate

cdef enum:
    SIZES = 19                  # buckets of packet sizes, as vsockdump.flows has them
    OPS = 9                     # 0 to 7, and all others in the last
    MOST_RW = 65536             # VIRTIO_VSOCK_MAX_PKT_BUF_SIZE
    MERGED = 128                # packets up to this size join the one before (GOOD_COPY_LEN)
    TRUESIZE = 576              # SKB_TRUESIZE(0) on x86-64 and arm64
    TIMED_ALL = 16              # of the first packets of a side each may be timed,
    TIMED_SOME = 7              # of the others only those whose number has none of these bits
    STORM = 64                  # CREDIT_UPDATEs that nobody minds
    STORM_RATIO = 4             # and so many for a packet of data

cdef enum Marks:                # Side.marks
    HEARD = 1 << 0              # it has sent a packet that carries credit
    ESTIMATED = 1 << 1          # tx is only a lower bound
    AHEAD = 1 << 2              # the other end read more than was seen being sent
    OVER = 1 << 3               # more was sent than the other end was seen to allow
    BEYOND_CEILING = 1 << 4     # more packets are unread than some kernels take
    UNLIMITED = 1 << 5          # it does not hold itself to its own buffer's size
    MISCOUNTED = 1 << 6         # the other end's fwd_cnt of it makes no sense
    OVERRAN = 1 << 7            # an overrun was reported
    IS_STALLED = 1 << 8         # it may not send
    IS_TIMED = 1 << 9           # one of its packets is being waited for to be read
    LIFTED = 1 << 10            # it was allowed more since its last RW
    ASKED = 1 << 11             # it sent a CREDIT_REQUEST that is not answered
    SAID_BACK = 1 << 12
    SAID_CEILING = 1 << 13
    SAID_STORM = 1 << 14
    SAID_LATE_DATA = 1 << 15
    SAID_IGNORED = 1 << 16
    SAID_MESSAGE = 1 << 17
    # What makes an announcement worth a closer look
    WATCHED = ESTIMATED | AHEAD | OVER | MISCOUNTED | IS_STALLED | LIFTED | BEYOND_CEILING

cdef enum Traits:               # Flow.traits
    WHOLE = 1 << 0              # its REQUEST was captured
    EXACT = 1 << 1              # both counters are known to have begun at 0
    GAPPED = 1 << 2
    IS_RARE = 1 << 3            # its Rare is
    SUPERSEDED = 1 << 4         # its ports carry a later generation
    HANDED_OUT = 1 << 5
    DOUBTFUL_DEFECT = 1 << 6    # defect A was seen, and not which of its kinds
    STALE_HIT = 1 << 7          # an RST of the connection before came while this one was opening
    SAID_MISMATCH = 1 << 8
    SAID_DEFECT = 1 << 9
    SAID_LEAK = 1 << 10
    SAID_SHUTDOWN = 1 << 11
    SAID_UNANSWERED = 1 << 12

cdef struct Side:               # 128 bytes: two lines of a cache, the first of them for most packets
    uint64_t tx                 # bytes sent since the beginning, those not captured included
    uint64_t read               # of these, what the other end says it has read
    uint64_t edge               # how far it was ever allowed to send
    uint64_t bytes
    uint64_t packets
    uint32_t marks
    uint32_t buf_alloc          # its own, as last announced
    uint32_t fwd_cnt            # likewise
    uint32_t min_free
    uint32_t largest
    uint32_t shutdown
    int64_t sent                # when its last RW was
    uint64_t sent_number        # and which packet
    int64_t read_time           # when `read` came to what it is
    int64_t stalled             # with IS_STALLED: since when it cannot send
    int64_t timed               # with IS_TIMED: when the RW was sent that `timed_end` waits for
    uint64_t timed_end
    uint32_t unread             # packets not read, from the one that ends at `unread_from` on
    uint32_t unread_from
    uint64_t spare

cdef struct SideRare:
    int64_t asked               # when it sent a CREDIT_REQUEST that is not answered
    uint64_t asked_number
    int64_t asked_last          # the last of all of them
    int64_t lifted              # with LIFTED: when it was
    uint64_t lifted_free        # what it had been allowed before
    uint64_t full_in_flight     # when it could not send any more
    uint64_t full_window
    uint8_t full_guess          # it may have been free to send, and did not want to
    uint64_t stalled_sum
    uint64_t stalled_longest
    uint32_t stalls
    int64_t ahead_since
    uint64_t ahead_number
    uint32_t ahead_fwd_cnt      # what the other end last said then
    int64_t over_since
    uint64_t over_tx
    uint64_t over_number
    uint64_t over_excess
    uint64_t over_in_flight
    uint64_t over_window
    uint64_t excess
    uint64_t missing
    uint64_t unread
    uint64_t message            # bytes of the SEQPACKET message that has not ended
    uint64_t twin_bytes         # payload of packets taken for duplicates
    int64_t twin_time
    uint32_t twin               # what identifies its last packet
    uint32_t twin_link
    uint8_t twin_seen

cdef struct Rare:
    SideRare sides[2]

cdef struct Flow:               # 704 bytes; the first line of a cache is for every packet
    uint64_t src_cid            # of who opened it
    uint64_t dst_cid
    uint32_t src_port
    uint32_t dst_port
    uint32_t slot
    uint32_t traits
    uint16_t interface
    uint16_t type
    uint8_t state
    uint8_t end
    uint8_t reset_by
    int64_t last                # the time of its last packet, and its number
    uint64_t last_packet
    Side sides[2]
    uint32_t sizes[2][SIZES]    # RW packets by size, of each side
    int64_t first_byte[2]
    uint64_t number             # 0: not in use
    uint64_t first_packet
    int64_t start
    int64_t response
    int64_t closed
    int64_t shut[2]             # when each side sent its last SHUTDOWN, and which packet
    uint64_t shut_number[2]
    uint64_t previous_number
    uint32_t previous           # slot of the generation before, if it still has that number
    uint32_t generation
    uint32_t hash
    uint32_t problems
    uint32_t duplicates
    uint32_t ops[2][OPS]        # but RW, which `sizes` has
    uint32_t answers[2]         # CREDIT_UPDATEs of these that answered a CREDIT_REQUEST
    uint64_t spare[5]           # whole lines


cdef inline uint64_t in_flight(const Side *s) noexcept nogil:
    """Bytes sent and not known to be read (virtio 1.3, 5.10.6.3)."""
    return s.tx - s.read


cdef inline uint64_t free_bytes(const Side *s, const Side *other) noexcept nogil:
    """Bytes that may be sent; none where the buffer was made smaller than what is in flight."""
    cdef uint64_t way = in_flight(s)
    return other.buf_alloc - way if other.buf_alloc > way else 0


cdef inline uint64_t own_limit(const Side *s, const Side *other) noexcept nogil:
    """What Linux since 7.0 has in flight at the most: no more than its own buffer holds, either."""
    if s.marks & UNLIMITED or not s.marks & HEARD:
        return other.buf_alloc
    return min(s.buf_alloc, other.buf_alloc)


cdef inline bint is_full(const Side *s, const Side *other) noexcept nogil:
    return other.marks & HEARD and in_flight(s) >= own_limit(s, other)


cdef inline int bits(uint64_t value) noexcept nogil:
    """How many bits a number has."""
    return 64 - clzll(value) if value else 0


cdef inline int bucket(uint32_t size) noexcept nogil:
    """The bucket of a packet's size: 0, then up to 1, 2, 4, 8 ... 65536, then all above."""
    return min(bits(size - 1) + 1, SIZES - 1) if size else 0
