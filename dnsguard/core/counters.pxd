# The C types of counters.py.

cimport cython

cdef int _RESPONSES
cdef Py_ssize_t _LAST_BUCKET
cdef unsigned long long[::1] _bounds
cdef unsigned int _A
cdef unsigned int _AAAA
cdef unsigned int _HTTPS
cdef unsigned int _SVCB
cdef int _QTYPES
cdef int _RCODES
cdef int _HISTOGRAM_SIZE

@cython.locals(column=int)
cpdef int hit_offset(int trigger, unsigned int qtype)

cpdef int response_index(int source, int rcode)

@cython.locals(microseconds="unsigned long long", bucket=Py_ssize_t)
cpdef int observe(
    unsigned long long[::1] page, Py_ssize_t histogram, double seconds, unsigned int times=*
) except -1
