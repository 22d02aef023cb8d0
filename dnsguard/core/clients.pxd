# The C types of clients.py.

from dnsguard.core cimport octets

cdef Py_ssize_t _SIZE4
cdef Py_ssize_t _NETWORK4
cdef Py_ssize_t _NETWORK6

cpdef bytes unmap(bytes address)

cpdef bytes network(bytes address)
