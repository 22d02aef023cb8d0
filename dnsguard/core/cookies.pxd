# The C types of cookies.py.

cimport cython
from dnsguard.core cimport octets
from dnsguard.core.clients cimport unmap
from dnsguard.core.wire cimport Query

cdef long long _MAX_AGE
cdef long long _MAX_AHEAD
cdef long long _RENEW_AGE
cdef Py_ssize_t _HEADER_SIZE
cdef unsigned int _FORMERR
cdef unsigned int _BADCOOKIE
cdef unsigned int _COOKIE
cdef unsigned int _VERSION
cdef Py_ssize_t _CLIENT_SIZE
cdef Py_ssize_t _HASHED_SIZE
cdef Py_ssize_t _SIZE
cdef Py_ssize_t _HEAD_SIZE
cdef int _INVALID
cdef int _OLD
cdef int _CURRENT
cdef long long _HALF
cdef long long _MASK32
cdef unsigned long long _MASK64


@cython.final
cdef class Key:
    cdef unsigned long long v0
    cdef unsigned long long v1
    cdef unsigned long long v2
    cdef unsigned long long v3


@cython.final
cdef class Cookies:
    cdef list _keys
    cdef double _offset

    @cython.locals(
        only=bint, time="long long", state=int, option=bytes, message="unsigned char *"
    )
    cpdef bytes respond(self, Query query, bytes address, double now)

    @cython.locals(
        key=Key,
        hashed=bytes,
        into="unsigned char *",
        whole=bytes,
        value="unsigned long long",
        at=int,
    )
    cdef int _make(
        self,
        unsigned char *message,
        bytes data,
        Py_ssize_t start,
        bytes address,
        long long time,
    ) except -1

    @cython.locals(
        message="const unsigned char *",
        stamp="long long",
        age="long long",
        hashed=bytes,
        said="unsigned long long",
        number=Py_ssize_t,
        key=Key,
    )
    cdef int _judge(self, bytes data, Py_ssize_t start, bytes address, long long time) except -1


@cython.locals(
    v0="unsigned long long",
    v1="unsigned long long",
    v2="unsigned long long",
    v3="unsigned long long",
    size=Py_ssize_t,
    last=Py_ssize_t,
    number=Py_ssize_t,
    word="unsigned long long",
    rounds=int,
    _=int,
)
cpdef unsigned long long siphash(Key key, bytes data) except? 0

cdef unsigned long long _rotate(unsigned long long value, int by) noexcept

@cython.locals(
    message="const unsigned char *",
    word="unsigned long long",
    octet="unsigned long long",
    at=int,
)
cdef unsigned long long _word(bytes data, Py_ssize_t start, Py_ssize_t end) noexcept
