"""Answers of many hops, generated: the verdict is that of the design, wherever they come from."""

from collections.abc import Sequence
from dataclasses import replace

import dns.message
import dns.rcode
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsguard.core.forward import Forward
from dnsguard.core.protocol import Transport
from tests.support.chain_strategies import answers, setups
from tests.support.chains import Told
from tests.support.gateway import read
from tests.support.generations import Setup
from tests.support.watched import CLIENTS, Watched, expected

LONG_AGO = 400  # seconds, when every answer has expired

orders = st.permutations(list(CLIENTS))


def failing(query: dns.message.Message) -> dns.message.Message:
    """Be no help to anybody."""
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.SERVFAIL)
    return response


@settings(max_examples=200)
@given(setups(), answers(), orders)
def test_fresh_cached_and_stale_answers(setup: Setup, told: Told, order: Sequence[str]) -> None:
    watched = Watched(setup, told)
    wanted = {group: expected(setup, group, told) for group in order}
    assert {group: watched.ask(group) for group in order} == wanted
    assert {group: watched.ask(group) for group in order} == wanted
    watched.gateway.now += LONG_AGO
    watched.gateway.server = failing
    assert {group: watched.ask(group) for group in order} == wanted
    assert {group: watched.ask(group) for group in order} == wanted


@settings(max_examples=100)
@given(setups(), setups(), answers(), orders)
def test_answers_kept_over_a_reload(
    setup: Setup, later: Setup, told: Told, order: Sequence[str]
) -> None:
    later = replace(later, forward_zones=setup.forward_zones)  # or else nothing is kept
    watched = Watched(setup, told)
    for group in order:
        watched.ask(group)
    watched.gateway.server = failing
    watched.gateway.swap(later.generation())
    wanted = {group: expected(later, group, told) for group in order}
    assert {group: watched.ask(group) for group in order} == wanted
    watched.gateway.now += LONG_AGO
    assert {group: watched.ask(group) for group in order} == wanted


@settings(max_examples=100)
@given(setups(), st.none() | setups(), answers(), orders)
def test_one_answer_for_all_who_wait_for_it(
    setup: Setup, later: Setup | None, told: Told, order: Sequence[str]
) -> None:
    watched = Watched(setup, told)
    gateway = watched.gateway
    outcomes = {
        group: gateway.send(CLIENTS[group], told.question, Transport.TCP) for group in order
    }
    waiting = {g: forward for g, forward in outcomes.items() if isinstance(forward, Forward)}
    if later is not None:  # a reload while they wait
        setup = replace(later, forward_zones=setup.forward_zones)
        gateway.swap(setup.generation())
    if waiting:
        attempts, answer = gateway._exchange(next(iter(waiting.values())))
    for group, forward in waiting.items():
        before = watched.counted(group)
        if answer is None:
            response = gateway.resolver.failure(forward, attempts.ede, gateway.now)
        else:
            response = gateway.resolver.response(forward, answer, gateway.now)
        assert watched.see(group, read(response), before) == expected(setup, group, told)
