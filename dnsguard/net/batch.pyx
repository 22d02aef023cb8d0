"""Datagrams by the batch: recvmmsg(2), the GIL released around it, and sendmmsg(2).

The interface is that of `single`, which is for builds without a compiler. An inbox keeps the
kernel's structures from one batch to the next, and a reply leaves from the bytes object that
holds it.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import os


cdef mmsghdr _messages[64]
cdef iovec _parts[64]


cdef class Envelope:
    """Where a reply goes and from which address it leaves, for later."""

    cdef sockaddr_in6 sender
    cdef socklen_t sender_size
    cdef unsigned char control[40]
    cdef size_t control_size


cdef class Inbox:
    """Datagrams just received, and the replies to them; see `single.Inbox`."""

    def __cinit__(self, *, bint clients):
        cdef Py_ssize_t number
        cdef msghdr *header
        self._batch = <dnsguard_batch *>calloc(1, sizeof(dnsguard_batch))
        if self._batch == NULL:
            raise MemoryError
        self._clients = clients
        self._held = []
        for number in range(DATAGRAMS):
            self._batch.received_data[number].iov_base = self._batch.data[number]
            self._batch.received_data[number].iov_len = DATAGRAM_SIZE
            header = &self._batch.received[number].msg_hdr
            header.msg_iov = &self._batch.received_data[number]
            header.msg_iovlen = 1
            if clients:
                header.msg_name = &self._batch.senders[number]
                header.msg_control = self._batch.controls[number]
            self._batch.replies[number].msg_hdr.msg_iov = &self._batch.reply_data[number]
            self._batch.replies[number].msg_hdr.msg_iovlen = 1
        self._count = DATAGRAMS  # every header is still to be made ready

    def __dealloc__(self):
        free(self._batch)

    cpdef Py_ssize_t receive(self, sock) except -1:
        cdef int descriptor = sock.fileno()
        cdef int count
        cdef int error
        cdef Py_ssize_t number
        if self._clients:
            for number in range(self._count):  # the kernel wrote sizes over the room there is
                self._batch.received[number].msg_hdr.msg_namelen = sizeof(sockaddr_in6)
                self._batch.received[number].msg_hdr.msg_controllen = CONTROL_SIZE
        self._count = 0
        self._replied = 0
        self._held.clear()
        while True:
            with nogil:
                count = recvmmsg(descriptor, self._batch.received, DATAGRAMS, MSG_DONTWAIT, NULL)
                error = errno
            if count >= 0:
                self._count = count
                return count
            if error == EAGAIN:
                return 0
            if error != EINTR:
                raise OSError(error, os.strerror(error))

    cpdef bytes data(self, Py_ssize_t number):
        self._check(number)
        return PyBytes_FromStringAndSize(
            <char *>self._batch.data[number], self._batch.received[number].msg_len
        )

    cpdef bytes client(self, Py_ssize_t number):
        self._check(number)
        cdef sockaddr_in6 *sender = &self._batch.senders[number]
        if sender.sin6_family == AF_INET:
            return PyBytes_FromStringAndSize(<char *>&(<sockaddr_in *>sender).sin_addr, 4)
        return PyBytes_FromStringAndSize(<char *>&sender.sin6_addr, 16)

    cpdef object envelope(self, Py_ssize_t number):
        self._check(number)
        cdef msghdr *header = &self._batch.received[number].msg_hdr
        _leave_from_asked_address(header)
        cdef Envelope envelope = Envelope.__new__(Envelope)
        envelope.sender = self._batch.senders[number]
        envelope.sender_size = header.msg_namelen
        envelope.control_size = header.msg_controllen
        memcpy(envelope.control, header.msg_control, header.msg_controllen)
        return envelope

    cpdef int reply(self, Py_ssize_t number, bytes data) except -1:
        self._check(number)
        if self._replied == DATAGRAMS:
            raise IndexError("more replies than datagrams")
        cdef msghdr *asked = &self._batch.received[number].msg_hdr
        cdef msghdr *header = &self._batch.replies[self._replied].msg_hdr
        _leave_from_asked_address(asked)
        header.msg_name = asked.msg_name
        header.msg_namelen = asked.msg_namelen
        header.msg_control = asked.msg_control if asked.msg_controllen else NULL
        header.msg_controllen = asked.msg_controllen
        header.msg_iov.iov_base = PyBytes_AS_STRING(data)
        header.msg_iov.iov_len = PyBytes_GET_SIZE(data)
        self._held.append(data)
        self._replied += 1
        return 0

    cpdef int send_replies(self, sock) except -1:
        if self._replied:
            _send_all(sock.fileno(), self._batch.replies, self._replied, None, 0)
            self._replied = 0
            self._held.clear()
        return 0

    cdef int _check(self, Py_ssize_t number) except -1:
        if not 0 <= number < self._count:
            raise IndexError("no such datagram")
        return 0


cpdef list send(sock, list messages):
    """Send each message to its envelope, None where the socket is connected.

    Returns the number and the error of each that the kernel refused.
    """
    cdef int descriptor = sock.fileno()
    cdef list refused = []
    cdef Py_ssize_t first
    cdef Py_ssize_t number
    cdef Py_ssize_t count
    cdef Envelope envelope
    cdef bytes data
    cdef msghdr *header
    for first in range(0, len(messages), DATAGRAMS):
        count = min(DATAGRAMS, len(messages) - first)
        for number in range(count):
            data, envelope = messages[first + number]
            if data is None:
                raise TypeError("a message without octets")
            _parts[number].iov_base = PyBytes_AS_STRING(data)
            _parts[number].iov_len = PyBytes_GET_SIZE(data)
            header = &_messages[number].msg_hdr
            header.msg_iov = &_parts[number]
            header.msg_iovlen = 1
            header.msg_name = NULL
            header.msg_namelen = 0
            header.msg_control = NULL
            header.msg_controllen = 0
            if envelope is not None:
                header.msg_name = &envelope.sender
                header.msg_namelen = envelope.sender_size
                if envelope.control_size:
                    header.msg_control = envelope.control
                    header.msg_controllen = envelope.control_size
        _send_all(descriptor, _messages, count, refused, first)
    return refused


cdef int _send_all(
    int descriptor, mmsghdr *messages, Py_ssize_t count, list refused, Py_ssize_t first
) except -1:
    """Send messages; the numbers of those refused, counted from `first`, go into a list."""
    cdef Py_ssize_t done = 0
    cdef int sent
    cdef int error
    while done < count:
        # With the GIL, for `send` has one batch for all threads; it does not wait for anything.
        sent = sendmmsg(descriptor, messages + done, count - done, MSG_DONTWAIT)
        error = errno
        if sent > 0:
            done += sent
        elif error != EINTR:
            if refused is not None:
                refused.append((first + done, OSError(error, os.strerror(error))))
            done += 1
    return 0


cdef void _leave_from_asked_address(msghdr *header) noexcept nogil:
    """Turn the packet info of a query into that of its reply.

    The interface is left to routing, but for link-local addresses, which mean nothing without.
    """
    cdef cmsghdr *control = CMSG_FIRSTHDR(header)
    cdef in_pktinfo *info
    cdef in6_pktinfo *info6
    if control == NULL:
        return
    if control.cmsg_level == IPPROTO_IP and control.cmsg_type == IP_PKTINFO:
        info = <in_pktinfo *>CMSG_DATA(control)
        info.ipi_ifindex = 0
        info.ipi_addr.s_addr = 0
    elif control.cmsg_level == IPPROTO_IPV6 and control.cmsg_type == IPV6_PKTINFO:
        info6 = <in6_pktinfo *>CMSG_DATA(control)
        if info6.ipi6_addr.s6_addr[0] != 0xFE or info6.ipi6_addr.s6_addr[1] & 0xC0 != 0x80:
            info6.ipi6_ifindex = 0
