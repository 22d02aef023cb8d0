"""Retries played through in a test: what upstreams say of each attempt, and what is asked."""

import os
from collections.abc import Callable

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from dnsguard.core.randomness import Randomness
from dnsguard.core.response import TtlBounds
from dnsguard.core.retry import Retry, Step, start
from dnsguard.core.route import Attempt, Route
from dnsguard.core.wire import parse_query

Edit = Callable[[dns.message.Message], None]
Said = tuple[int, list[Edit]] | str
"""An rcode and edits of the response, or `error` or `silence`."""

START = 100.0


def retry(
    *upstreams: int,
    name: str = "www.example.org",
    rdatatype: str = "A",
    noise: Callable[[int], bytes] = os.urandom,
    tcp_only: frozenset[int] = frozenset(),
    trusted: frozenset[int] = frozenset(),
    all_down: bool = False,
    patience: float = 0.0,
    **asked: bool,
) -> Retry:
    """Return a question on its way; `dnssec` and `cd` are what the client asked for."""
    message = dns.message.make_query(name, rdatatype, want_dnssec=asked.get("dnssec", False))
    message.flags |= dns.flags.CD if asked.get("cd") else 0
    query = parse_query(message.to_wire())
    assert query is not None
    route = Route(
        upstreams,
        TtlBounds(),
        tcp_only=tcp_only,
        trusted=trusted,
        all_down=all_down,
        patience=patience,
    )
    return start(query, route, Randomness(noise), START)


def taken(attempts: Retry, now: float = START) -> Attempt:
    """Return the next attempt, which there must be."""
    attempt = attempts.next(now)
    assert attempt is not None
    attempt.sent = now
    return attempt


def judged(attempts: Retry, attempt: Attempt, data: bytes) -> tuple[int, int]:
    """Return what to do after a message, and what it was taken for."""
    step = attempts.result(attempt, data)
    assert attempts.response is not None
    return step, attempts.response.status


def respond(attempt: Attempt, rcode: int = 0, *edits: Edit) -> bytes:
    """Return a response with one address, or with an rcode, edited at last."""
    response = dns.message.make_response(dns.message.from_wire(attempt.message))
    response.set_rcode(dns.rcode.Rcode(rcode))
    if rcode == 0:
        address = dns.rrset.from_text(response.question[0].name, 300, "IN", "A", "192.0.2.1")
        response.answer.append(address)
    for edit in edits:
        edit(response)
    return response.to_wire()


def truncate(message: dns.message.Message) -> None:
    """Say that not all fits."""
    message.flags |= dns.flags.TC
    message.answer.clear()


def without_edns(message: dns.message.Message) -> None:
    """Leave out the OPT record."""
    message.use_edns(False)


def authentic(message: dns.message.Message) -> None:
    """Set the AD bit."""
    message.flags |= dns.flags.AD


def other_id(message: dns.message.Message) -> None:
    """Give the message another ID."""
    message.id ^= 1


def other_question(message: dns.message.Message) -> None:
    """Have a response answer another question."""
    message.question[0].name = dns.name.from_text("other.example.net")


def without_question(message: dns.message.Message) -> None:
    """Leave nothing but the header."""
    message.use_edns(False)
    message.question.clear()


def swapped_case(message: dns.message.Message) -> None:
    """Change the case of the letters of the question."""
    message.question[0].name = dns.name.from_text(message.question[0].name.to_text().swapcase())


def explained(ede: int) -> Edit:
    """Return an edit that says why, as an upstream does."""
    options: list[dns.edns.Option] = [dns.edns.EDEOption(dns.edns.EDECode.make(ede), "because")]
    return lambda message: message.use_edns(0, options=options)


SERVFAIL: tuple[int, list[Edit]] = (2, [])
REFUSED: tuple[int, list[Edit]] = (5, [])
NOTIMP: tuple[int, list[Edit]] = (4, [without_edns])
FORMERR: tuple[int, list[Edit]] = (1, [without_edns])
FORMERR_WITH_EDNS: tuple[int, list[Edit]] = (1, [])
BARE_SERVFAIL: tuple[int, list[Edit]] = (2, [without_question])
BARE_FORMERR: tuple[int, list[Edit]] = (1, [without_question])
TRUNCATED: tuple[int, list[Edit]] = (0, [truncate])
OTHER_QUESTION: tuple[int, list[Edit]] = (0, [other_question])
OTHER_CASE: tuple[int, list[Edit]] = (0, [swapped_case])
ANSWER: tuple[int, list[Edit]] = (0, [])


def transcript(attempts: Retry, *said: Said) -> str:
    """Play what upstreams say and return what was asked: upstream, transport, `-` without EDNS.

    Silence lasts until the time-out; `later` stands where nothing may be asked at once.
    """
    asked = []
    now = START
    for said_now in said:
        attempt = attempts.next(now)
        if attempt is None and attempts.resume:
            asked.append("later")
            now = attempts.resume
            attempt = attempts.next(now)
        if attempt is None:
            asked.append("doubtful" if attempts.answer is not None else "nothing left")
            break
        edns = "" if attempt.message[11] else "-"
        attempt.sent = now
        asked.append(f"{attempt.upstream}{'tcp' if attempt.tcp else 'udp'}{edns}")
        if said_now == "error":
            attempts.failed(attempt)
        elif said_now == "silence":
            now += attempt.timeout
        else:
            assert not isinstance(said_now, str)
            step = attempts.result(attempt, respond(attempt, said_now[0], *said_now[1]))
            if step == Step.DONE:
                asked.append("done")
                break
    return " ".join(asked)
