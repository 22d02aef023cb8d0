"""Fault row 4: an upstream lies, answers something else, or sends what is no message."""

from tests.faults.driver import ALL, FAILED, HEAVY, LOCAL, SECONDS, Pair, under_load
from tests.support.scripted import LIES, Peer, Replies, Script, in_turn, lying

AT_ONCE = ("SERVFAIL", "REFUSED", "FORMERR", "another name", "CNAME loop")
"""What a question need not wait for: whoever lies so has answered."""


def everywhere(lie: str) -> Script:
    """Return a script that tells a lie over UDP and TCP."""

    def script(query: bytes, transport: str, peer: Peer) -> Replies:
        # In other letter case an answer is believed over TCP, as it is where TCP cannot be had.
        told = "SERVFAIL" if (lie, transport) == ("other case", "tcp") else lie
        return lying(told)(query, transport, peer)

    return script


def test_another_upstream_is_asked_and_nothing_believed(pair: Pair) -> None:
    with under_load(pair.server) as load:
        pair.first.script = in_turn(*map(everywhere, LIES))
        during = load.phase("the first one lies")
        during.check_right(*ALL)
        pair.heal()
        load.repeats(during, "fresh", "alias")


def test_where_all_lie_it_is_a_failure_and_nothing_is_cached(pair: Pair) -> None:
    lies = LIES if SECONDS >= HEAVY else AT_ONCE
    with under_load(pair.server) as load:
        pair.first.script = pair.second.script = in_turn(*map(everywhere, lies))
        during = load.phase("both lie")
        during.check_right(*LOCAL)
        assert set(during.outcomes("fresh", "alias")) == {FAILED}
        pair.heal()
        load.repeats(during, "fresh", "alias")
