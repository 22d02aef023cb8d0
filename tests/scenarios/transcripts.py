"""Transcripts: what clients ask, what upstreams are asked and say, and what clients see, in time.

A line of a transcript is one of these; `#` begins a comment.

    block NAME ...                     the policy from now on, as by a reload; nothing at first
    serve_stale 1h                     a setting, ahead of all else
    ask NAME TYPE [by ADDRESS] [DO]    a client asks
    asked NAME TYPE                    an upstream is asked; what no line tells does not happen
    says RCODE [OWNER TTL TYPE RDATA; ...]
    says nothing
    sees GIST [TTL N] [EDE N ...]      the client that asked first is answered
    waits                              no client has an answer yet
    wait 10s                           time passes
"""

import re
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from dnsguard.core.forward import Forward
from dnsguard.core.retry import Retry, start
from dnsguard.core.route import Attempt, Route
from tests.support.gateway import Gateway, extended_errors, question, read, said
from tests.support.generations import Ban, Setup

PHONE = "10.20.0.7"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass
class Client:
    """One query of a client, and its answer when there is one."""

    forward: Forward | None = None
    response: bytes | None = None


@dataclass
class Exchange:
    """A question on its way to the upstreams, for all who wait for it."""

    forward: Forward
    attempts: Retry
    attempt: Attempt | None = None
    waiting: list[Client] = field(default_factory=list)


class Player:
    """Plays a transcript to a gateway; AssertionError tells where they part."""

    def __init__(self) -> None:
        self.setup = Setup(lists={}, off_switches={}, serve_stale=86_400)
        self.gateway = Gateway(self.setup.generation())
        self.clients: deque[Client] = deque()
        self.started: deque[Exchange] = deque()
        """Exchanges that no line has told yet."""
        self.running: list[Exchange] = []

    def play(self, text: str) -> None:
        """Play all lines; nobody may wait for anything at their end."""
        for number, line in enumerate(text.splitlines(), start=1):
            word, _, rest = line.partition("#")[0].strip().partition(" ")
            if word:
                try:
                    assert word == "asked" or not self.started, "an upstream is asked"
                    getattr(self, f"do_{word}")(rest.strip())
                except AssertionError as error:
                    raise AssertionError(f"line {number}: {line}: {error}") from error
        assert not self.started, "an upstream is asked at the end"
        assert not self.clients, "an answer that no line tells"

    def do_serve_stale(self, words: str) -> None:
        self._change(replace(self.setup, serve_stale=int(_seconds(words))))

    def do_block(self, words: str) -> None:
        ban = Ban(block=words.split())
        self._change(replace(self.setup, policies={"ban": ban}))

    def do_ask(self, words: str) -> None:
        name, rdatatype, *more = words.split()
        source = more[more.index("by") + 1] if "by" in more else PHONE
        query = question(f"{name} {rdatatype}")
        query.want_dnssec("DO" in more)
        outcome = self.gateway.send(source, query)
        client = Client()
        self.clients.append(client)
        if isinstance(outcome, Forward):
            client.forward = outcome
            self._exchange(outcome).waiting.append(client)
        else:
            client.response = outcome
        for forward in self.gateway.resolver.refreshes:
            self._exchange(forward)
        self.gateway.resolver.refreshes = []

    def do_asked(self, words: str) -> None:
        assert self.started, "no upstream is asked"
        exchange = self.started.popleft()
        self.running.append(exchange)
        exchange.attempt = attempt = exchange.attempts.next(self.gateway.now)
        assert attempt is not None
        asked = dns.message.from_wire(attempt.message).question[0]
        told = f"{str(asked.name).rstrip('.').lower()} {dns.rdatatype.to_text(asked.rdtype)}"
        assert told == words, told

    def do_says(self, words: str) -> None:
        exchange = self.running.pop(0)
        attempts = exchange.attempts
        while exchange.attempt is not None and attempts.answer is None:
            if words != "nothing":
                query = dns.message.from_wire(exchange.attempt.message)
                attempts.result(exchange.attempt, _response(query, words).to_wire())
            exchange.attempt = attempts.next(self.gateway.now)
        resolver, now = self.gateway.resolver, self.gateway.now
        if not exchange.waiting and attempts.answer is not None:
            resolver.refreshed(exchange.forward, attempts.answer, now)
        for client in exchange.waiting:
            assert client.forward is not None
            if attempts.answer is not None:
                client.response = resolver.response(client.forward, attempts.answer, now)
            else:
                client.response = resolver.failure(client.forward, attempts.ede, now)

    def do_wait(self, words: str) -> None:
        end = self.gateway.now + _seconds(words)
        for exchange in self.running:
            patience = exchange.forward.patience
            if patience and patience <= end:
                self.gateway.now = max(self.gateway.now, patience)
                for client in list(exchange.waiting):
                    assert client.forward is not None
                    stale = self.gateway.resolver.stale(client.forward, self.gateway.now)
                    if stale is not None:
                        client.response = stale
                        exchange.waiting.remove(client)
        self.gateway.now = end

    def do_waits(self, words: str) -> None:
        assert self.clients, "nobody has asked"
        assert all(client.response is None for client in self.clients), "there is an answer"

    def do_sees(self, words: str) -> None:
        assert self.clients, "nobody has asked"
        response = read(self.clients.popleft().response)
        assert response is not None, "there is no answer"
        found = re.fullmatch(r"(.+?)(?: TTL (\d+))?(?: EDE ([\d ]+))?", words)
        assert found is not None
        gist, ttl, errors = found.groups()
        assert said(response) == gist, said(response)
        told = extended_errors(response)
        assert told == [int(error) for error in (errors or "").split()], f"EDE {told}"
        if ttl is not None:
            ttls = [rrset.ttl for rrset in response.answer or response.authority]
            assert min(ttls) == int(ttl), ttls

    def _change(self, setup: Setup) -> None:
        self.setup = setup
        self.gateway.swap(setup.generation())

    def _exchange(self, forward: Forward) -> Exchange:
        """Return the exchange that a forward joins, started if need be."""
        for exchange in (*self.started, *self.running):
            if exchange.forward.key == forward.key:
                return exchange
        upstreams = self.gateway.generation.upstream_sets[forward.zone]
        route = Route(upstreams, self.gateway.generation.ttl_bounds)
        retry = start(forward.query, route, self.gateway._randomness, self.gateway.now)
        self.started.append(Exchange(forward, retry))
        return self.started[-1]


def read_transcripts() -> list[Path]:
    """Return the files of all transcripts."""
    return sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


def _response(query: dns.message.Message, words: str) -> dns.message.Message:
    rcode, _, records = words.partition(" ")
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(dns.rcode.from_text(rcode))
    for record in records.split(";") if records else []:
        owner, ttl, rdatatype, rdata = record.split(maxsplit=3)
        negative = rdatatype == "SOA" and query.question[0].rdtype != dns.rdatatype.SOA
        section = response.authority if negative else response.answer
        section.append(
            dns.rrset.from_text(f"{owner.rstrip('.')}.", int(ttl), "IN", rdatatype, rdata)
        )
    return response


def _seconds(text: str) -> float:
    """Return the seconds of a time such as 1.8s or 2h."""
    return float(text[:-1]) * SECONDS[text[-1]]
