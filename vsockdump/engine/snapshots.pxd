# Connections and events as Python sees them.

from libc.stdint cimport uint64_t

from .connection cimport Flow
from .found cimport Found
from .tracking cimport Tracking

cdef object flow_of(Tracking *t, Flow *f)
cdef object event_of(const Found *e)
cdef uint64_t measure(const Tracking *t, const Flow *f, int what) noexcept nogil
cdef list histogram_of(const uint64_t *buckets)
