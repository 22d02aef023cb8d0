# The kernel's structures for a batch, and what compiled callers call without a detour.

cdef extern from *:
    """
    #include <netinet/in.h>
    #include <sys/socket.h>

    enum { DATAGRAMS = 64, DATAGRAM_SIZE = 4096, CONTROL_SIZE = CMSG_SPACE(sizeof(struct in6_pktinfo)) };

    /* A datagram's octets are 65 cache lines apart, lest all begin in the same set of the cache. */
    struct dnsguard_batch {
        struct mmsghdr received[DATAGRAMS];
        struct mmsghdr replies[DATAGRAMS];
        struct iovec received_data[DATAGRAMS];
        struct iovec reply_data[DATAGRAMS];
        struct sockaddr_in6 senders[DATAGRAMS];
        _Alignas(struct cmsghdr) unsigned char controls[DATAGRAMS][CONTROL_SIZE];
        unsigned char data[DATAGRAMS][DATAGRAM_SIZE + 64];
    };
    """
    enum:
        DATAGRAMS
        DATAGRAM_SIZE
        CONTROL_SIZE
        AF_INET
        IPPROTO_IP
        IPPROTO_IPV6
        IP_PKTINFO
        IPV6_PKTINFO
        MSG_DONTWAIT

    ctypedef unsigned int socklen_t

    struct iovec:
        void *iov_base
        size_t iov_len

    struct msghdr:
        void *msg_name
        socklen_t msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen

    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len

    struct cmsghdr:
        size_t cmsg_len
        int cmsg_level
        int cmsg_type

    struct in_addr:
        unsigned int s_addr

    struct in_pktinfo:
        int ipi_ifindex
        in_addr ipi_spec_dst
        in_addr ipi_addr

    struct in6_addr:
        unsigned char s6_addr[16]

    struct in6_pktinfo:
        in6_addr ipi6_addr
        unsigned int ipi6_ifindex

    struct sockaddr_in:
        in_addr sin_addr

    struct sockaddr_in6:
        unsigned short sin6_family
        in6_addr sin6_addr

    struct dnsguard_batch:
        mmsghdr received[64]
        mmsghdr replies[64]
        iovec received_data[64]
        iovec reply_data[64]
        sockaddr_in6 senders[64]
        unsigned char controls[64][40]
        unsigned char data[64][4160]

    int recvmmsg(int fd, mmsghdr *messages, unsigned int count, int flags, void *timeout) nogil
    int sendmmsg(int fd, mmsghdr *messages, unsigned int count, int flags) nogil
    cmsghdr *CMSG_FIRSTHDR(msghdr *message) nogil
    unsigned char *CMSG_DATA(cmsghdr *header) nogil


cdef class Inbox:
    cdef dnsguard_batch *_batch
    cdef bint _clients
    cdef Py_ssize_t _count
    cdef Py_ssize_t _replied
    cdef list _held

    cpdef Py_ssize_t receive(self, sock) except -1
    cpdef bytes data(self, Py_ssize_t number)
    cpdef bytes client(self, Py_ssize_t number)
    cpdef object envelope(self, Py_ssize_t number)
    cpdef int reply(self, Py_ssize_t number, bytes data) except -1
    cpdef int send_replies(self, sock) except -1
    cdef int _check(self, Py_ssize_t number) except -1


cpdef list send(sock, list messages)
