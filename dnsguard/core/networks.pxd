# The C types of networks.py. The buffer may come damaged from disk: indexes into it are
# unsigned, so none counts from the end, and the bounds of its memory views stay checked.

cimport cython
from dnsguard.core cimport octets

cdef int _NETWORK
cdef unsigned long long _MAPPED
cdef unsigned long long _NAT64
cdef unsigned long long _6TO4
cdef unsigned long long _U32
cdef list _NOTHING


@cython.final
cdef class Networks:
    cdef readonly unsigned int count
    cdef const unsigned long long[::1] _starts6
    cdef const unsigned int[::1] _rules
    cdef const unsigned int[::1] _starts4
    cdef const unsigned int[::1] _numbers4
    cdef const unsigned int[::1] _numbers6

    @cython.locals(
        size=Py_ssize_t,
        high="unsigned long long",
        low="unsigned long long",
        carried=Py_ssize_t,
    )
    cpdef list find(self, bytes address)

    cdef list _matches(self, Py_ssize_t number, Py_ssize_t carried)

    @cython.locals(first=size_t, last=size_t, middle=size_t)
    cdef Py_ssize_t _find4(self, unsigned int address) except -1

    @cython.locals(first=size_t, last=size_t, middle=size_t, start="unsigned long long")
    cdef Py_ssize_t _find6(self, unsigned long long high, unsigned long long low) except -1

    @cython.locals(below=size_t, rule="unsigned int")
    cdef int _collect(self, size_t number, list matches) except -1
