# The C types of local.py.

cimport cython
from dnsguard.core.answer cimport Answer

cdef set _APEXES
cdef tuple _LAST_LABELS


@cython.final
cdef class LocalRecords:
    cdef dict _records
    cdef set _ancestors

    cpdef bint is_above(self, bytes name) except -1
    cpdef Answer find(self, bytes qname, unsigned int qtype)


cpdef bytes special_zone(bytes qname)
