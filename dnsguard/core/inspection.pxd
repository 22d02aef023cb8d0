# The C types of inspection.py.

cimport cython
from dnsguard.core cimport octets
from dnsguard.core.answer cimport Answer
from dnsguard.core.cache cimport Entry
from dnsguard.core.policy cimport Policy
from dnsguard.core.records cimport RecordParser, parse_answer

cdef unsigned int _A
cdef unsigned int _CNAME
cdef unsigned int _AAAA
cdef unsigned int _DNAME
cdef unsigned int _SVCB
cdef unsigned int _HTTPS
cdef int _TO_CNAME
cdef int _TO_TARGET
cdef int _TO_ADDRESS
cdef int _TO_HINT
cdef unsigned int _IPV4_HINT
cdef unsigned int _IPV6_HINT
cdef Py_ssize_t _IPV4_SIZE
cdef Py_ssize_t _IPV6_SIZE
cdef unsigned int _IN
cdef Py_ssize_t _SERVICE_PREFIX
cdef Py_ssize_t _PARAMETER_PREFIX
cdef Py_ssize_t _KEY_SUFFIX


@cython.locals(
    name=bytes,
    epoch="unsigned long long",
    name_signature=Py_ssize_t,
    signature=Py_ssize_t,
)
cpdef object sign(Policy policy, Entry entry)

@cython.locals(hops=list)
cpdef Py_ssize_t inspect(
    Policy policy, Entry entry, Py_ssize_t name_signature, Answer answer
) except -1

@cython.locals(
    names=list,
    addresses=list,
    parser=RecordParser,
    _="unsigned int",
    rdatatype="unsigned int",
    address=bytes,
)
cpdef list find_hops(bytes question, Answer answer)

@cython.locals(
    data=bytes,
    message="const unsigned char *",
    position=Py_ssize_t,
    start=Py_ssize_t,
    key="unsigned int",
    end=Py_ssize_t,
    size=Py_ssize_t,
    at=Py_ssize_t,
)
cdef int _add_service(RecordParser parser, list names, list addresses) except -1
