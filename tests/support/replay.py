"""Corpora replayed against the whole program: what is due is answered, and nothing is harmed.

`DNSGUARD_CORPUS_MOST` is how many messages of each class are sent, `DNSGUARD_SEED` which ones.
"""

import os
import random
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.message

from dnsguard.core.wire import skip_name
from tests.support.hostile_answers import LISTED, Reply
from tests.support.hostile_queries import MAX_DATAGRAM, PLAIN, Hostile, answered
from tests.support.invariants import is_well_formed
from tests.support.loops import DEADLINE, wait_for
from tests.support.metrics import read_samples
from tests.support.scripted import Peer, Replies, ScriptedUpstream, telling
from tests.support.server import Server, running
from tests.support.shell import framed, make_query, read_message

SEED = int(os.environ.get("DNSGUARD_SEED", random.randrange(2**32)))
MOST = int(os.environ.get("DNSGUARD_CORPUS_MOST", "40"))
REGISTERED = "127.0.0.2"
MAX_GROWTH = 5_000_000  # octets of all processes, once all has been sent before
_ZONE = "example.net"
_CLIENTS = 8  # sockets of the device that asks, when the upstream is the hostile one
_UNDER_WAY = 64  # queries on one socket
_FEW_OCTETS = 40_000  # under way at a time: fewer than a socket's buffer holds


class Besieged:
    """A dnsguard whose clients and upstream send what they like."""

    def __init__(self, server: Server, upstream: ScriptedUpstream, answers: list[Reply]) -> None:
        self.server = server
        self.upstream = upstream
        self._answers = answers
        self._number = 0

    @property
    def place(self) -> tuple[str, int]:
        """Where it listens, over UDP and TCP."""
        return self.server.places["127.0.0.1"]

    def replay_queries(self, corpus: Sequence[Hostile], *, tcp: bool) -> None:
        """Send queries; AssertionError unless each reply that is due comes, and no other."""
        sent = [one for one in corpus if tcp or len(one.data) <= MAX_DATAGRAM]
        for batch in _batches(sent):
            messages = [self._numbered(hostile) for hostile in batch]
            closing = self._numbered(Hostile(PLAIN, frozenset({0})))
            with self._connect(tcp=tcp) as client:
                for message in [*messages, closing]:
                    client.sendall(framed(message.data) if tcp else message.data)
                _take_replies(client, [*messages, closing], tcp=tcp)

    def replay_answers(self, corpus: Sequence[Reply], *, tcp: bool) -> None:
        """Ask for names that the upstream answers so; AssertionError unless each has a reply."""
        for first in range(0, len(corpus), _CLIENTS * _UNDER_WAY):
            self._answers[:] = corpus[first : first + _CLIENTS * _UNDER_WAY]
            self._number += 1
            numbers = range(len(self._answers))
            names = [f"h{number}.r{self._number}.{_ZONE}" for number in numbers]
            queries = [make_query(name, id=number) for number, name in enumerate(names)]
            self.upstream.received.clear()
            clients = [self._connect(tcp=tcp) for _ in range(_CLIENTS)]
            for number, query in enumerate(queries):
                clients[number % _CLIENTS].sendall(framed(query) if tcp else query)
            for number, client in enumerate(clients):
                own = [answered(query) for query in queries[number::_CLIENTS]]
                with client:
                    _take_replies(client, own, tcp=tcp)
            self._wait_until_asked(set(names))

    def _wait_until_asked(self, names: set[str]) -> None:
        wait_for(
            lambda: names <= {name.rstrip(".") for name in self.upstream.names},
            "the upstream is asked for every name",
        )

    def ask(self, query: bytes) -> bytes:
        """Return the reply to one query, over TCP."""
        with self._connect(tcp=True) as client:
            client.sendall(framed(query))
            return read_message(client)

    def answer(self, query: bytes, transport: str, peer: Peer) -> Replies:
        """Answer as the upstream: by the corpus the names of a replay, all others truly."""
        name = str(dns.message.from_wire(query).question[0].name).lower()
        if not name.endswith(f".r{self._number}.{_ZONE}."):
            return telling()(query, transport, peer)
        return [(0.0, self._answers[int(name[1 : name.index(".")])](query))]

    def _numbered(self, hostile: Hostile) -> Hostile:
        """Give a message an ID that no other of its batch has."""
        self._number = (self._number + 1) & 0xFFFF
        number = self._number.to_bytes(2, "big")[: len(hostile.data)]
        return hostile._replace(data=number + hostile.data[2:])

    def _connect(self, *, tcp: bool) -> socket.socket:
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        client.settimeout(DEADLINE)
        client.bind((REGISTERED, 0))
        client.connect(self.place)
        return client

    def processes(self) -> list[int]:
        """Return the process IDs of the control plane and the workers."""
        return [self.server.pid, *(worker["pid"] for worker in self.server.status()["workers"])]

    def memory(self) -> int:
        """Return how much memory the processes have for themselves, in octets."""
        return sum(_private_memory(pid) for pid in self.processes())

    def descriptors(self) -> int:
        """Return how many descriptors the processes have open."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self.processes())

    @contextmanager
    def unharmed(self) -> Iterator[None]:
        """Require that what is done within a block harms no process and leaves nothing open."""
        before = self.processes()
        open_before = self.descriptors()
        yield
        assert self.processes() == before, self.server.log()
        wait_for(lambda: self.descriptors() <= open_before, "no descriptor more is open")
        assert read_samples(self.server.metrics())["dnsguard_internal_errors_total"] == 0
        assert "Traceback" not in self.server.log()

    @contextmanager
    def growing_little(self) -> Iterator[None]:
        """Require of what is done within a block, and was done before, that memory is flat."""
        before = self.memory()
        yield
        assert self.memory() - before < MAX_GROWTH


@contextmanager
def besieged(folder: Path) -> Iterator[Besieged]:
    """Run a dnsguard for the length of a block; the seed is shown when the block fails."""
    (folder / "networks.txt").write_text("203.0.113.0/24\n", "utf-8")
    answers: list[Reply] = []
    with ScriptedUpstream(lambda *_: []) as upstream:
        config = {
            "upstreams": [upstream.url],
            "groups": {"staff": {"subnets": [f"{REGISTERED}/32"]}},
            "lists": {"networks": {"source": "networks.txt", "format": "cidr"}},
            "policies": {"ban": {"groups": ["staff"], "lists": ["networks"]}},
            "cache": {"size": "1MiB"},
            "limits": {"exempt": [f"{REGISTERED}/32"]},
        }
        with running(folder, config) as server:
            print(f"DNSGUARD_SEED={SEED}")
            target = Besieged(server, upstream, answers)
            upstream.script = target.answer
            yield target


def _batches(corpus: Sequence[Hostile]) -> Iterator[list[Hostile]]:
    batch: list[Hostile] = []
    octets = 0
    for hostile in corpus:
        size = len(hostile.data)
        if batch and (len(batch) == _UNDER_WAY or octets + size > _FEW_OCTETS):
            yield batch
            batch, octets = [], 0
        batch.append(hostile)
        octets += size
    if batch:
        yield batch


def _take_replies(client: socket.socket, messages: Sequence[Hostile], *, tcp: bool) -> None:
    """Receive until every reply that is due has come; require that no other comes.

    The messages went to one worker, in this order: what it says to one that deserves silence
    comes before the reply to the last one at the latest.
    """
    due = {one.data[:2]: one for one in messages if one.rcodes}
    while due:
        try:
            reply = read_message(client) if tcp else client.recv(65_535)
        except TimeoutError:
            reply = b""
        assert reply, f"silence, or the end of the connection: {list(due.values())[:3]!r}"
        hostile = due.pop(reply[:2], None)
        assert hostile is not None, f"a reply that was not due: {reply[:80]!r}"
        check_reply(hostile, reply, tcp=tcp)


def check_reply(hostile: Hostile, reply: bytes, *, tcp: bool) -> None:
    """Require of a reply what is true of every one to such a message."""
    query = hostile.data
    assert reply[2] & 0x80, "no response"
    assert (reply[2] ^ query[2]) & 0x79 == 0, "another opcode, or RD"
    may_have_opt = b"\0\0\x29" in query[12:]
    assert len(reply) <= (65_535 if tcp else 1232 if may_have_opt else 512)
    rcode = reply[3] & 0x0F
    assert rcode in hostile.rcodes, f"{rcode} to {query[:80]!r}, not {sorted(hostile.rcodes)}"
    if reply[4:6] == b"\0\0":  # to what has no question, or none that can be read
        assert dns.message.from_wire(reply).sections == [[], [], [], []]
    else:
        assert is_well_formed(reply), "not as many records as its counts say"
    assert LISTED not in _addresses(reply), "what is listed, for a registered device"


def _addresses(reply: bytes) -> list[bytes]:
    """Return the data of the A records of a well-formed response's answer section."""
    found = []
    position = skip_name(reply, 12) + 4 if reply[4:6] == b"\0\1" else 12
    for _ in range(int.from_bytes(reply[6:8], "big")):
        position = skip_name(reply, position)
        rdatatype, rdclass, _, size = struct.unpack_from("!HHIH", reply, position)
        position += 10 + size
        if (rdatatype, rdclass) == (1, 1):
            found.append(reply[position - size : position])
    return found


def _private_memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    kilobytes = sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return 1024 * kilobytes
