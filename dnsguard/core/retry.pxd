# The C types of retry.py.

cimport cython
from dnsguard.core cimport octets
from dnsguard.core.answer cimport Answer
from dnsguard.core.randomness cimport Randomness
from dnsguard.core.response cimport Response, parse_response
from dnsguard.core.route cimport Attempt, Route
from dnsguard.core.wire cimport Query

cdef int _DONE
cdef int _WAIT
cdef int _NEXT
cdef int _DOUBT
cdef int _ANSWER
cdef int _FAILURE
cdef int _BARE
cdef unsigned int _FORMERR
cdef unsigned int _NOTIMP
cdef int _NO_REACHABLE_AUTHORITY
cdef int _NETWORK_ERROR
cdef int _NO_EDE
cdef unsigned int _RD
cdef unsigned int _AD
cdef unsigned int _CD
cdef int _MAX_ATTEMPTS
cdef int _MAX_TRIES
cdef Py_ssize_t _HEADER_SIZE
cdef Py_ssize_t _OPT_SIZE
cdef unsigned int _OPT
cdef unsigned int _UDP_SIZE
cdef unsigned int _DO


@cython.final
cdef class Retry:
    cdef readonly Answer answer
    cdef readonly Response response
    cdef readonly Attempt latest
    cdef readonly int ede
    cdef readonly double began
    cdef readonly double deadline
    cdef readonly double deadline_all_silent
    cdef readonly double resume
    cdef Query _query
    cdef readonly Route route
    cdef Randomness _randomness
    cdef int _attempts
    cdef Answer _doubtful
    cdef bint _bare
    cdef bint _told
    cdef Py_ssize_t _turn
    cdef list _again

    cdef int begin(self, Query query, Route route, Randomness randomness, double now) except -1

    @cython.locals(
        upstream=int,
        tcp=bint,
        edns=bint,
        upstreams=tuple,
        count=Py_ssize_t,
        _=Py_ssize_t,
        when=double,
    )
    cpdef Attempt next(self, double now)

    @cython.locals(response=Response, status=int, without_edns=bint)
    cpdef int result(self, Attempt attempt, bytes data) except -1

    cpdef int distrust(self, Attempt attempt) except -1

    cpdef int failed(self, Attempt attempt, bint by_us=*) except -1

    cpdef int give_up(self, Attempt attempt) except -1

    cdef int _doubt(self, Attempt attempt) except -1

    cdef int _ask_again(self, int upstream, bint tcp, bint edns) except -1

    @cython.locals(attempt=Attempt)
    cdef bint _is_alone(self) except -1

    @cython.locals(tries=int, attempt=Attempt)
    cdef bint _may_ask(self, int upstream, bint tcp) except -1

    @cython.locals(tries=Py_ssize_t, attempt=Attempt)
    cdef Py_ssize_t _tries(self, int upstream) except -1

    @cython.locals(attempt=Attempt, waits=bint)
    cdef double _when(self, int upstream) except -1

    @cython.locals(attempt=Attempt, until=double)
    cdef double _listens_until(self, double now) except -1

    @cython.locals(attempt=Attempt)
    cdef Attempt _attempt(self, int upstream, bint tcp, bint edns)

    @cython.locals(
        query=Query,
        key=bytes,
        name=Py_ssize_t,
        end=Py_ssize_t,
        composed=bytes,
        message="unsigned char *",
        bits="unsigned long long",
    )
    cdef int _compose(self, Attempt attempt) except -1

    @cython.locals(message="unsigned char *", left=int, position=Py_ssize_t, octet="unsigned char")
    cdef int _mix_case(self, bytes composed, Py_ssize_t size, unsigned long long bits) except -1


@cython.locals(retry=Retry)
cpdef Retry start(Query query, Route route, Randomness randomness, double now)
