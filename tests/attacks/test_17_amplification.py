"""Reflection: what leaves for an address that may be forged is bounded by what came from it."""

import os
from time import monotonic

import dns.flags
import dns.message

from dnsguard.core.amplification import BURST, FACTOR, RATE
from tests.support.generations import Setup
from tests.support.scripted import ScriptedUpstream, respond
from tests.support.shell import Shell, addresses, is_sent_to_tcp, make_query

QUERIES = int(os.environ.get("DNSGUARD_REFLECTED", "2000"))
LARGE = " ".join([f'"{"x" * 220}"'] * 5)
NAME = "large.example.org"


def answering_large(upstream: ScriptedUpstream) -> Setup:
    upstream.script = lambda query, *_: [(0.0, respond(query, f"@ 600 TXT {LARGE}"))]
    return Setup(upstreams=[upstream.url])


def large_query(number: int) -> bytes:
    return dns.message.make_query(NAME, "TXT", use_edns=0, payload=4096, id=number).to_wire()


def test_a_reflector_at_all_of_a_network_has_ten_times_what_it_sends(
    upstream: ScriptedUpstream,
) -> None:
    with Shell(answering_large(upstream)) as shell:
        assert len(addresses(shell.ask(NAME, "TXT", tcp=True))) == 1
        victims = [shell.datagrams(f"127.0.0.{number}") for number in range(2, 202)]
        start = monotonic()
        sent = received = 0
        largest = 0.0
        for number in range(QUERIES):
            query = large_query(number)
            sent += victims[number % len(victims)].send(query)
            answer = victims[number % len(victims)].recv(4096)
            received += len(answer)
            largest = max(largest, len(answer) / len(query))
        budget = BURST + RATE * (monotonic() - start + 1)
        assert largest > FACTOR, "or there is nothing to bound"
        assert received <= FACTOR * sent + budget
        assert shell.limited("amplification") > 0
        for victim in victims:
            victim.close()


def test_a_client_of_another_network_and_whoever_asks_over_tcp_notice_nothing(
    upstream: ScriptedUpstream,
) -> None:
    with Shell(answering_large(upstream)) as shell:
        with shell.datagrams("127.0.0.2") as forger:
            for number in range(QUERIES):
                forger.send(large_query(number))
                last = dns.message.from_wire(forger.recv(4096))
                if is_sent_to_tcp(last):
                    break
        assert is_sent_to_tcp(last)
        for source in ("127.0.0.2", "127.0.0.3"):
            assert len(addresses(shell.ask(NAME, "TXT", source=source, tcp=True))) == 1
        other = shell.ask(NAME, "TXT", source="127.0.1.2")
        assert not other.flags & dns.flags.TC
        assert len(addresses(other)) == 1


def test_small_answers_need_no_budget(upstream: ScriptedUpstream) -> None:
    with Shell(answering_large(upstream)) as shell, shell.datagrams("127.0.0.2") as client:
        for number in range(200):
            client.send(large_query(number))
            client.recv(4096)
        assert shell.limited("amplification") > 0
        upstream.script = lambda query, *_: [(0.0, respond(query, "@ 60 A 192.0.2.80"))]
        client.send(make_query("small.example.org"))
        assert addresses(dns.message.from_wire(client.recv(4096))) == ["192.0.2.80"]
