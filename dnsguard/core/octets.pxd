# The C bodies of octets.py. No bound is checked here.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy


cdef inline bytes blank(Py_ssize_t size):
    return PyBytes_FromStringAndSize(NULL, size)


cdef inline bytes whole(bytes written):
    return written


cdef inline bytes cut(const unsigned char *data, Py_ssize_t start, Py_ssize_t end):
    return PyBytes_FromStringAndSize(<const char *>data + start, end - start)


cdef inline unsigned int get16(const unsigned char *data, Py_ssize_t at) noexcept:
    return data[at] << 8 | data[at + 1]


cdef inline unsigned int get32(const unsigned char *data, Py_ssize_t at) noexcept:
    return <unsigned int>data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


cdef inline void put16(unsigned char *into, Py_ssize_t at, unsigned int value) noexcept:
    into[at] = value >> 8 & 0xFF
    into[at + 1] = value & 0xFF


cdef inline void put32(unsigned char *into, Py_ssize_t at, unsigned int value) noexcept:
    put16(into, at, value >> 16)
    put16(into, at + 2, value)


cdef inline void copy(
    unsigned char *into, Py_ssize_t at, const unsigned char *data, Py_ssize_t start, Py_ssize_t end
) noexcept:
    memcpy(into + at, data + start, end - start)


cdef inline bytes question_key(
    const unsigned char *data, Py_ssize_t start, Py_ssize_t end, unsigned char variant
):
    cdef Py_ssize_t size = end - start
    cdef bytes key = PyBytes_FromStringAndSize(NULL, size + 1)
    cdef unsigned char *into = <unsigned char *>PyBytes_AS_STRING(key)
    cdef Py_ssize_t at
    for at in range(size - 4):
        into[at] = data[start + at] + (32 if 0x41 <= data[start + at] <= 0x5A else 0)
    memcpy(into + size - 4, data + end - 4, 4)
    into[size] = variant
    return key
