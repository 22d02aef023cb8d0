# The C types of wire.py.

cimport cython
from dnsguard.core cimport octets

cdef Py_ssize_t _HEADER_SIZE
cdef unsigned int _MIN_UDP_SIZE
cdef Py_ssize_t _MAX_NAME
cdef Py_ssize_t _KEY_SUFFIX
cdef unsigned int _FORMERR
cdef unsigned int _NOTIMP
cdef unsigned int _BADVERS
cdef unsigned int _OPT
cdef unsigned int _COOKIE


@cython.final
cdef class Query:
    cdef readonly bytes data
    cdef readonly bytes key
    cdef readonly Py_ssize_t end
    cdef readonly unsigned int id
    cdef readonly unsigned int flags
    cdef readonly unsigned int qtype
    cdef readonly unsigned int qclass
    cdef readonly unsigned int rcode
    cdef readonly unsigned int udp_size
    cdef readonly bint has_edns
    cdef readonly bint wants_dnssec


@cython.locals(
    message="const unsigned char *",
    size=Py_ssize_t,
    position=Py_ssize_t,
    length="unsigned int",
    query=Query,
    additional="unsigned int",
    variant="unsigned char",
)
cpdef Query parse_query(bytes data)

@cython.locals(
    message="const unsigned char *",
    size=Py_ssize_t,
    start=Py_ssize_t,
    end=Py_ssize_t,
    rdatatype="unsigned int",
    length="unsigned int",
    _="unsigned int",
)
cdef void _parse_additional(
    Query query, bytes data, Py_ssize_t position, unsigned int count
) noexcept

@cython.locals(message="const unsigned char *", code="unsigned int", length="unsigned int", bad_cookie=bint)
cdef void _parse_opt(Query query, bytes data, Py_ssize_t position, Py_ssize_t end) noexcept

@cython.locals(message="const unsigned char *", size=Py_ssize_t, length="unsigned int")
cpdef Py_ssize_t skip_name(bytes data, Py_ssize_t position) except? -2
