# The C types of tunnels.py.

cimport cython
from dnsguard.core cimport octets

cdef Py_ssize_t _KEY_SUFFIX
cdef Py_ssize_t _LONG
cdef long long _MOST
cdef double _WINDOW
cdef Py_ssize_t _MAX_DOMAINS


@cython.final
cdef class Tunnels:
    cdef dict _carried
    cdef double _ends

    @cython.locals(
        size=Py_ssize_t,
        name="const unsigned char *",
        domain=Py_ssize_t,
        last=Py_ssize_t,
        position=Py_ssize_t,
        below=bytes,
        carried="long long",
    )
    cpdef bint note(self, bytes key, double now) except -1
