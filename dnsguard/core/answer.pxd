# The C types of answer.py.

cimport cython
from dnsguard.core cimport octets
from dnsguard.core.wire cimport Query

cdef Py_ssize_t _HEADER_SIZE
cdef Py_ssize_t _OPT_SIZE
cdef Py_ssize_t _MAX_SIZE
cdef unsigned int _OPT
cdef long long _MAX_TTL
cdef unsigned int _RESPONSE
cdef unsigned int _ECHOED
cdef unsigned int _RCODE_MASK
cdef unsigned int _AD
cdef unsigned int _TC
cdef unsigned int _DO
cdef unsigned int _WANTS_PADDING
cdef Py_ssize_t _CODE_SIZE


@cython.final
cdef class Answer:
    cdef readonly bytes body
    cdef readonly tuple ttl_offsets
    cdef readonly long long ttl
    cdef readonly unsigned int rcode
    cdef readonly unsigned int ancount
    cdef readonly unsigned int nscount
    cdef public bint authentic


cpdef Answer negative_answer(unsigned int rcode, unsigned int owner_offset, long long ttl)

@cython.locals(
    flags="unsigned int",
    limit=Py_ssize_t,
    end=Py_ssize_t,
    body=Py_ssize_t,
    opt=Py_ssize_t,
    options=bytes,
    fits=bint,
    response=bytes,
    message="unsigned char *",
    offset=Py_ssize_t,
    ttl="long long",
)
cpdef bytes compose_response(
    Query query,
    Answer answer,
    Py_ssize_t size_limit,
    unsigned int udp_size=*,
    long long age=*,
    long long ceiling=*,
    bytes option=*,
)

cdef bytes _without_text(bytes option)

@cython.locals(least=Py_ssize_t, padded=Py_ssize_t)
cdef bytes _padding(Py_ssize_t size, Py_ssize_t limit)

cpdef bytes compose_error(Query query, unsigned int udp_size=*, Py_ssize_t size_limit=*)
