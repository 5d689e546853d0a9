# The connections followed: found by their addresses, at most so many.
#
# Records stand in chunks that never move. The index is an open hash table of (hash, slot + 1); a
# tuple's newest generation is the one in it.

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from .batch cimport Row
from .connection cimport Flow, Rare

cdef enum:
    CHUNK = 1 << 15             # records in a chunk: whole huge pages
    LOCAL = 1                   # VMADDR_CID_LOCAL

cdef extern from *:
    """
    #define NOWHERE UINT32_MAX
    """
    const uint32_t NOWHERE      # no slot

cdef struct Table:
    uint64_t secret             # another one each run
    uint64_t *index
    uint32_t mask
    uint32_t indexed            # entries of the index in use
    Flow **flows
    Rare **rares
    uint32_t chunks
    uint32_t used               # slots that ever held a connection
    uint32_t most
    uint32_t live
    uint32_t spare              # the first of the slots given up, chained by `previous`
    uint32_t hand               # where the next victim is looked for
    uint64_t evicted
    bint reused                 # slots were given up, so that they are in no order any more


cdef inline Flow *flow_at(const Table *t, uint32_t slot) noexcept nogil:
    return &t.flows[slot // CHUNK][slot % CHUNK]


cdef inline Rare *rare_at(const Table *t, uint32_t slot) noexcept nogil:
    return &t.rares[slot // CHUNK][slot % CHUNK]


cdef inline uint64_t scrambled(uint64_t cid, uint32_t port, uint64_t secret) noexcept nogil:
    cdef uint64_t x = (cid ^ secret) * <uint64_t>0x9E3779B97F4A7C15ULL
    x = (x ^ (x >> 32) ^ port) * <uint64_t>0xD6E8FEB86659FD93ULL
    return x ^ (x >> 29)


cdef inline uint32_t hash_of(const Table *t, const Row *r) noexcept nogil:
    """The same for both directions, and whatever other CID loopback's packets have.

    Who does not know the secret cannot choose addresses that meet in one place of the index.
    """
    cdef bint local = is_local(r)
    cdef uint64_t x = (
        scrambled(LOCAL if local else r.src_cid, r.src_port, t.secret)
        + scrambled(LOCAL if local else r.dst_cid, r.dst_port, t.secret)
    )
    x = (x + r.interface) * <uint64_t>0x9E3779B97F4A7C15ULL
    return <uint32_t>(x >> 32)


cdef inline bint is_local(const Row *r) noexcept nogil:
    return (r.src_cid == LOCAL) | (r.dst_cid == LOCAL)


cdef inline bint is_of(const Row *r, const Flow *f) noexcept nogil:
    """Whether a packet is of a connection's tuple, in either direction.

    Loopback is called by any CID of the machine, and answers from CID 1, or refuses from the CID
    that was called: there ports alone decide. Which way a packet goes cannot be predicted, so
    nothing here branches on it.
    """
    cdef uint64_t cids = -<uint64_t>(not is_local(r))
    cdef uint64_t there = (
        (r.src_port ^ f.src_port) | (r.dst_port ^ f.dst_port)
        | ((r.src_cid ^ f.src_cid) & cids) | ((r.dst_cid ^ f.dst_cid) & cids)
    )
    cdef uint64_t back = (
        (r.src_port ^ f.dst_port) | (r.dst_port ^ f.src_port)
        | ((r.src_cid ^ f.dst_cid) & cids) | (((r.dst_cid ^ f.src_cid)) & cids)
    )
    cdef bint same = ((f.src_cid == LOCAL) | (f.dst_cid == LOCAL)) == (cids == 0)
    return ((there == 0) | (back == 0)) & same & (r.interface == f.interface)


cdef inline int side_of(const Row *r, const Flow *f) noexcept nogil:
    """Who sent it: 0 for who opened the connection."""
    cdef bint other_port = r.src_port != f.src_port
    if f.src_port != f.dst_port:
        return other_port
    if is_local(r):  # what is sent to the opener has its CID, 1, for a target
        return (r.dst_cid != f.dst_cid) | (r.src_cid != f.src_cid)
    return r.src_cid != f.src_cid


cdef inline uint32_t find(const Table *t, const Row *r, uint32_t hash) noexcept nogil:
    """The slot of a packet's connection, NOWHERE if there is none."""
    cdef uint32_t at = hash & t.mask, slot
    cdef uint64_t entry
    while True:
        entry = t.index[at]
        if not entry:
            return NOWHERE
        if <uint32_t>(entry >> 32) == hash:
            slot = <uint32_t>entry - 1
            if is_of(r, flow_at(t, slot)):
                return slot
        at = (at + 1) & t.mask


cdef int open_table(Table *t, uint32_t most, uint64_t secret) except -1
cdef void close_table(Table *t) noexcept
cdef int point(Table *t, uint32_t hash, uint32_t old, uint32_t slot) noexcept nogil
cdef uint32_t take(Table *t) noexcept nogil
cdef void give_up(Table *t, uint32_t slot) noexcept nogil
cdef uint32_t victim(Table *t, int64_t now) noexcept nogil
