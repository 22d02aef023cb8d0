# The C types of records.py.

cimport cython
from dnsguard.core cimport octets

cdef int _MAX_POINTERS
cdef long long _MAX_TTL
cdef int _MAX_NAME
cdef unsigned int _MAX_LABEL
cdef Py_ssize_t _HEADER_SIZE
cdef Py_ssize_t _FIXED
cdef Py_ssize_t _SOA_TAIL
cdef unsigned int _IN
cdef unsigned int _SOA
cdef unsigned int _NAPTR
cdef unsigned int _SVCB
cdef unsigned int _HTTPS
cdef Py_ssize_t _SERVICE_PREFIX
cdef unsigned int _IPV4_HINT
cdef unsigned int _IPV6_HINT
cdef unsigned int _DS
cdef unsigned int _RRSIG
cdef unsigned int _NSEC
cdef unsigned int _NSEC3
cdef unsigned int _TYPES
cdef bytes _PREFIXES
cdef bytes _COUNTS
cdef bytes _SIZES


@cython.final
cdef class RecordParser:
    cdef readonly bytes data
    cdef const unsigned char *message
    cdef Py_ssize_t size
    cdef Py_ssize_t checked
    cdef readonly Py_ssize_t position
    cdef readonly Py_ssize_t owner
    cdef readonly unsigned int rdatatype
    cdef readonly unsigned int rdataclass
    cdef readonly long long ttl
    cdef readonly Py_ssize_t rdata
    cdef readonly Py_ssize_t first_name
    cdef readonly Py_ssize_t second_name
    cdef readonly Py_ssize_t tail

    @cython.locals(
        message="const unsigned char *",
        fixed=Py_ssize_t,
        rdata=Py_ssize_t,
        end=Py_ssize_t,
        rdatatype="unsigned int",
        rdataclass="unsigned int",
    )
    cpdef int parse(self) except -1

    @cython.locals(message="const unsigned char *", target=Py_ssize_t)
    cpdef Py_ssize_t skip_name(self, Py_ssize_t position) except -1

    @cython.locals(message="const unsigned char *")
    cpdef Py_ssize_t label(self, Py_ssize_t position) noexcept

    @cython.locals(message="const unsigned char *", length=int, at=int, octet=int, difference=int)
    cpdef bint same_name(self, Py_ssize_t first, Py_ssize_t second) except -1

    @cython.locals(message="const unsigned char *", labels=list, end=Py_ssize_t)
    cpdef bytes name(self, Py_ssize_t position)

    cpdef unsigned int subject(self) noexcept

    @cython.locals(
        message="const unsigned char *",
        size=Py_ssize_t,
        limit=Py_ssize_t,
        after=Py_ssize_t,
        pointers=int,
        octets_of_name=int,
        length="unsigned int",
    )
    cdef Py_ssize_t _check_name(self, Py_ssize_t position) except -1

    @cython.locals(rdatatype="unsigned int", tail=Py_ssize_t)
    cdef int _parse_names(self) except -1

    @cython.locals(
        message="const unsigned char *",
        position=Py_ssize_t,
        length="unsigned int",
        key="unsigned int",
    )
    cdef int _check_service(self) except -1

    @cython.locals(message="const unsigned char *", _=int)
    cdef Py_ssize_t _skip_strings(self, Py_ssize_t position) except -1


@cython.locals(parser=RecordParser)
cpdef RecordParser parse_records(bytes data, Py_ssize_t position)

@cython.locals(start=Py_ssize_t, whole=bytes, message="unsigned char *")
cpdef RecordParser parse_answer(bytes question, bytes body)

cpdef long long bound_ttl(long long ttl, long long minimum, long long maximum) noexcept

cpdef bint is_proof(unsigned int subject) noexcept
