# The C types of pool.py.

cimport cython
from dnsguard.core cimport octets
from dnsguard.core.randomness cimport Randomness
from dnsguard.core.route cimport Attempt
from dnsguard.net.batch cimport Inbox
from dnsguard.net.precedence cimport Precedence

cdef Py_ssize_t _MAX_BATCH


cdef class Receiver:
    cpdef bint received(self, Attempt attempt, bytes data, double now) except -1
    cpdef object failed(self, Attempt attempt, error)
    cpdef object distrusted(self, Attempt attempt)


@cython.final
cdef class PooledSocket:
    cdef Pool _pool
    cdef object _socket
    cdef dict _attempts
    cdef list _messages
    cdef Py_ssize_t _open
    cdef Py_ssize_t _mismatches
    cdef bint _live
    cdef double _used

    cdef bint has(self, object query_id) except -1

    cdef Py_ssize_t add(self, Attempt attempt) except -1

    cdef bint is_idle(self, double now) except -1

    @cython.locals(messages=list)
    cdef object flush(self)

    cpdef int release(self, Attempt attempt) except -1

    cdef int retire(self) except -1

    cdef int _close(self) except -1

    @cython.locals(inbox=Inbox, count=Py_ssize_t, number=Py_ssize_t, now=double)
    cpdef object readable(self)

    @cython.locals(query_id=int, attempt=Attempt, receiver=Receiver)
    cdef int _take(self, bytes data, double now) except -1

    cdef int _mistrust(self) except -1

    cpdef int _fail(self, error) except -1


@cython.final
cdef class Pool:
    cdef readonly Py_ssize_t sockets
    cdef object loop
    cdef Inbox inbox
    cdef object mismatched
    cdef Precedence precedence
    cdef object _upstream
    cdef Randomness _randomness
    cdef list _live
    cdef PooledSocket _current
    cdef bint _flushing
    cdef bint _closed
    cdef double _fresh_after

    @cython.locals(count=Py_ssize_t)
    cpdef int send(self, Attempt attempt) except -1

    @cython.locals(current=PooledSocket)
    cpdef int flush(self) except -1

    cdef int _send_some(self) except -1

    cpdef object _flush_soon(self)

    @cython.locals(pooled=PooledSocket)
    cpdef int retire_idle(self, double now) except -1

    @cython.locals(pooled=PooledSocket)
    cpdef int renew(self) except -1

    cpdef int close(self) except -1

    cdef int forget(self, PooledSocket pooled) except -1

    @cython.locals(live=list, count=Py_ssize_t, first=Py_ssize_t, number=Py_ssize_t, pooled=PooledSocket)
    cdef PooledSocket _choose(self, Attempt attempt)

    @cython.locals(pooled=PooledSocket, oldest=PooledSocket)
    cdef PooledSocket _open(self, double now)
