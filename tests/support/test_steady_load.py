"""The load that faults are judged by sees what it must see."""

from collections.abc import Iterator

import pytest

from tests.support.loops import wait_for
from tests.support.scripted import (
    FORGED,
    Peer,
    Replies,
    Script,
    ScriptedUpstream,
    respond,
    silent,
    telling,
    truncating,
)
from tests.support.steady_load import Kind, Outcome, SteadyLoad
from tests.support.truth import truth

KINDS = [
    Kind("true", "127.0.0.2", lambda turn: f"n{turn}.example.org"),
    Kind("blocked", "127.0.0.3", lambda _: "blocked.example.org", "0.0.0.0"),
]


def twice(query: bytes, transport: str, peer: Peer) -> Replies:
    return 2 * truth(query, transport, peer)


def failing(query: bytes, transport: str, peer: Peer) -> Replies:
    return [(0.0, respond(query, rcode="SERVFAIL"))]


@pytest.fixture
def server() -> Iterator[ScriptedUpstream]:
    """A stand-in for dnsguard."""
    with ScriptedUpstream(truth) as started:
        yield started


def seen(server: ScriptedUpstream, script: Script) -> dict[str, set[Outcome]]:
    """Return what came of the queries of each kind."""
    server.script = script
    with SteadyLoad(("127.0.0.1", server.port), KINDS, 1000) as load:
        wait_for(lambda: len(server.received) >= 20, "20 queries are sent")
    return {
        kind: {query.outcome for query in load.seen if query.kind == kind}
        for kind in {query.kind for query in load.seen}
    }


def test_the_truth_is_right_and_for_a_blocked_name_wrong(server: ScriptedUpstream) -> None:
    assert seen(server, truth) == {"true": {Outcome.RIGHT}, "blocked": {Outcome.WRONG}}


@pytest.mark.parametrize("script", [telling(FORGED), telling("0.0.0.0")], ids=["other", "sinkhole"])
def test_an_address_of_another_name_is_wrong(server: ScriptedUpstream, script: Script) -> None:
    assert seen(server, script)["true"] == {Outcome.WRONG}


def test_the_sinkhole_is_right_for_a_blocked_name(server: ScriptedUpstream) -> None:
    assert seen(server, telling("0.0.0.0"))["blocked"] == {Outcome.RIGHT}


def test_a_failure_is_told_from_a_wrong_answer(server: ScriptedUpstream) -> None:
    assert seen(server, failing) == {"true": {Outcome.FAILED}, "blocked": {Outcome.FAILED}}


def test_who_is_sent_to_tcp_is_not_lost(server: ScriptedUpstream) -> None:
    sent = seen(server, truncating(truth))
    assert sent == {"true": {Outcome.SENT_TO_TCP}, "blocked": {Outcome.SENT_TO_TCP}}


def test_an_answer_that_comes_twice_is_wrong(server: ScriptedUpstream) -> None:
    assert seen(server, twice)["twice"] == {Outcome.WRONG}


def test_silence_is_lost(server: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.steady_load.PATIENCE", 0.05)
    assert seen(server, silent) == {"true": {Outcome.LOST}, "blocked": {Outcome.LOST}}
