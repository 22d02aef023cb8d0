"""DNSBomb: queries forged in a victim's name, their answers held back and released at once.

The pulse is what makes the attack, so it is weighed against all the queries that made it.
"""

import os
import socket
from selectors import EVENT_READ, DefaultSelector
from time import monotonic

import dns.message

from dnsguard.core.amplification import BURST, FACTOR
from dnsguard.core.pending import FEW
from dnsguard.net.upstream import LATE
from tests.support.generations import Setup
from tests.support.loops import wait_for
from tests.support.scripted import Peer, Replies, Script, ScriptedUpstream, probed, respond
from tests.support.shell import Shell, addresses, make_query

FORGED = int(os.environ.get("DNSGUARD_FORGED", "1000"))
VICTIM = "127.0.0.2"
LARGE = " ".join([f'"{"x" * 100}"'] * 4)  # less than a response without EDNS may have


def releasing_at(when: float) -> Script:
    """Return a script that holds large answers back until some time, but not those to probes."""

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        return [(max(0.0, when - monotonic()), respond(query, f"@ 60 TXT {LARGE}"))]

    return probed(script)


def drained(*victims: socket.socket) -> list[bytes]:
    """Return what comes until nothing more does for a second."""
    received = []
    with DefaultSelector() as waiting:
        for victim in victims:
            waiting.register(victim, EVENT_READ)
        while ready := waiting.select(1.0):
            received += [key.fileobj.recv(4096) for key, _ in ready]  # type: ignore[union-attr]
    return received


def test_the_pulse_is_less_than_the_queries_that_made_it() -> None:
    queries = [make_query(f"n{number}.d{number}.example", "TXT") for number in range(FORGED)]
    with ScriptedUpstream(releasing_at(monotonic() + LATE + 1.0)) as upstream:
        setup = Setup(upstreams=[upstream.url], pending_per_client=200)
        with Shell(setup) as shell, shell.datagrams(VICTIM) as forger:
            for query in queries:
                forger.send(query)
            wait_for(lambda: shell.limited("pending_per_client"), "the client is over its bound")
            assert shell.upstreams.waiting <= 200
            wait_for(lambda: shell.limited("late"), "the answers are released")
            wait_for(lambda: not shell.upstreams.waiting, "and all are dealt with")
            received = [dns.message.from_wire(data) for data in drained(forger)]
            pulse = [answer.to_wire() for answer in received if answer.answer]
            assert len(pulse) <= FEW
            assert sum(map(len, pulse)) < sum(map(len, queries))
            told = {str(answer.question[0].name) for answer in received}
            late = next(name for name in upstream.names if name not in told)
            asked = upstream.names.count(late)
            assert len(addresses(shell.ask(late, "TXT", tcp=True))) == 1
            assert upstream.names.count(late) == asked, "what came too late is kept"


def test_a_pulse_at_all_of_a_network_has_its_bound() -> None:
    names = [f"n{number}.d{number}.example" for number in range(FORGED)]
    with ScriptedUpstream(releasing_at(monotonic() + LATE + 1.0)) as upstream:
        setup = Setup(upstreams=[upstream.url], pending_per_client=50)
        with Shell(setup) as shell:
            victims = [shell.datagrams(f"127.0.0.{2 + number}") for number in range(100)]
            sent = 0
            for number, name in enumerate(names):
                sent += victims[number % len(victims)].send(make_query(name, "TXT"))
            wait_for(lambda: shell.limited("pending_per_client"), "the network is over its bound")
            assert shell.upstreams.waiting <= 4 * 50
            wait_for(lambda: not shell.upstreams.waiting, "the answers are released")
            received = drained(*victims)
            assert sum(map(len, received)) <= FACTOR * sent + BURST
            for victim in victims:
                victim.close()
