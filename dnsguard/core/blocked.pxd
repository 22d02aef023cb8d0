# The C types of blocked.py.

cimport cython
from dnsguard.core.answer cimport Answer
from dnsguard.core.wire cimport Query

cdef unsigned int _A
cdef unsigned int _AAAA


cdef class Template:
    cdef Answer _default

    cpdef Answer answer(self, Query query)


cdef class _Sinkhole(Template):
    cdef Answer _a
    cdef Answer _aaaa

    cpdef Answer answer(self, Query query)


cdef class _Nxdomain(Template):
    cdef list _by_label

    @cython.locals(length="unsigned char")
    cpdef Answer answer(self, Query query)


cdef class DataTemplate(Template):
    cdef list _records
    cdef long long _ttl

    cpdef Answer answer(self, Query query)
