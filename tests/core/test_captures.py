"""Every DNS payload of the captures, as a query and as a response."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.utils import PcapReader

from dnsguard.core.answer import compose_response
from dnsguard.core.protocol import Rcode, Transport
from dnsguard.core.response import Status, TtlBounds, parse_response
from dnsguard.core.wire import parse_query, skip_name
from tests.support.data import SHARED, needs_shared
from tests.support.gateway import Gateway, packed
from tests.support.generations import generation
from tests.support.invariants import CLIENTS, check, is_well_formed

FOLDER = SHARED / "pcap" if SHARED else Path()
CAPTURES = sorted(path for path in FOLDER.rglob("*.pcap*") if path.suffix != ".txt")
PORTS = {53, 137, 5353, 5355, 8053}


def payloads(capture: Path) -> Iterator[bytes]:
    """Give what the packets carry: a datagram whole, a segment also without a length before it."""
    with PcapReader(str(capture)) as packets:
        for packet in packets:
            for layer in (UDP, TCP):
                if layer in packet and (data := bytes(packet[layer].payload)):
                    yield from [data] if layer is UDP else [data, data[2:]]


@needs_shared("pcap")
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_every_payload_of_a_capture_is_met_with_bytes_a_forward_or_nothing(capture: Path) -> None:
    gateway = Gateway(generation())
    for data in payloads(capture):
        for client, transport in itertools.product(CLIENTS, [Transport.UDP, Transport.TCP]):
            outcome = gateway.resolver.query(data, packed(client), transport, gateway.now)
            check(gateway, data, transport, outcome)


@needs_shared("pcap")
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_every_payload_of_a_capture_is_judged_as_a_response(capture: Path) -> None:
    for data in payloads(capture):
        asked = parse_query(data[:2] + b"\x01\x00\x00\x01" + bytes(6) + question_of(data))
        if asked is None or not asked.question:
            continue
        response = parse_response(data, asked.id, asked.question, TtlBounds(), trusted=True)
        if response.answer is None:
            assert response.status != Status.ANSWER
            continue
        assert is_well_formed(compose_response(asked, response.answer, size_limit=65_535))


@needs_shared("pcap")
def test_the_captures_hold_queries_and_answers_of_every_kind() -> None:
    seen = set()
    for capture in CAPTURES:
        for data in payloads(capture):
            query = parse_query(data)
            seen.add("silence" if query is None else Rcode(query.rcode).name)
    assert seen >= {"silence", "NOERROR", "FORMERR", "NOTIMP"}


def question_of(data: bytes) -> bytes:
    """Return the question of a message, empty when it has none that can be read."""
    end = skip_name(data, 12)
    return data[12 : end + 4] if end > 0 else b""
