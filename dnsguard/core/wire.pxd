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
cdef unsigned int _CLIENT_SUBNET
cdef unsigned int _COOKIE
cdef unsigned int _KEEPALIVE
cdef unsigned int _PADDING
cdef int _UDP
cdef int _TCP
cdef int _DOT
cdef unsigned int _HAS_COOKIE
cdef unsigned int _WANTS_KEEPALIVE
cdef unsigned int _WANTS_PADDING


@cython.final
cdef class Query:
    cdef public bytes address
    cdef readonly bytes data
    cdef readonly bytes key
    cdef public bytes response_options
    cdef readonly Py_ssize_t end
    cdef readonly unsigned int id
    cdef readonly unsigned int flags
    cdef readonly unsigned int qtype
    cdef readonly unsigned int qclass
    cdef readonly unsigned int rcode
    cdef readonly unsigned int udp_size
    cdef readonly unsigned int options
    cdef readonly unsigned int cookie
    cdef readonly unsigned int cookie_size
    cdef readonly bint has_edns
    cdef readonly bint verified
    cdef readonly bint wants_dnssec


@cython.locals(
    message="const unsigned char *",
    size=Py_ssize_t,
    position=Py_ssize_t,
    length="unsigned int",
    query=Query,
    additional="unsigned int",
    others="unsigned int",
    variant="unsigned char",
)
cpdef Query parse_query(bytes data, int transport=*)

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
    Query query, bytes data, Py_ssize_t position, unsigned int count, int transport
) noexcept

@cython.locals(
    message="const unsigned char *", code="unsigned int", length="unsigned int", start=Py_ssize_t
)
cdef void _parse_opt(
    Query query, bytes data, Py_ssize_t position, Py_ssize_t end, int transport
) noexcept

cdef bint _take_option(
    Query query,
    bytes data,
    unsigned int code,
    Py_ssize_t start,
    unsigned int length,
    int transport,
) noexcept

@cython.locals(
    message="const unsigned char *",
    family="unsigned int",
    longest="unsigned int",
    prefix="unsigned int",
)
cdef bint _is_client_subnet(bytes data, Py_ssize_t start, unsigned int length) noexcept

@cython.locals(message="const unsigned char *", size=Py_ssize_t, length="unsigned int")
cpdef Py_ssize_t skip_name(bytes data, Py_ssize_t position) except? -2
