# cython: language_level=3
"""Where connections are kept, and which of them has to go when there are too many."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from .connection cimport CLOSE, IS_RARE, NEVER, SECOND, Flow, Rare

cdef extern from "<sys/mman.h>" nogil:
    void *mmap(void *, size_t, int, int, int, long)
    int munmap(void *, size_t)
    int madvise(void *, size_t, int)
    enum: PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS, MADV_HUGEPAGE

cdef enum:
    LOOKED_AT = 32          # connections among which a victim is chosen
    FIRST_INDEX = 1 << 12
    HUGE = 1 << 21          # bytes of a huge page on most machines
    AGES = 1 << 30          # seconds, more than any connection is old


cdef int open_table(Table *t, uint32_t most, uint64_t secret) except -1:
    """Prepare for at most so many connections; memory is taken as they come."""
    memset(t, 0, sizeof(Table))
    t.most = most
    t.secret = secret
    t.spare = NOWHERE
    t.index = <uint64_t *>calloc(FIRST_INDEX, sizeof(uint64_t))
    if t.index == NULL:
        raise MemoryError
    t.mask = FIRST_INDEX - 1
    return 0


cdef void close_table(Table *t) noexcept:
    cdef uint32_t i
    for i in range(t.chunks):
        munmap(t.flows[i], CHUNK * sizeof(Flow))
        munmap(t.rares[i], CHUNK * sizeof(Rare))
    free(t.flows)
    free(t.rares)
    free(t.index)
    memset(t, 0, sizeof(Table))


cdef int point(Table *t, uint32_t hash, uint32_t old, uint32_t slot) noexcept nogil:
    """Have the index lead to `slot`, in the place of `old` if that is not NOWHERE; -1: no memory."""
    cdef uint32_t at
    if old == NOWHERE and 2 * <uint64_t>t.indexed >= t.mask and _widen(t) < 0:
        return -1
    at = hash & t.mask
    while t.index[at] and (old == NOWHERE or <uint32_t>t.index[at] - 1 != old):
        at = (at + 1) & t.mask
    if not t.index[at]:
        t.indexed += 1
    t.index[at] = (<uint64_t>hash << 32) | (slot + 1)
    return 0


cdef int _widen(Table *t) noexcept nogil:
    cdef uint64_t *old = t.index
    cdef uint64_t size = <uint64_t>t.mask + 1, i, at
    cdef uint64_t *wider = <uint64_t *>calloc(size * 2, sizeof(uint64_t))
    if wider == NULL:
        return -1
    t.mask = <uint32_t>(size * 2 - 1)
    for i in range(size):
        if old[i]:
            at = (old[i] >> 32) & t.mask
            while wider[at]:
                at = (at + 1) & t.mask
            wider[at] = old[i]
    t.index = wider
    free(old)
    return 0


cdef void _unpoint(Table *t, uint32_t hash, uint32_t slot) noexcept nogil:
    """Take a slot out of the index, and move up what had to stand behind it."""
    cdef uint32_t at = hash & t.mask, next, home
    while t.index[at] and <uint32_t>t.index[at] - 1 != slot:
        at = (at + 1) & t.mask
    if not t.index[at]:
        return  # a later generation stands there
    t.indexed -= 1
    next = at
    while True:
        next = (next + 1) & t.mask
        if not t.index[next]:
            break
        home = <uint32_t>(t.index[next] >> 32) & t.mask
        if ((next - home) & t.mask) >= ((next - at) & t.mask):
            t.index[at] = t.index[next]
            at = next
    t.index[at] = 0


cdef uint32_t take(Table *t) noexcept nogil:
    """A slot for a new connection, cleared; NOWHERE: no memory.

    There has to be room: where `live` is `most`, a victim has to be given up before.
    """
    cdef uint32_t slot = t.spare
    if slot != NOWHERE:
        t.spare = flow_at(t, slot).previous
    else:
        slot = t.used
        if slot // CHUNK == t.chunks and _more(t) < 0:
            return NOWHERE
        t.used += 1
    t.live += 1
    memset(flow_at(t, slot), 0, sizeof(Flow))
    flow_at(t, slot).slot = slot
    return slot


cdef int _more(Table *t) noexcept nogil:
    """Have one more chunk; its memory is only reserved until it is written to."""
    if _list(<void ***>&t.flows, t.chunks) < 0 or _list(<void ***>&t.rares, t.chunks) < 0:
        return -1
    t.flows[t.chunks] = <Flow *>_reserve(CHUNK * sizeof(Flow), t.chunks > 0)
    t.rares[t.chunks] = <Rare *>_reserve(CHUNK * sizeof(Rare), False)
    if not (t.flows[t.chunks] and t.rares[t.chunks]):
        return -1
    t.chunks += 1
    return 0


cdef int _list(void ***chunks, uint32_t count) noexcept nogil:
    """Have room for one more chunk in a list of them."""
    cdef void *wider = realloc(chunks[0], (count + 1) * sizeof(void *))
    if wider == NULL:
        return -1
    chunks[0] = <void **>wider
    return 0


cdef void *_reserve(size_t size, bint huge) noexcept nogil:
    """Reserve memory, cleared. Of `huge` pages, if there are any: who touches one here and one there
    of a million connections spends more on finding their pages than on them.
    """
    cdef size_t more = HUGE if huge else 0
    cdef void *made = mmap(
        NULL, size + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
    )
    cdef size_t lead
    if made == <void *>-1:
        return NULL
    if huge:
        lead = (HUGE - <size_t>made % HUGE) % HUGE
        if lead:
            munmap(made, lead)
        if more - lead:
            munmap(<char *>made + lead + size, more - lead)
        made = <char *>made + lead
        madvise(made, size, MADV_HUGEPAGE)
    return made


cdef void give_up(Table *t, uint32_t slot) noexcept nogil:
    """Forget a connection."""
    cdef Flow *f = flow_at(t, slot)
    _unpoint(t, f.hash, slot)
    if f.traits & IS_RARE:
        memset(rare_at(t, slot), 0, sizeof(Rare))
    memset(f, 0, sizeof(Flow))
    f.previous = t.spare
    t.spare = slot
    t.live -= 1
    t.reused = True


cdef uint32_t victim(Table *t, int64_t now) noexcept nogil:
    """The connection to forget: of a few, the one idle for longest, closed ones before others."""
    cdef int i
    cdef uint32_t best = NOWHERE
    cdef int64_t age, most = -1
    cdef Flow *f
    for i in range(LOOKED_AT):
        t.hand = t.hand + 1 if t.hand + 1 < t.used else 0
        f = flow_at(t, t.hand)
        if not f.number:
            continue
        age = (now - f.last) // SECOND
        if f.closed != NEVER and now - f.closed > CLOSE:
            age += AGES
        if age > most:
            most = age
            best = t.hand
    return best
