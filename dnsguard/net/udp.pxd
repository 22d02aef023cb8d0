# The C types of udp.py.

cimport cython
from dnsguard.core cimport counters
from dnsguard.core.forward cimport Forward
from dnsguard.core.resolver cimport Resolver
from dnsguard.core.wire cimport Query
from dnsguard.net.batch cimport Inbox
from dnsguard.net.upstream cimport Upstreams

cdef int _UDP
cdef int _MAX_ROUNDS
cdef Py_ssize_t _MAX_LEFT
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
    cdef list _left
    cdef bint _going_on

    @cython.locals(count=Py_ssize_t, _=int)
    cpdef object _readable(self)

    cpdef object look(self)

    @cython.locals(inbox=Inbox, count=Py_ssize_t, number=Py_ssize_t, received=double)
    cdef Py_ssize_t _answer(self) except -1

    @cython.locals(inbox=Inbox)
    cdef int _recall(self, Py_ssize_t number, double received) except -1

    cpdef object _go_on_soon(self)

    @cython.locals(left=list, received=double)
    cdef int _go_on(self) except -1

    cdef int _resolve(self, object outcome, object envelope, double received) except -1

    @cython.locals(seconds=double, source=Py_ssize_t, times="unsigned int")
    cdef int _observe(self, double received) except -1

    cpdef object reply(self, Forward forward, bytes response)

    @cython.locals(source=Py_ssize_t)
    cdef int _send_soon(self, bytes response, object envelope, double received) except -1
