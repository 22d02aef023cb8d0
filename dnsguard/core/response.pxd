# The C types of response.py.

cimport cython
from dnsguard.core cimport octets
from dnsguard.core.answer cimport Answer
from dnsguard.core.records cimport RecordParser, parse_records
from dnsguard.core.verbatim cimport Verbatim

cdef unsigned int _MAX_RECORDS
cdef int _NO_EDE
cdef unsigned int _FIRST_PRIVATE_EDE
cdef Py_ssize_t _HEADER_SIZE
cdef unsigned int _NOERROR
cdef unsigned int _NXDOMAIN
cdef unsigned int _OPT
cdef unsigned int _EDE
cdef int _ANSWER
cdef int _MISMATCH
cdef int _CASE_MISMATCH
cdef int _MALFORMED
cdef int _TRUNCATED
cdef int _FAILURE
cdef int _BARE


@cython.final
cdef class Response:
    cdef readonly int status
    cdef readonly unsigned int rcode
    cdef readonly Answer answer
    cdef readonly bint has_edns
    cdef readonly int ede


@cython.final
cdef class TtlBounds:
    cdef readonly long long minimum
    cdef readonly long long maximum


@cython.locals(
    message="const unsigned char *",
    flags="unsigned int",
    rcode="unsigned int",
    questions="unsigned int",
    start=Py_ssize_t,
    echoed=bytes,
    response=Response,
)
cpdef Response parse_response(
    bytes data, unsigned int query_id, bytes question, TtlBounds bounds, bint trusted
)

@cython.locals(
    message="const unsigned char *",
    flags="unsigned int",
    rcode="unsigned int",
    response=Response,
)
cdef Response _judge(bytes data, bytes question, TtlBounds bounds, bint trusted)

@cython.locals(response=Response)
cdef Response _judged(int status, unsigned int rcode)

@cython.locals(
    message="const unsigned char *",
    ancount="unsigned int",
    nscount="unsigned int",
    arcount="unsigned int",
    start=Py_ssize_t,
    qtype="unsigned int",
    minimum="long long",
    maximum="long long",
    parser=RecordParser,
    verbatim=Verbatim,
)
cdef int _parse_sections(Response response, bytes data, bytes question, TtlBounds bounds) except -1

@cython.locals(_="unsigned int")
cdef int _parse_additional(
    Response response, RecordParser parser, unsigned int count
) except -1

@cython.locals(message="const unsigned char *", code="unsigned int", length="unsigned int", ede="unsigned int")
cdef int _find_ede(bytes data, Py_ssize_t position, Py_ssize_t end) except? -2
