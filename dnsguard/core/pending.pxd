# The C types of pending.py.

cimport cython
from dnsguard.core cimport octets
from dnsguard.core.clients cimport network, unmap
from dnsguard.core.wire cimport Query

cdef Py_ssize_t _NETWORK_FACTOR
cdef Py_ssize_t _VERIFIED_SHARE
cdef Py_ssize_t _FEW
cdef Py_ssize_t _ZONE_SHARE
cdef Py_ssize_t _SUBZONE_SHARE
cdef Py_ssize_t _SUFFIX


@cython.final
cdef class Count:
    cdef bytes key
    cdef dict table
    cdef Count within
    cdef readonly Py_ssize_t number


@cython.final
cdef class Pending:
    cdef readonly Py_ssize_t waiting
    cdef object _exempt
    cdef Py_ssize_t _per_client
    cdef Py_ssize_t _per_zone
    cdef Py_ssize_t _per_subzone
    cdef dict _claimed
    cdef dict _claimed_networks
    cdef dict _verified
    cdef dict _verified_networks
    cdef dict _zones
    cdef dict _subzones

    @cython.locals(
        address=bytes, clients=dict, networks=dict, client=Count, around=Count, over=bint
    )
    cpdef Count enter(self, Query query)

    @cython.locals(key=bytes, around=Count)
    cdef Count _first(self, bytes address, dict clients, dict networks)

    cpdef int leave(self, Count client) except -1

    cpdef bint has_many(self, Count client) except -1

    @cython.locals(
        key=bytes,
        name="const unsigned char *",
        second=Py_ssize_t,
        third=Py_ssize_t,
        last=Py_ssize_t,
        position=Py_ssize_t,
        zone_key=bytes,
        zone=Count,
    )
    cpdef Count open(self, Query query)

    @cython.locals(subzone=Count)
    cdef Count _open_subzone(self, Count zone, bytes key, Query query)

    cpdef int close(self, Count zone) except -1


cpdef Py_ssize_t places(Py_ssize_t number, Query query) except -1

@cython.locals(count=Count)
cdef Count _count(dict table, bytes key, Count within)

cdef int _release(Count count) except -1
