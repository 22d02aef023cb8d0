"""Too little processor time: what cannot be taken is dropped and counted, and nothing piles up."""

from itertools import repeat
from pathlib import Path

import pytest

from dnsguard.build import BUILD
from tests.faults.driver import ALL, FAILED, LOST, RIGHT, STALE, config, under_load
from tests.support.control_groups import control_group
from tests.support.flood import flood
from tests.support.metrics import read_samples
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running
from tests.support.truth import LISTED, truth

# Of one processor, for all processes together: less than it takes to answer all that comes.
SHARE = 0.2 if BUILD == "plain" else 0.05
CLIENTS = [f"127.0.3.{number}" for number in range(1, 9)]
COUNT = 30_000
MOST = 150_000  # queries until some must be dropped, or they pile up somewhere
FASTER = 50_000  # queries a second: as many as the sockets take


def test_with_too_little_of_a_processor_a_flood_is_shed_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody waits for what the kernel dropped.
    monkeypatch.setattr("tests.support.steady_load.PATIENCE", 4.0)
    with (
        ScriptedUpstream(truth) as upstream,
        control_group("cpu", SHARE) as group,
        running(tmp_path, config(upstream.url)) as server,
        under_load(server, rate=50) as load,
    ):
        load.phase("calm").check_right(*ALL)
        status = server.status()
        for pid in (status["pid"], *(worker["pid"] for worker in status["workers"])):
            group.add(pid)
        during = load.during("flood", lambda: flood_until_shed(server))
        assert set(during.outcomes(*ALL)) <= {RIGHT, STALE, FAILED, LOST}
        print(f"recovers after {load.recovers(*ALL):.1f} s")
        lost = shed(server.port)
        assert lost > 0, "a flood is dropped, not kept"
        assert read_samples(server.metrics())["dnsguard_udp_dropped_total"] == lost
        assert during.outcomes(*ALL)[LOST] <= lost
        load.phase("calm again").check_right(*ALL)


def flood_until_shed(server: Server) -> None:
    """Ask faster than is answered, until the kernel has no room for more."""
    for sent in range(COUNT, MOST + COUNT, COUNT):
        flood(server.places["127.0.0.1"], CLIENTS, repeat(LISTED, COUNT), FASTER)
        if lost := shed(server.port):
            print(f"{lost} of {sent} dropped")
            return


def shed(port: int) -> int:
    """Return how many datagrams the kernel had no room for at a port of 127.0.0.1."""
    lines = Path("/proc/net/udp").read_text("ascii").splitlines()
    fields = [line.split() for line in lines[1:]]
    return sum(int(found[-1]) for found in fields if found[1] == f"0100007F:{port:04X}")
