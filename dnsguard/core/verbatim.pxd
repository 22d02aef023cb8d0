# The C types of verbatim.py.

cimport cython
from dnsguard.core cimport octets
from dnsguard.core.answer cimport Answer
from dnsguard.core.records cimport RecordParser, bound_ttl, is_proof

cdef Py_ssize_t _MAX_NAMES
cdef long long _MAX_NEGATIVE_TTL
cdef Py_ssize_t _QNAME_OFFSET
cdef unsigned int _NXDOMAIN
cdef unsigned int _CNAME
cdef unsigned int _SOA
cdef unsigned int _RRSIG
cdef unsigned int _OPT
cdef unsigned int _ANY
cdef unsigned int _IN


@cython.final
cdef class Verbatim:
    cdef RecordParser _parser
    cdef unsigned int _qtype
    cdef long long _minimum
    cdef long long _maximum
    cdef Py_ssize_t _begin
    cdef Py_ssize_t _end
    cdef list _names
    cdef Py_ssize_t _owner
    cdef Py_ssize_t _next_owner
    cdef long long _stated_ttl
    cdef long long _ttl
    cdef unsigned int _ancount
    cdef unsigned int _nscount
    cdef bint _answered
    cdef bint _has_soa
    cdef bint _left_behind
    cdef list _ttl_offsets
    cdef bytearray _patched
    cdef list _proof

    @cython.locals(number="unsigned int")
    cpdef bint take(
        self,
        RecordParser parser,
        unsigned int ancount,
        unsigned int nscount,
        unsigned int qtype,
        long long minimum,
        long long maximum,
    ) except -1

    @cython.locals(
        message="const unsigned char *",
        patched="const unsigned char *",
        answer=Answer,
        negative=bint,
    )
    cpdef Answer compose(self, unsigned int rcode)

    @cython.locals(parser=RecordParser, owner=Py_ssize_t, stays=bint)
    cdef bint _take_answer(self) except -1

    @cython.locals(parser=RecordParser)
    cdef bint _take_authority(self) except -1

    @cython.locals(parser=RecordParser, least="long long")
    cdef bint _take_soa(self) except -1

    @cython.locals(
        parser=RecordParser,
        rdatatype="unsigned int",
        ttl="long long",
        owner=Py_ssize_t,
        another_ttl=bint,
    )
    cdef bint _take_proof(self) except -1

    @cython.locals(message="const unsigned char *")
    cdef Py_ssize_t _pointer(self, Py_ssize_t position) noexcept

    @cython.locals(parser=RecordParser, target=Py_ssize_t, name=Py_ssize_t)
    cdef bint _take_alias(self) except -1

    @cython.locals(parser=RecordParser)
    cdef bint _take_names(self) except -1

    @cython.locals(message="const unsigned char *", start=Py_ssize_t)
    cdef bint _take_name(self, Py_ssize_t position) except -1

    @cython.locals(message="const unsigned char *", position=Py_ssize_t, name=Py_ssize_t)
    cdef bint _is_label(self, Py_ssize_t offset) except -1

    @cython.locals(parser=RecordParser, message="const unsigned char *", owner=Py_ssize_t)
    cdef bint _is_above(self, Py_ssize_t position) except -1

    @cython.locals(parser=RecordParser, ttl="long long", position=Py_ssize_t)
    cdef int _keep(self, long long maximum) except -1
