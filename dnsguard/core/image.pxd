# The C types of image.py. An image may come damaged from disk: indexes into it are unsigned,
# so none counts from the end, and the bounds of its memory views stay checked.

cimport cython

cdef unsigned long long _U32
cdef unsigned long long _U64
cdef unsigned long long _PRIME
cdef Py_ssize_t _MAX_NAME
cdef Py_ssize_t _MAX_LABELS
cdef bytearray _starts
cdef unsigned int _MAX_PROBES
cdef int _EXACT
cdef int _SUFFIX
cdef int _EMBEDDED
cdef int _BELOW


@cython.final
cdef class Image:
    cdef readonly unsigned int names
    cdef readonly unsigned long long end
    cdef unsigned long long _key
    cdef unsigned long long _slots
    cdef long long _embedded_labels
    cdef list _starts
    cdef list _rules
    cdef const unsigned int[::1] _table
    cdef const unsigned char[::1] _blob

    @cython.locals(
        starts=bytearray,
        labels=int,
        last=int,
        at_end=bint,
        lowest=int,
        end=size_t,
        stop=size_t,
        start=size_t,
        first=int,
        hash_="unsigned long long",
        number=Py_ssize_t,
        holding=int,
        kind=int,
    )
    cpdef list find(self, bytes name)

    @cython.locals(
        mixed="unsigned long long",
        mark="unsigned int",
        found="unsigned int",
        slot=size_t,
        offset=size_t,
    )
    cdef Py_ssize_t _probe(
        self, unsigned long long hash_, const unsigned char *name, size_t start, size_t end
    ) except -2

    @cython.locals(size=size_t, position=size_t)
    cdef bint _is_at(
        self, size_t offset, const unsigned char *name, size_t start, size_t end
    ) except -1


@cython.locals(size=Py_ssize_t, labels=int, position=Py_ssize_t, length=Py_ssize_t)
cdef int _mark_labels(bytes name, bytearray starts) except -1

@cython.locals(position=Py_ssize_t)
cdef unsigned long long _hash(
    unsigned long long hash_, const unsigned char *name, Py_ssize_t start, Py_ssize_t end
) noexcept

cdef unsigned long long _mix(unsigned long long hash_) noexcept

@cython.locals(name=bytes)
cdef list _names_of_sets(groups)

@cython.locals(
    cells="unsigned int[::1]",
    offset=size_t,
    names=list,
    name=bytes,
    size=Py_ssize_t,
    mixed="unsigned long long",
    slot=size_t,
    probes="unsigned int",
)
cdef bytearray _fill_table(list names_of_sets, unsigned long long slots, unsigned long long key)
