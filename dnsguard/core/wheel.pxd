# The C types of wheel.py.

cimport cython

cdef Py_ssize_t _SLOTS
cdef double _TICKS_PER_SECOND


@cython.final
cdef class Wheel:
    cdef readonly Py_ssize_t size
    cdef list _slots
    cdef long long _tick

    @cython.locals(tick="long long", slot=set)
    cpdef set add(self, object thing, double when, double now)

    @cython.locals(before=Py_ssize_t)
    cpdef int remove(self, object thing, set slot) except -1

    @cython.locals(things=list, last="long long", slot=set)
    cpdef list due(self, double now)
