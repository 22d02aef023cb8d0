# The C types of replies.py.

cimport cython
from dnsguard.core cimport counters
from dnsguard.core.answer cimport Answer, compose_error, compose_response
from dnsguard.core.cookies cimport Cookies
from dnsguard.core.view cimport Verdict
from dnsguard.core.wire cimport Query

cdef unsigned int _ANY
cdef Py_ssize_t _ANY_FACTOR
cdef int _UDP
cdef int _FROM_REFUSAL
cdef unsigned int _HAS_COOKIE
cdef unsigned int _WANTS_KEEPALIVE
cdef Py_ssize_t _MAX_SIZE
cdef long long _MAX_TTL


@cython.final
cdef class Replies:
    cdef readonly Cookies cookies
    cdef readonly int source
    cdef public unsigned int udp_size
    cdef unsigned long long[::1] _page

    cdef int compose_options(self, Query query, bytes address, double now) except -1

    cdef bytes compose_error(self, Query query)

    cdef bytes refuse(self, Query query, Answer answer, int transport, bytes option)

    @cython.locals(limit=Py_ssize_t)
    cpdef bytes compose(
        self,
        Query query,
        Answer answer,
        int transport,
        int source,
        long long age,
        long long ceiling,
        bytes option=*,
    )

    cdef int _count(self, int source, unsigned int rcode) except -1

    cdef int count_hit(self, Verdict verdict, Query query) except -1
