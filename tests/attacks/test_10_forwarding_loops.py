"""Row 10: dnsguards that forward to each other, to themselves, and in a ring.

A question that comes round meets itself under way, and waits for that instead of being asked
again: what one query of a client costs is bounded, and it ends as SERVFAIL.
"""

import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from tests.support.asking import ask_udp
from tests.support.gateway import extended_errors, said
from tests.support.generations import Setup
from tests.support.loops import wait_for
from tests.support.scripted import TRUE, ScriptedUpstream, telling
from tests.support.server import running
from tests.support.shell import Shell
from tests.support.tap import Place, Tap

MAX_PACKETS = 20  # from server to server, for one query of a client
NAMES = [f"n{number}.example.org" for number in range(8)]
QUERY_AND_RESPONSE = 2
EVERYBODY = "127.0.0.0/8"  # is one client here, whose late answers would be dropped
NO_REACHABLE_AUTHORITY, CACHED_ERROR = 22, 13


def close_ring(taps: Sequence[Tap], start: Callable[[Tap], Place]) -> Place:
    """Start a server for each tap, which forwards there; lead each tap to the next server."""
    places = [start(tap) for tap in taps]
    for number, tap in enumerate(taps):
        tap.target = places[(number + 1) % len(places)]
    return places[0]


def asked(place: Place, name: str) -> tuple[str, list[int]]:
    """Return the gist of the answer to a question, and why it failed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        response, _ = ask_udp(client, f"{name} A", place)
    return said(response), extended_errors(response)


def check_rings(
    rings: Sequence[tuple[Place, Sequence[Tap]]], packets: Callable[[Tap, str], int]
) -> None:
    """Ask all rings at once, as the end of a circle is waited for."""
    places = [place for place, _ in rings for _ in NAMES]
    with ThreadPoolExecutor(len(places)) as threads:
        answers = list(threads.map(asked, places, NAMES * len(rings)))
    for gist, why in answers:
        assert gist == "SERVFAIL"
        assert {NO_REACHABLE_AUTHORITY, CACHED_ERROR} & set(why)
    for _, taps in rings:
        costs = [sum(packets(tap, name) for tap in taps) for name in NAMES]
        assert max(costs) <= MAX_PACKETS, (len(taps), costs)
        assert any(costs), "something goes round until the loop is found"


def goes_no_further(place: Place, name: str, taps: Sequence[Tap]) -> bool:
    """Tell whether a question goes to the next server at most: there the loop is known, or here."""
    gist, why = asked(place, name)
    assert gist == "SERVFAIL"
    assert NO_REACHABLE_AUTHORITY in why
    return sum(tap.packets(name) for tap in taps) <= QUERY_AND_RESPONSE


def test_to_itself_to_each_other_and_in_a_ring_of_three() -> None:
    with ExitStack() as opened:
        upstream = opened.enter_context(ScriptedUpstream(telling()))

        def start(tap: Tap) -> Place:
            setup = Setup(
                upstreams=[tap.url],
                forward_zones={"good.example": [upstream.url]},
                exempt=[EVERYBODY],
            )
            return "127.0.0.1", opened.enter_context(Shell(setup)).port

        rings = []
        for size in (1, 2, 3):
            taps = [opened.enter_context(Tap()) for _ in range(size)]
            rings.append((close_ring(taps, start), taps))
        check_rings(rings, Tap.packets)
        for place, _ in rings:
            assert asked(place, "www.good.example") == (TRUE, [])


def test_two_with_two_workers_each(tmp_path: Path) -> None:
    with ExitStack() as opened:
        taps = [opened.enter_context(Tap()) for _ in range(2)]

        def start(tap: Tap) -> Place:
            folder = tmp_path / str(tap.port)
            folder.mkdir()
            config = {"upstreams": [tap.url], "limits": {"exempt": [EVERYBODY]}}
            return opened.enter_context(running(folder, config)).places["127.0.0.1"]

        # Each of four workers may meet the question once, and ask twice until the loop is found.
        # Each of four workers may meet the question, and ask twice until the loop is found.
        place = close_ring(taps, start)
        check_rings([(place, taps)], Tap.packets)
        fresh = (f"found{number}.example.org" for number in count())
        wait_for(lambda: goes_no_further(place, next(fresh), taps), "the loop is found")
