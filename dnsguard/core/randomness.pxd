# The C types of randomness.py.

cimport cython
from dnsguard.core cimport octets

cdef Py_ssize_t _REFILL


@cython.final
cdef class Randomness:
    cdef object _source
    cdef bytes _octets
    cdef Py_ssize_t _position

    @cython.locals(position=Py_ssize_t, high="unsigned long long")
    cpdef unsigned long long draw(self) except? 0

    cdef int _refill(self) except -1
