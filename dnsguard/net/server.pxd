# The C types of server.py.

cimport cython
from dnsguard.core cimport counters
from dnsguard.core.response cimport Response
from dnsguard.core.route cimport Attempt
from dnsguard.net.health cimport Health
from dnsguard.net.pool cimport Pool

cdef int _ANSWER
cdef int _MISMATCH
cdef int _FAILURE
cdef Py_ssize_t _UPSTREAM_SECONDS


@cython.final
cdef class Server:
    cdef readonly Health health
    cdef readonly Pool pool
    cdef object _upstream
    cdef object _loop
    cdef object _changed
    cdef set _streams
    cdef unsigned long long[::1] _page
    cdef Py_ssize_t _counter

    cpdef int configure(self, upstream) except -1

    cdef int send(self, Attempt attempt) except -1

    @cython.locals(was_up=bint)
    cpdef object responded(self, Response response, double seconds, double now)

    cpdef int mismatched(self) except -1

    cpdef int late(self) except -1

    @cython.locals(known=bint)
    cpdef bint looped(self, Py_ssize_t counter, double now) except -1

    cpdef int silent(self, double sent, double now) except -1

    @cython.locals(ours=bint)
    cpdef bint failed(self, error, double sent, double now) except -1

    @cython.locals(was_up=bint)
    cdef int _note_failure(self, double sent, double now) except -1
