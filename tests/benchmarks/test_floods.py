"""The floods of benchmarks/floods.py are what they are called."""

import socket

import dns.message
import pytest

from benchmarks import floods
from benchmarks.loads import Outcome
from tests.support.loops import DEADLINE


@pytest.mark.parametrize("kind", [kind for kind in floods.FLOODS if "TCP" not in kind])
def test_queries_come_in_turn_and_can_be_read(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setitem(floods.FLOODS, kind, (500, "a slow one"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(DEADLINE)
        with floods._flooding(kind, server.getsockname()[1]):
            received = [server.recvfrom(4096) for _ in range(60)]
    names = {str(dns.message.from_wire(data).question[0].name) for data, _ in received}
    assert (len(names) == 1) == (kind == "one client")
    assert (len({client for _, client in received}) == 1) == (kind != "stalled")


@pytest.mark.parametrize("kind", ["idle TCP", "slow TCP"])
def test_connections_are_held(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setitem(floods.FLOODS, kind, (3, "a few"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(DEADLINE)
        with floods._flooding(kind, server.getsockname()[1]):
            held = [server.accept()[0] for _ in range(3)]
            for connection in held:
                connection.settimeout(DEADLINE)
                if kind == "slow TCP":
                    assert connection.recv(1) == b"\xff"
            held.pop().close()
            held.append(server.accept()[0])  # what the server closes comes again
            for connection in held:
                connection.close()


def test_no_flood_without_a_port() -> None:
    with floods._flooding("idle TCP", 0):
        pass


def test_ratios_are_made_within_a_round() -> None:
    def seen(p99: float) -> Outcome:
        return Outcome(3.0, 10, 10, 0, 0, 1, {"0": 10}, {"p99": p99})  # one was not sent: not lost

    calm, flooded = [seen(10), seen(20), seen(40)], [seen(15), seen(40), seen(44)]
    found = floods.Figures(calm, flooded, [60.0, 61.5], [30, 31], [0.2, 0.3, 0.1])
    text = floods._compose({"one zone": found}, 3, {"queries": [1], "messages": [2]})
    row = next(line for line in text.splitlines() if "names below one zone" in line)
    assert "| 1.50 | 20% | 0 of 30 | 60.0 to 61.5 | 30 to 31 |" in row
