"""The clients of the soak notice what a server does, over UDP and TCP."""

from collections.abc import Callable

from dns.rdatatype import AAAA, A

from tests.soak.answers import TOLD, TRUNCATED
from tests.soak.client import Clients, Report, Seen
from tests.soak.questions import Question
from tests.soak.truth import truthful
from tests.support.scripted import Peer, Replies, Script, ScriptedUpstream

ENOUGH = 300


def ask(script: Script) -> list[Seen]:
    """Return what clients see of a server that follows a script."""
    seen: list[Seen] = []
    with (
        ScriptedUpstream(script) as server,
        Clients((server.address, server.port), rate=400.0, seed=1) as clients,
    ):

        def take(report: Report) -> None:
            seen.extend(report.seen)
            if len(seen) >= ENOUGH:
                clients.stop()

        clients.read(take)
    return seen


def said(seen: list[Seen], applies: Callable[[Question], bool]) -> set[tuple[str, str]]:
    """Return what was said to the everyday questions to which something applies, by transport."""
    return {
        (one.question.transport, one.said.partition(":")[0])
        for one in seen
        if one.question.kind in ("cached", "short", "fresh") and applies(one.question)
    }


def whatever(query: bytes, transport: str, peer: Peer) -> Replies:
    """Tell the truth, and of what cannot be read that it cannot be read."""
    try:
        return truthful(query, transport, peer)
    except (IndexError, ValueError):
        return [(0.0, query[:2] + b"\x81\x81" + bytes(8))]


def test_truth_and_untruth_are_told_apart() -> None:
    """The server knows nothing of EDNS, so whoever has it is answered wrongly."""
    seen = ask(whatever)
    plain = said(seen, lambda question: not question.edns)
    assert plain == {("udp", TOLD), ("tcp", TOLD)}
    wrong = said(seen, lambda question: question.edns and question.rdatatype in (A, AAAA))
    assert wrong == {("udp", "wrong about EDNS"), ("tcp", "wrong about EDNS")}


def test_two_answers_to_a_question_are_one_too_many() -> None:
    def twice(query: bytes, transport: str, peer: Peer) -> Replies:
        return whatever(query, transport, peer) * 2

    assert "answered twice, or never asked" in {one.said for one in ask(twice)}


def test_who_is_sent_to_tcp_asks_there() -> None:
    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        if transport == "udp" and b"\x05fresh" in query.lower():
            return [(0.0, query[:2] + b"\x83\x80" + query[4:])]
        return whatever(query, transport, peer)

    fresh = [one for one in ask(script) if one.question.kind == "fresh" and not one.question.edns]
    udp = [one for one in fresh if one.question.transport == "udp"]
    told = {one.question.name for one in fresh if one.said == TOLD}
    assert {one.said for one in udp} == {TRUNCATED}
    assert told >= {one.question.name for one in udp}
