# The C types of exchange.py.

cimport cython
from dnsguard.core.answer cimport Answer
from dnsguard.core.pending cimport Count
from dnsguard.core.randomness cimport Randomness
from dnsguard.core.forward cimport Forward
from dnsguard.core.retry cimport Retry, start
from dnsguard.core.route cimport Attempt, Route
from dnsguard.core.wheel cimport Wheel
from dnsguard.core.wire cimport Query
from dnsguard.net.pool cimport PooledSocket, Receiver
from dnsguard.net.precedence cimport Precedence
from dnsguard.net.server cimport Server

cdef int _DONE
cdef int _WAIT
cdef int _DOUBT
cdef int _MISMATCH
cdef int _OTHER
cdef double _HEDGE_SHARE
cdef double _HEDGE_BURST


@cython.final
cdef class Alike:
    cdef Py_ssize_t number
    cdef dict giving_way


cdef class Exchange(Receiver):
    cdef bytes key
    cdef Count zone
    cdef Alike alike
    cdef dict table
    cdef Forward first
    cdef object listener
    cdef Count client
    cdef double patience
    cdef bint extra
    cdef list joined
    cdef Exchanges _exchanges
    cdef list _servers
    cdef Retry _retry
    cdef set _slot
    cdef double _when

    cdef int join(self, Forward forward, listener, Count client) except -1

    cdef int start(self, Exchanges exchanges, Query query, Route route, double now) except -1

    @cython.locals(answered=bint)
    cpdef bint received(self, Attempt attempt, bytes data, double now) except -1

    @cython.locals(step=int, server=Server, forged=bint)
    cdef bint _take(self, Attempt attempt, bytes data, double now) except -1

    @cython.locals(server=Server, ours=bint)
    cpdef object failed(self, Attempt attempt, error)

    cpdef object distrusted(self, Attempt attempt)

    @cython.locals(waited=bint, attempt=Attempt)
    cdef object avoid(self, Server server, double now)

    cdef object timed_out(self, double now)

    @cython.locals(attempt=Attempt, server=Server, late=bint, silent=bint)
    cdef object _ask_on(self, double now)

    cdef bint _is_over(self, double now) except -1

    @cython.locals(server=Server)
    cdef int _hedge(self, Attempt attempt, double now) except -1

    @cython.locals(attempt=Attempt, server=Server, patience=double)
    cdef object _advance(self, double now)

    cdef int _wait_until(self, double when, double now) except -1

    @cython.locals(upstream=int, server=Server)
    cdef bint _all_silent(self) except -1

    cdef int _stop_waiting(self) except -1

    @cython.locals(attempt=Attempt)
    cdef bint _is_waiting(self) except -1

    @cython.locals(pooled=PooledSocket)
    cdef int _release(self, Attempt attempt) except -1

    @cython.locals(attempt=Attempt)
    cdef int close(self) except -1

    cdef int _finish(self, double now) except -1


cdef class Exchanges:
    cdef readonly object faults
    cdef readonly Precedence precedence
    cdef readonly Randomness randomness
    cdef readonly Wheel wheel
    cdef readonly list servers
    cdef object _loop
    cdef double _hedges
    cdef readonly bint ticking

    cdef object finished(self, Exchange exchange, Answer answer, int ede, double now)

    cdef object overdue(self, Exchange exchange, double now)

    cdef object probe_suspects(self, double now)

    cdef int earn_hedge(self) except -1

    cdef bint spend_hedge(self) except -1

    cdef set wait(self, Exchange exchange, double when, double now)

    @cython.locals(now=double, exchange=Exchange)
    cpdef object _tick(self)

    cdef int give_up(self, Exchange exchange, double now) except -1
