# The C types of resolver.py.

cimport cython
from dnsguard.core cimport counters
from dnsguard.core.answer cimport Answer, compose_error, compose_response
from dnsguard.core.cache cimport Cache, Entry
from dnsguard.core.local cimport LocalRecords, special_zone
from dnsguard.core.policy cimport Policy, Verdict, View
from dnsguard.core.wire cimport Query, parse_query
from dnsguard.core.zones cimport ForwardZones

cdef unsigned int _FIRST_META_TYPE
cdef unsigned int _OPT
cdef unsigned int _IN
cdef int _UDP
cdef unsigned int _RD
cdef Py_ssize_t _MAX_SIZE
cdef long long _MAX_TTL
cdef int _FROM_CACHE
cdef int _FROM_UPSTREAM
cdef int _FROM_POLICY
cdef int _FROM_LOCAL
cdef int _FROM_REFUSAL
cdef Answer _REFUSED
cdef Answer _FORMERR
cdef Answer _SERVFAIL
cdef bytes _PROHIBITED
cdef bytes _NOT_AUTHORITATIVE


@cython.final
cdef class Forward:
    cdef readonly Query query
    cdef readonly Entry entry
    cdef readonly bytes address
    cdef readonly int transport
    cdef readonly Py_ssize_t zone
    cdef readonly str routing
    cdef readonly double received
    cdef public object envelope


@cython.final
cdef class Resolver:
    cdef readonly Policy policy
    cdef readonly object settings
    cdef readonly Cache cache
    cdef readonly int source
    cdef readonly unsigned long long[::1] page
    cdef unsigned int _udp_size
    cdef ForwardZones _zones
    cdef LocalRecords _local
    cdef str _routing

    @cython.locals(
        query=Query,
        policy=Policy,
        view=View,
        entry=Entry,
        verdict=Verdict,
        answer=Answer,
        qtype="unsigned int",
        age="long long",
    )
    cpdef object query(self, bytes data, bytes address, int transport, double now)

    @cython.locals(forward=Forward)
    cdef Forward _forward(
        self, Query query, Entry entry, bytes address, int transport, double now
    )

    @cython.locals(entry=Entry)
    cdef Entry _entry_of(self, Forward forward)

    @cython.locals(entry=Entry)
    cpdef bytes response(self, Forward forward, Answer answer, double now)

    cpdef bytes failure(self, Forward forward, int ede, double now)

    @cython.locals(entry=Entry)
    cdef Entry _entry(self, Query query)

    @cython.locals(query=Query, view=View, verdict=Verdict, transport=int, source=int)
    cdef bytes _finish(self, Forward forward, Entry entry, Answer answer, bytes option)

    @cython.locals(policy=Policy, answer=Answer)
    cdef Entry _match(self, Query query, Entry entry)

    cdef bint _is_forwarded(self, Query query, bytes apex) except -1

    cdef bytes _block(self, Query query, Verdict verdict, View view, int transport)

    cdef bytes _refuse(self, Query query, Answer answer, int transport, bytes option=*)

    @cython.locals(limit=Py_ssize_t)
    cdef bytes _compose(
        self,
        Query query,
        Answer answer,
        int transport,
        int source,
        long long age,
        long long ceiling,
        bytes option=*,
    )

    cdef int _count(self, int source, unsigned int rcode) except -1

    cdef int _count_hit(self, Verdict verdict, Query query) except -1
