# The C types of cache.py.

cimport cython
from dnsguard.core cimport garbage
from dnsguard.core.answer cimport Answer

cdef double _FOREVER
cdef double _REFRESH_AT
cdef long long _MIN_REFRESHED
cdef Py_ssize_t _TABLES
cdef Py_ssize_t _MAX_CHANCES
cdef Py_ssize_t _ENTRY_OVERHEAD


@cython.final
cdef class Entry:
    cdef readonly bytes key
    cdef readonly bint kept
    cdef public unsigned long long epoch
    cdef public Py_ssize_t name_signature
    cdef public Py_ssize_t signature
    cdef public double stored
    cdef public double expires
    cdef public double refresh
    cdef public double retry
    cdef public int failure
    cdef public unsigned int hits
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

    cpdef object add(self, Entry entry)

    cpdef object store(self, Entry entry, Answer answer, double now)

    cpdef object pin(self, Entry entry, Answer answer)

    @cython.locals(before=Py_ssize_t)
    cdef object _replace(self, Entry entry, Answer answer)

    @cython.locals(chances=int, ring=list, entry=Entry, last=Entry)
    cdef object _evict(self)

    @cython.locals(entry=Entry)
    cpdef object clear(self)


@cython.locals(answer=Answer, kept=Py_ssize_t)
cdef Py_ssize_t _cost(Entry entry)
