"""The options of the sockets that queries come in on, and why each is set."""

import socket
import struct
from ipaddress import IPv4Address, IPv6Address

from dnsguard.net.attempt import SEGMENT

LISTEN_BACKLOG = 512
RECEIVE_BUFFER = 4 * 2**20  # a burst waits here while a worker is replaced

# Linux's numbers; Python's socket module does not name them all.
_SO_RCVBUFFORCE = 33
_SO_MEMINFO = 55
_MEMINFO = struct.Struct("=9I")  # of which the last is SK_MEMINFO_DROPS
_IP_PKTINFO = 8
_IP_MTU_DISCOVER = 10
_IP_PMTUDISC_OMIT = 5
_IP_FREEBIND = 15
_IPV6_MTU_DISCOVER = 23
_IPV6_PMTUDISC_OMIT = 5
_IPV6_FREEBIND = 78


def prepare(unbound: socket.socket) -> None:
    """Set what must stand before the binding."""
    if unbound.family == socket.AF_INET6:
        unbound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        unbound.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
    else:
        # An address that comes up after us works from then on.
        unbound.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
    if unbound.type == socket.SOCK_STREAM:
        # Connections of the last run, in TIME_WAIT, must not hold up a start.
        unbound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def tune(listening: socket.socket, address: IPv4Address | IPv6Address) -> None:
    """Set all the rest; also on sockets that an older version made and bound to the address."""
    listening.settimeout(0)
    if listening.type != socket.SOCK_DGRAM:
        # A path that drops larger packets and the ICMP messages about it would stall answers.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        return
    # An answer leaves from the address that was asked: with one address it does so anyway. And
    # it ignores the path MTU, which anyone can spoof: ours are small enough without fragments.
    ask = 1 if address.is_unspecified else 0
    if listening.family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, ask)
        listening.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _IPV6_PMTUDISC_OMIT)
    else:
        listening.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, ask)
        listening.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_OMIT)
    try:
        listening.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except PermissionError:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def dropped(listening: socket.socket) -> int:
    """Return how many datagrams the kernel dropped, since the socket was made, for want of room."""
    told = listening.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    return int(_MEMINFO.unpack(told)[-1])
