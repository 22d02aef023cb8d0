# The C types of resolver.py.

cimport cython
from dnsguard.core.answer cimport Answer
from dnsguard.core.cache cimport Cache, Entry
from dnsguard.core.denials cimport Denials
from dnsguard.core.forward cimport Forward
from dnsguard.core.inspection cimport inspect, sign
from dnsguard.core.local cimport LocalRecords, special_zone
from dnsguard.core.policy cimport Policy
from dnsguard.core.refusals cimport asks_for_data, refusal
from dnsguard.core.replies cimport Replies
from dnsguard.core.tunnels cimport Tunnels
from dnsguard.core.view cimport Verdict, View
from dnsguard.core.wire cimport Query, parse_query
from dnsguard.core.zones cimport ForwardZones

cdef unsigned int _RD
cdef Py_ssize_t _HEADER_SIZE
cdef int _FROM_CACHE
cdef int _FROM_UPSTREAM
cdef int _FROM_STALE
cdef int _FROM_POLICY
cdef int _FROM_LOCAL
cdef Answer _REFUSED
cdef Answer _SERVFAIL
cdef tuple _PROHIBITED
cdef bytes _NOT_AUTHORITATIVE
cdef bytes _STALE
cdef bytes _STALE_NXDOMAIN
cdef bytes _CACHED_ERROR
cdef bytes _NOT_READY
cdef long long _STALE_TTL
cdef double _STALE_RETRY
cdef double _PATIENCE
cdef double _FAILURE_TTL
cdef double _FOREVER
cdef unsigned int _POPULAR
cdef unsigned int _NXDOMAIN
cdef int _OTHER
cdef int _NO_REACHABLE_AUTHORITY
cdef int _NETWORK_ERROR
cdef Py_ssize_t _TUNNEL


@cython.final
cdef class Resolver:
    cdef readonly Policy policy
    cdef readonly object settings
    cdef readonly Cache cache
    cdef readonly Replies replies
    cdef public list refreshes
    cdef readonly unsigned long long[::1] page
    cdef double _serve_stale
    cdef bint _was_answered
    cdef Denials _denials
    cdef Tunnels _tunnels
    cdef ForwardZones _zones
    cdef LocalRecords _local
    cdef str _routing

    cpdef object query(self, bytes data, bytes address, int transport, double now)

    @cython.locals(
        query=Query,
        policy=Policy,
        view=View,
        entry=Entry,
        replies=Replies,
        refused=Answer,
        option=bytes,
    )
    cpdef object recall(self, bytes data, bytes address, int transport, double now)

    @cython.locals(view=View)
    cpdef object resolve(self, Query query, int transport, double now)

    @cython.locals(
        verdict=Verdict,
        replies=Replies,
        answer=Answer,
        age="long long",
        allowed=bint,
        fresh=bint,
    )
    cdef object _decide(self, Query query, Entry entry, View view, int transport, double now)

    @cython.locals(zone=Py_ssize_t, denial=Entry, answer=Answer, age="long long", option=bytes)
    cdef object _answer_or_forward(
        self, Query query, Entry entry, View view, int transport, double now
    )

    @cython.locals(forward=Forward)
    cdef Forward _forward(
        self,
        Query query,
        Entry entry,
        int transport,
        Py_ssize_t zone,
        double now,
    )

    cdef object _refresh(self, Query query, Entry entry, int transport, double now)

    @cython.locals(entry=Entry)
    cdef Entry _entry_of(self, Forward forward)

    @cython.locals(entry=Entry)
    cpdef bytes response(self, Forward forward, Answer answer, double now)

    cpdef object refreshed(self, Forward forward, Answer answer, double now)

    @cython.locals(entry=Entry, signature=Py_ssize_t)
    cdef Entry _keep(self, Forward forward, Answer answer, double now)

    @cython.locals(entry=Entry, stale=bint, view=View, option=bytes)
    cpdef bytes failure(self, Forward forward, int ede, double now)

    @cython.locals(query=Query)
    cpdef bytes refuse(self, Forward forward, double now)

    @cython.locals(entry=Entry)
    cpdef bytes stale(self, Forward forward, double now)

    cdef bint _is_stale(self, Entry entry, double now) noexcept

    @cython.locals(answer=Answer, option=bytes)
    cdef bytes _give_stale(
        self, Query query, Entry entry, View view, int transport, double now
    )

    @cython.locals(entry=Entry)
    cdef Entry _entry(self, Query query)

    @cython.locals(answer=Answer)
    cdef Entry _match(self, Query query, Entry entry)

    cdef bint _is_forwarded(self, Query query, bytes apex) except -1

    @cython.locals(view=View, source=int, signature=Py_ssize_t)
    cdef bytes _finish(
        self, Forward forward, Entry entry, Answer answer, double now, bytes option=*
    )

    @cython.locals(verdict=Verdict, ceiling="long long")
    cdef bytes _give(
        self,
        Query query,
        View view,
        Py_ssize_t signature,
        Answer answer,
        int transport,
        int source,
        long long age,
        double now,
        bytes option,
    )

    cdef Answer _without_ech(self, Query query, Answer answer)

    cdef bytes _block(
        self, Query query, Verdict verdict, View view, int transport, double now
    )
