# The C types of routes.py.

cimport cython
from dnsguard.core.randomness cimport Randomness
from dnsguard.core.route cimport Route
from dnsguard.net.batch cimport Inbox
from dnsguard.net.precedence cimport Precedence
from dnsguard.net.server cimport Server


@cython.final
cdef class Routes:
    cdef readonly list servers
    cdef unsigned long long[::1] _page
    cdef object _loop
    cdef Randomness _randomness
    cdef Precedence _precedence
    cdef Inbox _inbox
    cdef dict _known
    cdef list _routes
    cdef object _generation

    cpdef int configure(self, generation) except -1

    @cython.locals(server=Server)
    cdef Server _server(self, upstream)

    @cython.locals(route=Route)
    cpdef Route route(self, Py_ssize_t zone)

    cpdef int forget(self) except -1

    @cython.locals(now=double, server=Server)
    cpdef int show_health(self) except -1

    @cython.locals(server=Server)
    cpdef int close(self) except -1
