# The C types of policy.py.

cimport cython
from dnsguard.core.image cimport Image
from dnsguard.core.networks cimport Networks
from dnsguard.core.view cimport Verdict, View

cdef int _ADDRESS
cdef list _NOTHING


@cython.final
cdef class Policy:
    cdef readonly unsigned long long generation
    cdef readonly unsigned long long epoch
    cdef readonly tuple lists
    cdef readonly object judge
    cdef readonly tuple views
    cdef tuple _images
    cdef tuple _networks
    cdef object _subnets
    cdef object _allowed
    cdef dict _clients
    cdef list _signatures
    cdef dict _signature_ids

    @cython.locals(view=View)
    cpdef View view(self, bytes address)

    @cython.locals(image=Image)
    cpdef list matches(self, bytes name)

    @cython.locals(networks=Networks, matches=list, found=list)
    cpdef list address_matches(self, bytes address)

    cpdef Py_ssize_t signature(self, bytes qname) except -1

    @cython.locals(found=list, matches=list, trigger=int, hop=bytes)
    cpdef Py_ssize_t extend(self, Py_ssize_t signature, list hops) except -1

    @cython.locals(verdict=Verdict)
    cpdef Verdict verdict(self, View view, Py_ssize_t signature)
