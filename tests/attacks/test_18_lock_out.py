"""A victim's address forged to use up its limits, and limits got round by other addresses."""

from ipaddress import ip_address
from time import monotonic

import dns.message
import pytest

from dnsguard.core.forward import Forward
from dnsguard.core.pending import NETWORK_FACTOR
from dnsguard.core.protocol import Transport
from tests.support.generations import Setup
from tests.support.loops import wait_for
from tests.support.scripted import TRUE, ScriptedUpstream, silent, telling
from tests.support.shell import Shell, addresses, is_sent_to_tcp, make_query

VICTIM = "127.0.0.2"
PER_CLIENT = 8
PENDING = 256


class Forger:
    """Whoever sends queries from any address and sees no answer."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._number = 0

    def reply(self, forward: Forward, response: bytes | None) -> None:
        """Lose a response: it goes to the victim."""

    def send(self, address: str, question: bytes | None = None) -> None:
        """Send a query for a new name, or a question as it stands in a message."""
        self._number += 1
        query = make_query(f"n{self._number}.d{self._number}.example")
        if question is not None:
            query = query[:12] + question

        def take() -> None:
            outcome = self._shell.resolver.query(
                query, ip_address(address).packed, Transport.UDP, monotonic()
            )
            if isinstance(outcome, Forward):
                self._shell.upstreams.forward(outcome, self)

        self._shell.thread.call(take)


@pytest.fixture
def setup(upstream: ScriptedUpstream) -> Setup:
    """Bounds that are soon reached, and an upstream that says nothing."""
    upstream.script = silent
    return Setup(
        upstreams=[upstream.url],
        pending=PENDING,
        pending_per_client=PER_CLIENT,
        allow_clients=["0.0.0.0/0", "::/0"],
    )


def test_a_victim_whose_address_is_forged_is_served(
    setup: Setup, upstream: ScriptedUpstream
) -> None:
    with Shell(setup) as shell:
        forger = Forger(shell)
        for _ in range(10 * PER_CLIENT):
            forger.send(VICTIM)
        assert shell.upstreams.waiting == PER_CLIENT
        assert is_sent_to_tcp(shell.ask("www.example.org", source=VICTIM))
        upstream.script = telling()
        assert addresses(shell.ask("www.example.org", source=VICTIM, tcp=True)) == [TRUE]
        assert addresses(shell.ask("www.example.net", source="127.0.0.3")) == [TRUE]


def test_nobody_is_locked_out_by_any_number_of_forged_addresses(
    setup: Setup, upstream: ScriptedUpstream
) -> None:
    with Shell(setup) as shell:
        forger = Forger(shell)
        for number in range(4 * PENDING):
            forger.send(f"10.{number >> 8}.{number & 255}.1")
        assert shell.upstreams.waiting <= PENDING * 3 // 4
        upstream.script = telling()
        for number in range(2, 12):
            assert addresses(
                shell.ask(f"www{number}.example.org", source=f"127.0.0.{number}", tcp=True)
            ) == [TRUE]


@pytest.mark.parametrize("network", ["2001:db8:0:1::{:x}", "10.20.30.{}"])
def test_other_addresses_of_a_network_are_no_way_round(
    setup: Setup, network: str, upstream: ScriptedUpstream
) -> None:
    with Shell(setup) as shell:
        forger = Forger(shell)
        for number in range(1, 251):
            forger.send(network.format(number))
        assert shell.upstreams.waiting == NETWORK_FACTOR * PER_CLIENT
        forger.send("2001:db8:0:2::1")
        assert shell.upstreams.waiting == NETWORK_FACTOR * PER_CLIENT + 1


@pytest.mark.parametrize("octet", [b"\0", b"\xff", b".", b"\\"])
def test_no_octet_of_a_name_stops_the_count(
    setup: Setup, octet: bytes, upstream: ScriptedUpstream
) -> None:
    with Shell(setup) as shell:
        forger = Forger(shell)
        for number in range(PENDING):
            label = b"\x03%c" % number + octet + b"x"
            forger.send(f"10.{number}.0.1", label + b"\x03" + octet * 3 + b"\x03org\0\0\1\0\1")
        assert shell.limited("pending_per_zone") > 0
        assert shell.upstreams.pending <= PENDING // 2
        upstream.script = telling()
        assert addresses(shell.ask("www.example.com", tcp=True)) == [TRUE]
        wait_for(lambda: shell.upstreams.pending == 0, "what was forged ends")


def test_truncation_tells_a_forger_s_victim_no_more_than_it_was_asked(setup: Setup) -> None:
    with Shell(setup) as shell, shell.datagrams(VICTIM) as victim:
        query = dns.message.make_query("www.example.org", "A", use_edns=0).to_wire()
        for _ in range(2 * PER_CLIENT):
            Forger(shell).send(VICTIM)
        forger = Forger(shell)
        for _ in range(PER_CLIENT):
            forger.send(VICTIM)
        victim.send(query)
        assert len(victim.recv(4096)) <= len(query)
