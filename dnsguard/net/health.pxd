# The C types of health.py.

cimport cython

cdef int _FAILURES_UNTIL_DOWN


@cython.final
cdef class Health:
    cdef readonly bint up
    cdef int _failures
    cdef double _last_news
    cdef double _last_response
    cdef double _probed

    cpdef int responded(self, double now) except -1

    cpdef object failed(self, double sent, double now)

    @cython.locals(due=bint)
    cpdef bint probe_due(self, double now) except -1
