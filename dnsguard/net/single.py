"""Datagrams one by one: what `batch` does where nothing is compiled. Both have one interface.

An inbox holds the datagrams of one wake-up until the next `receive`.
"""

import socket
from struct import Struct
from typing import cast

MAX_DATAGRAMS = 64  # received at a time
MAX_DATAGRAM = 4096

IP_PKTINFO = 8  # linux/in.h; the socket module has no name for it yet
_PKTINFO4 = Struct("=I4s4s")
_PKTINFO6 = Struct("=16sI")
_SPACE = socket.CMSG_SPACE(_PKTINFO6.size)

_Ancillary = list[tuple[int, int, bytes]]
_Envelope = tuple[tuple[str, int], _Ancillary]


class Inbox:
    """Datagrams just received, and the replies to them.

    With `clients`, each is kept with its sender's address and the address that was asked.
    """

    def __init__(self, *, clients: bool) -> None:
        self._space = _SPACE if clients else 0
        self._datagrams: list[tuple[bytes, tuple[str, int], _Ancillary]] = []
        self._replies: list[tuple[bytes, object]] = []

    def receive(self, sock: socket.socket) -> int:
        """Receive what there is, at most 64 datagrams; return how many, 0 for none.

        Raises OSError, such as ConnectionRefusedError, for an error that an ICMP message brought.
        """
        self._datagrams.clear()
        while len(self._datagrams) < MAX_DATAGRAMS:
            try:
                data, ancillary, _, sender = sock.recvmsg(MAX_DATAGRAM, self._space)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                if self._datagrams:  # as recvmmsg does: what there is first
                    break
                raise
            self._datagrams.append((data, sender, ancillary))
        return len(self._datagrams)

    def data(self, number: int) -> bytes:
        """Return a datagram."""
        return self._datagrams[number][0]

    def client(self, number: int) -> bytes:
        """Return the packed address of its sender."""
        host = self._datagrams[number][1][0].partition("%")[0]
        return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)

    def envelope(self, number: int) -> object:
        """Return where a later reply to it goes, and from which address it leaves."""
        _, sender, ancillary = self._datagrams[number]
        return sender, _from_asked_address(ancillary)

    def reply(self, number: int, data: bytes) -> None:
        """Put down the reply to a datagram."""
        self._replies.append((data, self.envelope(number)))

    def send_replies(self, sock: socket.socket) -> None:
        """Send what was put down; what the kernel refuses is as good as lost on the way."""
        send(sock, self._replies)
        self._replies.clear()


def send(sock: socket.socket, messages: list[tuple[bytes, object]]) -> list[tuple[int, OSError]]:
    """Send each message to its envelope, None where the socket is connected.

    Returns the number and the error of each that the kernel refused.
    """
    refused = []
    for number, (data, envelope) in enumerate(messages):
        try:
            if envelope is None:
                sock.send(data)
            else:
                sender, ancillary = cast(_Envelope, envelope)
                sock.sendmsg([data], ancillary, 0, sender)
        except OSError as error:
            refused.append((number, error))
    return refused


def _from_asked_address(ancillary: _Ancillary) -> _Ancillary:
    """Return the packet info that makes an answer leave from where its query came in.

    The interface is left to routing, but for link-local addresses, which mean nothing without.
    """
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            _, asked, _ = _PKTINFO4.unpack(data)
            return [(level, kind, _PKTINFO4.pack(0, asked, b"\0\0\0\0"))]
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            asked, interface = _PKTINFO6.unpack(data)
            if asked[0] != 0xFE or asked[1] & 0xC0 != 0x80:
                interface = 0
            return [(level, kind, _PKTINFO6.pack(asked, interface))]
    return []
