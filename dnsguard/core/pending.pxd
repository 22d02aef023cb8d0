# The C types of pending.py.

cimport cython
from dnsguard.core cimport octets

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
    cdef dict _clients
    cdef dict _zones
    cdef dict _subzones

    @cython.locals(client=Count, number=Py_ssize_t)
    cpdef Count enter(self, bytes address)

    cpdef int leave(self, Count client) except -1

    @cython.locals(
        name="const unsigned char *",
        second=Py_ssize_t,
        third=Py_ssize_t,
        last=Py_ssize_t,
        position=Py_ssize_t,
        zone_key=bytes,
        zone=Count,
    )
    cpdef Count open(self, bytes key)

    @cython.locals(subzone=Count)
    cdef Count _open_subzone(self, Count zone, bytes key)

    cpdef int close(self, Count zone) except -1


@cython.locals(count=Count)
cdef Count _count(dict table, bytes key, Count within)

cdef int _release(Count count) except -1
