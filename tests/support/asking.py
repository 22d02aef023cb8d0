"""A client's end of DNS on a socket that the test made: one question, one answer."""

import socket
from typing import Any

import dns.message

from tests.support.gateway import question

PATIENCE = 20.0


def ask_udp(
    client: socket.socket, text: str, server: tuple[Any, ...]
) -> tuple[dns.message.Message, tuple[Any, ...]]:
    """Return the response to a question such as `www.example.org A`, and where it came from."""
    query = question(text)
    client.settimeout(PATIENCE)
    client.sendto(query.to_wire(), server)
    while True:
        data, source = client.recvfrom(65_535)
        response = dns.message.from_wire(data)
        if query.is_response(response):
            return response, source


def ask_tcp(
    client: socket.socket, text: str, server: tuple[Any, ...]
) -> tuple[dns.message.Message, tuple[Any, ...]]:
    """Connect, ask, and return the same as `ask_udp`."""
    client.settimeout(PATIENCE)
    client.connect(server)
    send_tcp(client, query := question(text))
    response = receive_tcp(client)
    assert query.is_response(response)
    return response, client.getpeername()


def send_tcp(client: socket.socket, query: dns.message.Message) -> None:
    """Send one message with its length before it."""
    wire = query.to_wire()
    client.sendall(len(wire).to_bytes(2, "big") + wire)


def receive_tcp(client: socket.socket) -> dns.message.Message:
    """Return the next message; ConnectionError when the other end closed before it was whole."""
    size = int.from_bytes(_receive_exactly(client, 2), "big")
    return dns.message.from_wire(_receive_exactly(client, size))


def _receive_exactly(client: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        chunk = client.recv(size - len(received))
        if not chunk:
            raise ConnectionError("the server closed the connection before the answer")
        received += chunk
    return received
