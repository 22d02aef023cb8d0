# The C types of denials.py.

cimport cython
from dnsguard.core cimport octets
from dnsguard.core.answer cimport Answer
from dnsguard.core.cache cimport Cache, Entry
from dnsguard.core.zones cimport ForwardZones

cdef Py_ssize_t _KEY_SUFFIX
cdef unsigned int _NO_TYPE
cdef Py_ssize_t _MARKS
cdef Py_ssize_t _MOST_MARKS


@cython.final
cdef class Denials:
    cdef Cache _cache
    cdef bytearray _marks
    cdef Py_ssize_t _marked

    @cython.locals(denied=bytes, entry=Entry)
    cpdef object keep(self, bytes key, Answer answer, double now)

    @cython.locals(entry=Entry)
    cpdef object forget(self, bytes key)

    @cython.locals(
        name="const unsigned char *",
        marks="const unsigned char *",
        position=Py_ssize_t,
        entry=Entry,
        same=bint,
    )
    cpdef Entry find(self, bytes key, ForwardZones zones, Py_ssize_t zone, double now)


@cython.locals(size=Py_ssize_t, denied=bytes, message="unsigned char *")
cdef bytes _denial_key(bytes key, Py_ssize_t position)

@cython.locals(length=Py_ssize_t, mixed=Py_ssize_t)
cdef Py_ssize_t _mark(const unsigned char *name, Py_ssize_t position, Py_ssize_t size) noexcept
