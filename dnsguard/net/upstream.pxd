# The C types of upstream.py.

cimport cython
from dnsguard.core.answer cimport Answer
from dnsguard.core.pending cimport Count, Pending
from dnsguard.core.forward cimport Forward
from dnsguard.core.resolver cimport Resolver
from dnsguard.core.retry cimport Route
from dnsguard.core.wire cimport Query
from dnsguard.net.batch cimport Inbox
from dnsguard.net.exchange cimport Exchange, Exchanges
from dnsguard.net.server cimport Server


cdef class Upstreams(Exchanges):
    cdef readonly object generation
    cdef Resolver _resolver
    cdef unsigned long long[::1] _page
    cdef Inbox _inbox
    cdef Pending _pending
    cdef dict _asked
    cdef object _loops
    cdef list _routes
    cdef dict _known
    cdef Py_ssize_t _max_pending

    @cython.locals(
        pending=Pending, client=Count, key=bytes, exchange=Exchange, full=bint, zone=Count, route=Route
    )
    cpdef object forward(self, Forward forward, listener)

    @cython.locals(forward=Forward, key=bytes, zone=Count, route=Route)
    cpdef object refresh(self)

    @cython.locals(exchange=Exchange)
    cdef object _start(self, Forward forward, listener, Count client, Count zone, Route route)

    @cython.locals(now=double, number=int, server=Server, exchange=Exchange, query=Query)
    cpdef int probe(self) except -1

    @cython.locals(counter=Py_ssize_t, server=Server)
    cdef bint _came_back(self, Forward forward) except -1

    @cython.locals(exchange=Exchange, server=Server)
    cpdef int close(self) except -1

    @cython.locals(first=Forward, forward=Forward, client=Count)
    cdef object finished(self, Exchange exchange, Answer answer, int ede, double now)

    cdef object overdue(self, Exchange exchange, double now)

    @cython.locals(forward=Forward, client=Count, response=bytes)
    cdef bint _give_stale(self, tuple waiter, double now) except -1

    cdef object _keep(self, Forward forward, Answer answer, double now)

    @cython.locals(response=bytes)
    cdef int _reply(
        self, Forward forward, listener, Answer answer, int ede, double now
    ) except -1

    @cython.locals(route=Route)
    cdef Route _route(self, Py_ssize_t zone)
