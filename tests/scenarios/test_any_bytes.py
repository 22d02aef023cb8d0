"""Whatever is sent to the ports, the program goes on, and never answers an answer."""

import socket
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scenarios.client import SOCKETS, Datagrams, Stream, ask, compose
from tests.scenarios.upstream import knowing_every_name
from tests.support.captures import captured
from tests.support.data import needs_shared
from tests.support.gateway import read, said
from tests.support.metrics import read_samples
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running
from tests.support.strategies import queries

REGISTERED = "127.0.0.2"
GOOD = compose("blocked.example.org")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with ScriptedUpstream(knowing_every_name()) as upstream:
        config = {
            "upstreams": [upstream.url],
            "groups": {"staff": {"subnets": ["127.0.0.2/32"]}},
            "policies": {
                "ban": {
                    "groups": ["staff"],
                    "lists": ["builtin:tiktok"],
                    "block": ["example.org"],
                }
            },
        }
        with running(tmp_path_factory.mktemp("city"), config) as started:
            yield started


@pytest.fixture(autouse=True)
def unharmed(server: Server) -> Iterator[None]:
    """Every process of the server must be unharmed when a test is over."""
    before = processes(server)
    yield
    for tcp in (False, True):
        place = server.places["127.0.0.1"]
        answers = ask(place, [GOOD] * SOCKETS * 4, source=REGISTERED, tcp=tcp)
        assert {said(read(answer)) for answer in answers} == {"0.0.0.0"}
    assert processes(server) == before
    assert read_samples(server.metrics())["dnsguard_internal_errors_total"] == 0
    assert "Traceback" not in server.log()


def processes(server: Server) -> list[int]:
    return [server.pid, *(worker["pid"] for worker in server.status()["workers"])]


def send_datagram(server: Server, data: bytes) -> None:
    """Send a datagram and a good query behind it; check what comes before the latter's answer."""
    with Datagrams(server.places["127.0.0.1"], REGISTERED) as client:
        good = bytes(octet ^ 0xFF for octet in data[:2].ljust(2, b"\0")) + GOOD[2:]
        client.send(data)
        client.send(good)
        while (answer := client.receive())[:2] != good[:2]:
            check_answer([data], answer)


def send_stream(server: Server, data: bytes) -> None:
    """Send octets, say that no more come, and check what comes until the connection ends."""
    with Stream(server.places["127.0.0.1"], REGISTERED) as client:
        client.send_raw(data)
        client.finish()
        messages = split(data)
        while answer := client.receive():
            messages.remove(check_answer(messages, answer))


def check_answer(messages: Iterable[bytes], answer: bytes) -> bytes:
    """Return the message that an answer is to; there must be one, and it must be no answer."""
    found = [message for message in messages if message[:2] == answer[:2]]
    assert found, f"no query for the answer {answer!r}"
    assert answer[2] & 0x80
    assert any(not message[2] & 0x80 for message in found), f"an answer to an answer: {found!r}"
    return found[0]


def split(data: bytes) -> list[bytes]:
    """Return the whole messages of a TCP stream."""
    messages = []
    while len(data) >= 2 and len(data) >= 2 + (length := int.from_bytes(data[:2], "big")):
        messages.append(data[2 : 2 + length])
        data = data[2 + length :]
    return messages


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


answers = st.builds(
    lambda query: query[:2] + bytes([query[2] | 0x80]) + query[3:],
    queries().filter(lambda query: len(query) > 2),
)
streams = st.binary(max_size=300) | st.lists(queries() | answers, max_size=5).map(
    lambda messages: b"".join(map(framed, messages))
)


@settings(max_examples=300)
@given(queries() | answers)
def test_any_datagram(server: Server, data: bytes) -> None:
    send_datagram(server, data)


@settings(max_examples=150)
@given(streams, st.binary(max_size=3))
def test_any_stream(server: Server, data: bytes, tail: bytes) -> None:
    send_stream(server, data + tail)


def test_datagrams_of_every_size(server: Server) -> None:
    for size in chain(range(80), range(500, 530), [1231, 1232, 4095, 4096, 4097, 65_507]):
        send_datagram(server, (GOOD + bytes(size))[:size])


def test_a_connection_that_ends_within_a_message(server: Server) -> None:
    for size in range(len(framed(GOOD))):
        send_stream(server, framed(GOOD)[:size])
    with closing(socket.create_connection(server.places["127.0.0.1"])) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.sendall(b"\xff\xff" + GOOD)


@needs_shared("pcap")
def test_every_dns_payload_of_the_captures(server: Server) -> None:
    datagrams, segments = captured()
    assert len(datagrams) > 1_000
    assert len(segments) > 20
    for data in datagrams:
        send_datagram(server, data)
        send_stream(server, framed(data))
    for data in segments:
        send_stream(server, data)
