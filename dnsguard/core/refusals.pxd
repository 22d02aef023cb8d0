# The C types of refusals.py.

from dnsguard.core.wire cimport Query

cdef unsigned int _FIRST_META_TYPE
cdef unsigned int _OPT
cdef unsigned int _IN

cpdef bint asks_for_data(Query query) except -1

cpdef tuple refusal(Query query)
