# The C types of precedence.py.

cimport cython


@cython.final
cdef class Precedence:
    cdef list _looks
    cdef double _every
    cdef double _next

    cpdef int add(self, look) except -1

    cpdef int remove(self, look) except -1

    cpdef int give(self) except -1
