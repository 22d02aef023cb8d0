# The C types of health.py.

cimport cython

cdef int _FAILURES_UNTIL_DOWN
cdef int _RESPONSES_UNTIL_UP
cdef double _PROBE_SUSPECT_EVERY
cdef double _MIN_PATIENCE
cdef double _GAIN
cdef double _DEVIATION_GAIN
cdef int _DEVIATIONS


@cython.final
cdef class Health:
    cdef readonly bint up
    cdef int _failures
    cdef int _responses
    cdef double _mean
    cdef double _deviation
    cdef bint _doubtful
    cdef double _looped
    cdef double _last_news
    cdef double _last_response
    cdef double _probed
    cdef double _suspected

    @cython.locals(error=double)
    cpdef int responded(self, double seconds, double now) except -1

    cpdef object failed(self, double sent, double now)

    cpdef bint is_silent(self, double since) except -1

    cpdef int doubt(self) except -1

    cpdef int looped(self, double now) except -1

    cpdef bint loops(self, double now) except -1

    cpdef double patience(self) except -1

    cpdef bint is_suspect(self, double now) except -1

    @cython.locals(since=double, due=bint)
    cpdef object probe_due(self, double now)
