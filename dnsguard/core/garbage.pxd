# The C body of garbage.py.

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(object thing)


cdef inline void untrack(object thing) noexcept:
    PyObject_GC_UnTrack(thing)
