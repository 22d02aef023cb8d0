"""Too little processor time: what cannot be taken is dropped and counted, and nothing piles up."""

from pathlib import Path

import pytest

from tests.faults.driver import ALL, FAILED, LOST, RIGHT, STALE, config, under_load
from tests.support.control_groups import control_group
from tests.support.flood import flood
from tests.support.metrics import read_samples
from tests.support.scripted import ScriptedUpstream
from tests.support.server import running
from tests.support.truth import LISTED, truth

SHARE = 0.2  # of one processor, for all processes together
CLIENTS = [f"127.0.3.{number}" for number in range(1, 9)]
COUNT = 30_000
FASTER = 50_000  # queries a second: as many as the sockets take


def test_with_a_fifth_of_a_processor_a_flood_is_shed_and_forgotten(
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
        asked = (LISTED for _ in range(COUNT))
        during = load.during(
            "flood", lambda: flood(server.places["127.0.0.1"], CLIENTS, asked, FASTER)
        )
        assert set(during.outcomes(*ALL)) <= {RIGHT, STALE, FAILED, LOST}
        print(f"recovers after {load.recovers(*ALL):.1f} s")
        lost = read_samples(server.metrics())["dnsguard_udp_dropped_total"]
        print(f"{lost:.0f} of {COUNT} dropped")
        assert during.outcomes(*ALL)[LOST] <= lost
        load.phase("calm again").check_right(*ALL)
