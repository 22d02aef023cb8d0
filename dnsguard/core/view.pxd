# The C types of view.py.

cimport cython
from dnsguard.core.blocked cimport Template


@cython.final
cdef class Verdict:
    cdef readonly bint blocks
    cdef readonly Py_ssize_t counter
    cdef readonly int trigger
    cdef readonly Template template
    cdef readonly bytes option
    cdef readonly Verdict shadow
    cdef readonly str policy
    cdef readonly int list_id


@cython.final
cdef class View:
    cdef readonly bint refused
    cdef readonly bint strips_ech
    cdef readonly Py_ssize_t counter
    cdef readonly Py_ssize_t rebinding
    cdef readonly long long ceiling
    cdef readonly list verdicts
    cdef readonly str group
    cdef readonly tuple policies
