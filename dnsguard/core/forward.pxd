# The C types of forward.py.

cimport cython
from dnsguard.core.cache cimport Entry
from dnsguard.core.wire cimport Query


@cython.final
cdef class Forward:
    cdef public Query query
    cdef public Entry entry
    cdef public int transport
    cdef public Py_ssize_t zone
    cdef public str routing
    cdef public double received
    cdef public double patience
    cdef public object envelope
