"""The wall clock jumps: what is cached is as old as it was, and lists are asked for once."""

import struct
from pathlib import Path

import dns.edns
import dns.message
import dns.rcode

from tests.faults.driver import KINDS, REGISTERED, config, under_load, wait_until
from tests.scenarios.client import ask
from tests.support.list_server import make_list
from tests.support.metrics import read_samples
from tests.support.nginx import running_nginx
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running
from tests.support.steady_load import Kind
from tests.support.truth import BRIEF, truth
from tests.support.wall_clock import DAY, YEAR, WallClock, in_1970

JUMPS = {"a year on": YEAR, "a day back": -DAY, "in 1970": in_1970()}
NOWHERE = "udp://127.0.0.1:9"
BRIEF_NAME = f"{BRIEF}.example.org"
CLIENT_COOKIE = bytes.fromhex("2464c4abcf10c957")
HOUR = 3600.0
_MANY = 24  # queries from different ports: both workers get some
_OPT, _COOKIE = 41, 10


def test_jumps_neither_expire_nor_keep_what_is_cached(tmp_path: Path) -> None:
    clock = WallClock(tmp_path)
    brief = Kind(BRIEF, KINDS[0].source, lambda _: BRIEF_NAME)
    with (
        ScriptedUpstream(truth) as upstream,
        running(tmp_path, config(upstream.url), environ=clock.environ) as server,
        under_load(server, kinds=(*KINDS, brief)) as load,
    ):
        load.phase("calm").check_right(*(kind.name for kind in KINDS), BRIEF)
        for what, offset in JUMPS.items():
            asked = len(upstream.names)
            clock.set(offset)
            load.phase(f"clock {what}").check_right(*(kind.name for kind in KINDS), BRIEF)
            cached = [name for name in upstream.names[asked:] if name.startswith("cached")]
            assert cached == []
            again = upstream.names.count(f"{BRIEF_NAME}.")
            wait_until(
                lambda: upstream.names.count(f"{BRIEF_NAME}.") > again,  # noqa: B023
                "what may be kept for a second is asked for again",
            )


def only_cookie(cookie: bytes) -> bytes:
    """Return a query that asks whether a cookie is good (RFC 7873 section 5.4)."""
    option = struct.pack("!HH", _COOKIE, len(cookie)) + cookie
    return struct.pack("!6HBHHIH", 0, 0, 0, 0, 0, 1, 0, _OPT, 1232, 0, len(option)) + option


def said_of(server: Server, cookie: bytes) -> list[dns.message.Message]:
    """Return what the workers say of a cookie."""
    answers = ask(server.places["127.0.0.1"], [only_cookie(cookie)] * _MANY, source=REGISTERED)
    return [dns.message.from_wire(answer) for answer in answers]


def given(message: dns.message.Message) -> bytes:
    """Return the cookie that a response gives."""
    (option,) = (o for o in message.options if isinstance(o, dns.edns.CookieOption))
    return option.client + option.server


def dated(cookie: bytes, now: float) -> bool:
    """Tell whether a cookie was made at a time or shortly before (RFC 9018 section 4.3)."""
    return abs(int.from_bytes(cookie[12:16], "big") - now) < HOUR


def test_cookies_are_of_the_new_time_and_good_after_each_jump(tmp_path: Path) -> None:
    clock = WallClock(tmp_path, in_1970())
    with running(tmp_path, config(NOWHERE), environ=clock.environ) as server:
        for what, offset in ({"at boot": in_1970()} | JUMPS).items():
            clock.set(offset)

            def all_good() -> bool:
                cookies = {given(message) for message in said_of(server, CLIENT_COOKIE)}
                said = [
                    message.rcode() for cookie in cookies for message in said_of(server, cookie)
                ]
                right = all(dated(cookie, clock.now()) for cookie in cookies)
                return right and set(said) == {dns.rcode.NOERROR}

            # Workers look at the wall clock once a second.
            wait_until(all_good, f"every cookie is good, the clock {what}")


def updates(server: Server) -> float:
    samples = read_samples(server.metrics())
    results = ("ok", "unchanged", "refused", "failed")
    series = 'dnsguard_list_updates_total{{list="partner",result="{}"}}'
    return sum(samples[series.format(result)] for result in results)


def test_a_list_is_asked_for_once_after_each_jump(tmp_path: Path) -> None:
    clock = WallClock(tmp_path, in_1970())
    with running_nginx(tmp_path) as nginx:
        nginx.serve("/partner.txt", make_list(1))
        settings = {
            "lists": {"partner": {"source": nginx.url("/partner.txt")}},
            "policies": {"ban": {"groups": ["staff"], "lists": ["partner"]}},
        }
        with running(tmp_path, config(NOWHERE, **settings), environ=clock.environ) as server:
            server.wait_for(lambda: updates(server) == 1)
            # From 1970 to now, a year on, and back: the time it was due at is past or absurd.
            for count, offset in enumerate((0.0, YEAR, -DAY), 2):
                clock.set(offset)
                for _ in range(3):
                    assert server.reload().status_code == 200  # has the updater look at the clock
                    server.wait_for(lambda: updates(server) >= count)  # noqa: B023
                assert updates(server) == count
        assert len(nginx.statuses("/partner.txt")) == count
        assert "Traceback" not in server.log()
