"""Fault row 3: an upstream truncates, over TCP as well, or closes the connection it asked for.

What comes truncated holds a record, a wrong one, so that it is seen if that is ever believed.
"""

from tests.faults.driver import ALL, FAILED, HEAVY, LOCAL, SECONDS, Pair, under_load
from tests.support.scripted import (
    FORGED,
    Peer,
    Replies,
    Script,
    by_transport,
    hanging_up,
    in_turn,
    respond,
    silent,
)
from tests.support.truth import truth

TC = 0x02


def part(query: bytes, transport: str, peer: Peer) -> Replies:
    """Send a part, over any transport."""
    response = bytearray(respond(query, f"@ 300 A {FORGED}"))
    response[2] |= TC
    return [(0.0, bytes(response))]


def part_then(script: Script) -> Script:
    """Return a script that sends a part over UDP and goes on as another over TCP."""
    return by_transport(udp=part, tcp=script)


AT_ONCE = (part, part_then(hanging_up))
NEVER_WHOLE = (*AT_ONCE, part_then(silent))


def test_tcp_has_the_whole(pair: Pair) -> None:
    with under_load(pair.server) as load:
        pair.first.script = pair.second.script = part_then(truth)
        load.phase("always truncated").check_right(*ALL)


def test_another_upstream_has_the_whole(pair: Pair) -> None:
    with under_load(pair.server) as load:
        pair.first.script = in_turn(*NEVER_WHOLE)
        load.phase("the first never whole").check_right(*ALL)


def test_a_part_is_neither_passed_on_nor_cached(pair: Pair) -> None:
    scripts = NEVER_WHOLE if SECONDS >= HEAVY else AT_ONCE
    with under_load(pair.server) as load:
        pair.first.script = pair.second.script = in_turn(*scripts)
        during = load.phase("never whole")
        during.check_right(*LOCAL)
        assert set(during.outcomes("fresh", "alias")) == {FAILED}
        pair.heal()
        load.repeats(during, "fresh", "alias")
