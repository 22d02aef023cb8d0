# The C types of local.py.

cimport cython
from dnsguard.core.answer cimport Answer

cdef set _APEXES
cdef tuple _LAST_LABELS


@cython.final
cdef class LocalRecords:
    cdef dict _records

    cpdef Answer find(self, bytes qname, unsigned int qtype)


cpdef bytes special_zone(bytes qname)
