# The C types of udp.py.

cimport cython
from dnsguard.core cimport counters
from dnsguard.core.forward cimport Forward
from dnsguard.core.resolver cimport Resolver
from dnsguard.net.batch cimport Inbox
from dnsguard.net.upstream cimport Upstreams

cdef int _UDP
cdef int _MAX_ROUNDS
cdef Py_ssize_t _FEW
cdef int _SOURCES
cdef Py_ssize_t _RESPONSE_SECONDS
cdef Py_ssize_t _HISTOGRAM_SIZE


@cython.final
cdef class DatagramListener:
    cdef object _socket
    cdef Resolver _resolver
    cdef unsigned long long[::1] _page
    cdef Upstreams _upstreams
    cdef object _loop
    cdef Inbox _inbox
    cdef list _answered
    cdef list _late

    @cython.locals(inbox=Inbox, count=Py_ssize_t, number=Py_ssize_t, received=double, _=int)
    cpdef object _readable(self)

    @cython.locals(inbox=Inbox)
    cdef int _serve(self, Py_ssize_t number, double received) except -1

    @cython.locals(seconds=double, source=Py_ssize_t, times="unsigned int")
    cdef int _observe(self, double received) except -1

    @cython.locals(source=Py_ssize_t)
    cpdef object reply(self, Forward forward, bytes response)
