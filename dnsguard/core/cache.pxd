# The C types of cache.py.

cimport cython
from dnsguard.core cimport garbage
from dnsguard.core.answer cimport Answer

cdef Py_ssize_t _TABLES
cdef Py_ssize_t _MAX_CHANCES
cdef Py_ssize_t _ENTRY_OVERHEAD


@cython.final
cdef class Entry:
    cdef public unsigned long long epoch
    cdef public Py_ssize_t signature
    cdef public double stored
    cdef public double expires
    cdef public Answer answer
    cdef public bint local
    cdef public bint used


@cython.final
cdef class Cache:
    cdef public Py_ssize_t size
    cdef public Py_ssize_t bytes
    cdef list _tables
    cdef list _ring
    cdef Py_ssize_t _hand

    @cython.locals(entry=Entry)
    cpdef Entry get(self, object key)

    cdef dict _table(self, object key)

    cpdef object store(self, object key, Entry entry, Answer answer, double now)

    cpdef object add(self, object key, Entry entry)

    cdef object _replace(self, object key, Entry entry, Answer answer)

    @cython.locals(chances=int, ring=list, entry=Entry, table=dict)
    cdef object _evict(self)


@cython.locals(answer=Answer)
cdef Py_ssize_t _cost(object key, Entry entry)
