"""A stalled upstream under a flood: tables have bounds, the old give way, nothing is mixed up."""

import os
from functools import partial
from pathlib import Path
from time import monotonic

import dns.message

from dnsguard.core.policy import UNREGISTERED
from dnsguard.core.protocol import Transport
from dnsguard.net.pool import MAX_SOCKETS
from dnsguard.net.upstream import GIVES_WAY
from tests.support.generations import Setup
from tests.support.loops import DEADLINE, wait_for
from tests.support.scripted import Peer, Replies, ScriptedUpstream, respond, silent
from tests.support.shell import Shell, addresses, framed, make_query, read_message

STALLED = int(os.environ.get("DNSGUARD_STALLED", "6000"))
PENDING = 512
BATCH = 100
MEMORY = 24 << 20  # octets that a process may take in more while nothing grows


def address_of(name: str) -> str:
    """Return the one address that is right for a name such as n77.d77.example."""
    number = int(name.split(".")[0][1:])
    return f"198.{18 + (number >> 16 & 1)}.{number >> 8 & 0xFF}.{number & 0xFF}"


def telling_apart(query: bytes, transport: str, peer: Peer) -> Replies:
    name = str(dns.message.from_wire(query).question[0].name)
    return [(0.0, respond(query, *([f"@ 60 A {address_of(name)}"] if name != "." else [])))]


def resident() -> int:
    """Return the octets of memory that this process takes, the shell in it."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _has_counted(shell: Shell, queries: int) -> bool:
    view = shell.upstreams.generation.policy.views[UNREGISTERED]
    return shell.page[view.counter + Transport.UDP] == queries


def test_a_hundred_thousand_queries_take_the_room_of_a_few() -> None:
    names = [f"n{number}.d{number}.example" for number in range(STALLED)]
    with ScriptedUpstream(silent) as upstream:
        setup = Setup(upstreams=[upstream.url], pending=PENDING, pending_per_client=STALLED)
        with Shell(setup) as shell:
            clients = [shell.datagrams(f"127.0.{number}.1") for number in range(16)]
            early = 0
            for first in range(0, STALLED, BATCH):
                for number, name in enumerate(names[first : first + BATCH]):
                    clients[number % len(clients)].send(make_query(name))
                sent = min(first + BATCH, STALLED)
                wait_for(partial(_has_counted, shell, sent), "the batch is taken")
                assert shell.upstreams.pending <= PENDING
                assert shell.upstreams.waiting <= PENDING
                upstream.received.clear()
                if first == STALLED // 2 // BATCH * BATCH:
                    early = resident()
            assert resident() - early < MEMORY
            assert shell.limited("pending") > 0
            assert all(server.pool.sockets <= MAX_SOCKETS for server in shell.upstreams.servers)
            for client in clients:
                client.close()
            wait_for(lambda: not shell.upstreams.waiting, "all are given up")
            wait_for(lambda: not shell.upstreams.pending, "and so are the probes")


def test_what_gave_way_answers_no_other() -> None:
    def late(query: bytes, transport: str, peer: Peer) -> Replies:
        """Answer what was asked in the flood when it is too late for that."""
        ((_, answer),) = telling_apart(query, transport, peer)
        in_time = b"e" in dns.message.from_wire(query).question[0].name[1].lower()
        return [(0.0 if in_time else 5 * GIVES_WAY, answer)]

    with ScriptedUpstream(late) as upstream:
        setup = Setup(upstreams=[upstream.url], pending=64, pending_per_client=STALLED)
        with Shell(setup) as shell, shell.datagrams() as flood, shell.stream() as client:
            number = 0
            end = monotonic() + DEADLINE
            while shell.limited("pending") < 500 or number < 2000:
                assert monotonic() < end
                number += 40
                for flooding in range(number - 40, number):
                    flood.send(make_query(f"n{flooding}.d{flooding}.example"))
                name = f"n{number}.e{number}.example"
                client.sendall(framed(make_query(name)))
                assert addresses(dns.message.from_wire(read_message(client))) == [address_of(name)]
            upstream.script = telling_apart
            for asked in range(0, number, 97):
                name = f"n{asked}.d{asked}.example"
                assert addresses(shell.ask(name, tcp=True)) == [address_of(name)]
