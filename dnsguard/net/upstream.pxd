# The C types of upstream.py.

cimport cython
from dnsguard.core.answer cimport Answer
from dnsguard.core.pending cimport Count, Pending
from dnsguard.core.randomness cimport Randomness
from dnsguard.core.resolver cimport Forward, Resolver
from dnsguard.core.retry cimport Attempt, Retry, Route, start
from dnsguard.core.wheel cimport Wheel
from dnsguard.core.wire cimport Query
from dnsguard.net.batch cimport Inbox
from dnsguard.net.pool cimport PooledSocket, Receiver
from dnsguard.net.server cimport Server

cdef int _DONE
cdef int _WAIT


cdef class Exchange(Receiver):
    cdef bytes key
    cdef Count zone
    cdef dict table
    cdef list waiters
    cdef Upstreams _upstreams
    cdef list _servers
    cdef Retry _retry
    cdef set _slot

    cdef int start(self, Upstreams upstreams, Query query, Route route, double now) except -1

    @cython.locals(step=int, server=Server)
    cpdef bint received(self, Attempt attempt, bytes data, double now) except -1

    @cython.locals(server=Server)
    cpdef object failed(self, Attempt attempt, error)

    cpdef object distrusted(self, Attempt attempt)

    @cython.locals(attempt=Attempt, server=Server)
    cdef int timed_out(self, double now) except -1

    @cython.locals(attempt=Attempt, server=Server)
    cdef object _advance(self, double now)

    cdef int _wait_until(self, double when, double now) except -1

    cdef int _stop_waiting(self) except -1

    @cython.locals(attempt=Attempt)
    cdef bint _is_waiting(self) except -1

    @cython.locals(pooled=PooledSocket)
    cdef int _release(self, Attempt attempt) except -1

    @cython.locals(attempt=Attempt)
    cdef int close(self) except -1

    cdef int _finish(self, double now) except -1


@cython.final
cdef class Upstreams:
    cdef readonly object faults
    cdef readonly object generation
    cdef readonly Randomness randomness
    cdef readonly Wheel wheel
    cdef readonly list servers
    cdef Resolver _resolver
    cdef unsigned long long[::1] _page
    cdef object _loop
    cdef Inbox _inbox
    cdef Pending _pending
    cdef dict _exchanges
    cdef dict _routes
    cdef dict _known
    cdef bint _ticking
    cdef Py_ssize_t _max_pending

    @cython.locals(
        pending=Pending, client=Count, key=bytes, exchange=Exchange, full=bint, zone=Count
    )
    cpdef object forward(self, Forward forward, listener)

    cdef set wait(self, Exchange exchange, double when, double now)

    @cython.locals(now=double, exchange=Exchange)
    cpdef object _tick(self)

    @cython.locals(now=double, number=int, server=Server, exchange=Exchange)
    cpdef int probe(self) except -1

    @cython.locals(exchange=Exchange, server=Server)
    cpdef int close(self) except -1

    @cython.locals(forward=Forward, client=Count)
    cdef object finished(self, Exchange exchange, Answer answer, int ede, double now)

    cdef Route _route(self, Py_ssize_t zone)
