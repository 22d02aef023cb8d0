# The C types of route.py.

cimport cython
from dnsguard.core.response cimport TtlBounds


@cython.final
cdef class Route:
    cdef readonly tuple upstreams
    cdef readonly TtlBounds bounds
    cdef readonly frozenset tcp_only
    cdef readonly frozenset trusted
    cdef readonly bint all_down
    cdef readonly double patience


@cython.final
cdef class Attempt:
    cdef readonly int upstream
    cdef readonly bint tcp
    cdef readonly bint trusted
    cdef readonly bint edns
    cdef readonly object query_id  # a key more often than a number
    cdef readonly bytes message
    cdef readonly bytes question
    cdef readonly double timeout
    cdef readonly double patience
    cdef readonly bint doubted
    cdef readonly bint failed
    cdef readonly bint given_up
    cdef readonly Attempt earlier
    cdef public double sent
    cdef public bint reported
    cdef public object receiver
    cdef public object carrier
