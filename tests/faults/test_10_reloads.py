"""Fault row 10: reloads in a row, of a broken config, without a listener, while a list is fetched.

tests/scenarios/test_reload_under_load.py has two hundred that change the policy each time.
"""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from tests.faults.driver import ALL, Pair, under_load
from tests.support.list_city import PATH, City, running_city
from tests.support.list_server import BLOCKED, marker, verdict
from tests.support.metrics import read_samples
from tests.support.server import Server

RELOADS = 50
REFUSED = 'dnsguard_reloads_total{result="refused"}'


def test_signals_in_a_row(pair: Pair) -> None:
    server = pair.server
    before = server.status()["generation"]
    with under_load(server, same_policy=False) as load:
        load.during("reloads", lambda: signals(server)).check_right(*ALL)
    # Two signals at a time may be one.
    assert before + RELOADS // 2 < server.status()["generation"] <= before + RELOADS + 1


def signals(server: Server) -> None:
    """Have the server reload again and again without waiting for it."""
    for _ in range(RELOADS):
        os.kill(server.pid, signal.SIGHUP)
        server.status()
    assert server.reload().json()["result"] == "ok"  # after those that came before


def test_a_broken_config_and_one_without_a_listener_are_refused(pair: Pair) -> None:
    with under_load(pair.server, same_policy=False) as load:
        load.during("refused reloads", lambda: refused_reloads(pair.server)).check_right(*ALL)


def refused_reloads(server: Server) -> None:
    """Have reloads refused, by signal and by command, and each time one that is not."""
    good = server.config_path.read_text("utf-8")
    moved = yaml.safe_load(good)
    moved["listen"]["dns"] = ["127.0.0.9:0"]
    texts = (good.replace("groups:", "grops:"), good[:-20], yaml.safe_dump(moved))
    generation = server.status()["generation"]
    refused = read_samples(server.metrics())[REFUSED]
    for text in texts:
        with config_text(server, text):
            os.kill(server.pid, signal.SIGHUP)
            server.wait_for(lambda: server.status()["config"]["state"] == "last accepted")
            assert server.reload().json()["result"] == "refused"
            assert read_samples(server.metrics())["dnsguard_config_current"] == 0
            assert server.status()["generation"] == generation
        assert server.reload().json()["result"] == "ok"
        generation += 1
    assert read_samples(server.metrics())[REFUSED] == refused + 2 * len(texts)


@contextmanager
def config_text(server: Server, text: str) -> Iterator[None]:
    """Have another config file for the length of a block."""
    good = server.config_path.read_text("utf-8")
    server.write_text(text)
    try:
        yield
    finally:
        server.write_text(good)


def test_a_reload_does_not_wait_for_a_list_that_is_being_fetched(tmp_path: Path) -> None:
    with running_city(tmp_path) as city, ThreadPoolExecutor() as pool:
        city.serve(2)
        city.nginx.pause()
        try:
            under_way = pool.submit(city.update)
            city.server.wait_for(lambda: is_fetching(city))
            for _ in range(3):
                assert city.server.reload().json()["result"] == "ok"
            assert not under_way.done()
        finally:
            city.nginx.resume()
        assert under_way.result() == "ok"
        assert verdict(city.server, marker(2)) == BLOCKED


def is_fetching(city: City) -> bool:
    """Tell whether there is a connection to the list server."""
    port = urlsplit(city.nginx.url(PATH)).port
    lines = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
    remotes = (line.split()[2:4] for line in lines)
    return any(place.endswith(f":{port:04X}") and state == "01" for place, state in remotes)
