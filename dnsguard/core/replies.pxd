# The C types of replies.py.

cimport cython
from dnsguard.core cimport counters
from dnsguard.core.amplification cimport Amplification
from dnsguard.core.answer cimport Answer, compose_error, compose_response
from dnsguard.core.cookies cimport Cookies
from dnsguard.core.view cimport Verdict
from dnsguard.core.wire cimport Query

cdef unsigned int _ANY
cdef Py_ssize_t _ANY_FACTOR
cdef Py_ssize_t _FACTOR
cdef int _UDP
cdef int _FROM_REFUSAL
cdef unsigned int _HAS_COOKIE
cdef unsigned int _WANTS_KEEPALIVE
cdef Py_ssize_t _MAX_SIZE
cdef long long _MAX_TTL
cdef Py_ssize_t _AMPLIFICATION
cdef Py_ssize_t _MIN_UDP_SIZE


@cython.final
cdef class Replies:
    cdef readonly Amplification amplification
    cdef readonly Cookies cookies
    cdef readonly int source
    cdef public unsigned int udp_size
    cdef unsigned long long[::1] _page

    cdef int compose_options(self, Query query, double now) except -1

    cdef bytes compose_error(self, Query query)

    cdef bytes refuse(
        self, Query query, Answer answer, int transport, double now, bytes option
    )

    cdef bytes send_to_tcp(self, Query query)

    cdef bytes _compose_bare(self, Query query, Py_ssize_t limit)

    @cython.locals(limit=Py_ssize_t)
    cpdef bytes compose(
        self,
        Query query,
        Answer answer,
        int transport,
        int source,
        long long age,
        long long ceiling,
        double now,
        bytes option=*,
    )

    @cython.locals(response=bytes, excess=Py_ssize_t)
    cdef bytes _compose_claimed(
        self,
        Query query,
        Answer answer,
        Py_ssize_t limit,
        long long age,
        long long ceiling,
        double now,
        bytes option,
    )

    cdef inline int _count(self, int source, unsigned int rcode) except -1

    cdef int count_hit(self, Verdict verdict, Query query) except -1
