# The C types of amplification.py.

cimport cython
from dnsguard.core.clients cimport network, unmap

cdef double _RATE
cdef double _BURST
cdef Py_ssize_t _MAX_BUDGETS
cdef double _SWEEP_EVERY


@cython.final
cdef class Budget:
    cdef double left
    cdef double when


@cython.final
cdef class Amplification:
    cdef dict _budgets
    cdef object _exempt
    cdef double _swept

    @cython.locals(key=bytes, budget=Budget, left=double)
    cpdef bint draw(self, bytes address, Py_ssize_t excess, double now) except -1

    @cython.locals(budget=Budget)
    cdef Budget _open(self, bytes key, double now)

    @cython.locals(budget=Budget)
    cdef object _forget_full(self, double now)
