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
from tests.support.shell import Shell, addresses, is_sent_to_tcp, make_query

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
            received = drained(forger)  # what found no place, to make room for the pulse
            assert shell.upstreams.waiting <= 200
            wait_for(lambda: shell.limited("late"), "the answers are released")
            wait_for(lambda: not shell.upstreams.waiting, "and all are dealt with")
            received += drained(forger)
            waited = {f"n{n}.d{n}.example." for n in range(FORGED)}.intersection(upstream.names)
            pulse = {}
            for data in received:
                answer = dns.message.from_wire(data)
                name = str(answer.question[0].name)
                if name in waited:
                    pulse[name] = answer
            assert pulse.keys() == waited, "whoever is real does not wait in vain"
            assert sum(len(answer.to_wire()) for answer in pulse.values()) < sum(map(len, queries))
            late = [name for name, answer in pulse.items() if is_sent_to_tcp(answer)]
            assert len(pulse) - FEW <= len(late) == shell.limited("late")
            assert all(len(pulse[name].to_wire()) == len(make_query(name, "TXT")) for name in late)
            asked = upstream.names.count(late[0])
            assert len(addresses(shell.ask(late[0], "TXT", tcp=True))) == 1
            assert upstream.names.count(late[0]) == asked, "what came too late is kept"


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
