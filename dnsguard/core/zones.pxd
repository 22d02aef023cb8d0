# The C types of zones.py.

cimport cython


@cython.final
cdef class ForwardZones:
    cdef readonly bint empty
    cdef dict _zones
    cdef set _ancestors

    cpdef Py_ssize_t find(self, bytes qname) except -1
    cpdef bint covers(self, bytes qname, bytes apex) except -1
    cpdef bint is_above(self, bytes name) except -1
