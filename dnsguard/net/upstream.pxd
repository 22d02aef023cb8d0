# The C types of upstream.py.

cimport cython
from dnsguard.core.answer cimport Answer
from dnsguard.core.pending cimport Count, Pending, places
from dnsguard.core.forward cimport Forward
from dnsguard.core.resolver cimport Resolver
from dnsguard.core.route cimport Route
from dnsguard.core.wire cimport Query
from dnsguard.net.exchange cimport Alike, Exchange, Exchanges
from dnsguard.net.routes cimport Routes
from dnsguard.net.server cimport Server

cdef double _LATE
cdef double _GIVES_WAY
cdef Py_ssize_t _STAYING_SHARE
cdef Py_ssize_t _LATE_INDEX


cdef class Upstreams(Exchanges):
    cdef readonly object generation
    cdef Resolver _resolver
    cdef unsigned long long[::1] _page
    cdef Pending _pending
    cdef dict _asked
    cdef Py_ssize_t _giving_way
    cdef object _loops
    cdef readonly Routes routes
    cdef Py_ssize_t _max_pending
    cdef Py_ssize_t _max_alike
    cdef list _alike

    @cython.locals(
        pending=Pending,
        query=Query,
        client=Count,
        key=bytes,
        exchange=Exchange,
        zone=Count,
        route=Route,
        limit=str,
        staying=Py_ssize_t,
        now=double,
    )
    cpdef object forward(self, Forward forward, listener)

    cdef int _stay(self, Exchange exchange) except -1

    @cython.locals(query=Query, alike=Alike, limit=str, oldest=Exchange)
    cdef str _make_room(self, Forward forward, double now)

    @cython.locals(oldest=Exchange, since=double, alike=Alike, exchange=Exchange)
    cdef Exchange _oldest(self, list groups)

    @cython.locals(first=Forward, client=Count, waiting=list, forward=Forward, counted=Count)
    cdef object _give_way(self, Exchange exchange, str limit, double now)

    cdef object _end(self, Exchange exchange)

    @cython.locals(forward=Forward, key=bytes, zone=Count, route=Route)
    cpdef object refresh(self)

    @cython.locals(exchange=Exchange)
    cdef object _start(self, Forward forward, listener, Count client, Count zone, Route route)

    @cython.locals(now=double, server=Server)
    cpdef int retire_idle(self) except -1

    @cython.locals(now=double, number=int, server=Server)
    cpdef int probe(self) except -1

    @cython.locals(number=int, server=Server)
    cdef object probe_suspects(self, double now)

    @cython.locals(exchange=Exchange, query=Query)
    cdef object _probe(self, int number, double now, bint routine, bint extra)

    @cython.locals(counter=Py_ssize_t, server=Server)
    cdef bint _came_back(self, Forward forward) except -1

    @cython.locals(exchange=Exchange)
    cdef object _avoid(self, Server server, double now)

    @cython.locals(exchange=Exchange, server=Server)
    cpdef int close(self) except -1

    @cython.locals(first=Forward, forward=Forward, client=Count)
    cdef object finished(self, Exchange exchange, Answer answer, int ede, double now)

    cdef object overdue(self, Exchange exchange, double now)

    @cython.locals(forward=Forward, client=Count, response=bytes)
    cdef bint _give_stale(self, tuple waiter, double now) except -1

    cdef object _keep(self, Forward forward, Answer answer, double now)

    @cython.locals(late=bint, many=bint, response=bytes)
    cdef object _reply(
        self, Forward forward, listener, Count client, Answer answer, int ede, double now
    )

    cdef object _refuse(self, Forward forward, listener, Count client, str limit, double now)
