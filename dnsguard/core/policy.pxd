# The C types of policy.py.

cimport cython
from dnsguard.core.blocked cimport Template
from dnsguard.core.image cimport Image
from dnsguard.core.networks cimport Networks

cdef int _ADDRESS


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


@cython.final
cdef class Policy:
    cdef readonly unsigned long long generation
    cdef readonly unsigned long long epoch
    cdef readonly tuple lists
    cdef readonly tuple views
    cdef tuple _images
    cdef tuple _networks
    cdef object _subnets
    cdef object _allowed
    cdef dict _off_switch_templates
    cdef dict _clients
    cdef list _signatures
    cdef dict _signature_ids

    @cython.locals(view=View)
    cpdef View view(self, bytes address)

    @cython.locals(image=Image)
    cpdef list matches(self, bytes name)

    @cython.locals(networks=Networks, matches=list)
    cpdef list address_matches(self, bytes address)

    cpdef Py_ssize_t signature(self, bytes qname) except -1

    @cython.locals(found=list, matches=list, trigger=int, hop=bytes)
    cpdef Py_ssize_t extend(self, Py_ssize_t signature, list hops) except -1

    @cython.locals(verdict=Verdict)
    cpdef Verdict verdict(self, View view, Py_ssize_t signature)
