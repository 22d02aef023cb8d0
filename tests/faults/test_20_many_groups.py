"""Very many subnets, groups and lists: each device has the verdicts of its group."""

import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.driver import HEAVY, SECONDS, SINKHOLE
from tests.scenarios.client import ask, compose
from tests.support.gateway import read, said
from tests.support.metrics import read_samples
from tests.support.scripted import ScriptedUpstream
from tests.support.server import DEADLINE, running
from tests.support.truth import address_of, truth

SUBNETS = 10_000 if SECONDS >= HEAVY else 500
GROUPS = 20
LISTS = 100 if SECONDS >= HEAVY else 40
NAMES = 50_000 if SECONDS >= HEAVY else 50  # in each list
SAMPLE = 50


def address(number: int) -> str:
    return f"127.{1 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"


def listed(number: int, name: int) -> str:
    return f"n{name}.list{number}.example"


def many(folder: Path, upstream: str) -> dict[str, Any]:
    """Return a config in which each group has every GROUPS-th subnet and list."""
    for number in range(LISTS):
        text = "".join(f"{listed(number, name)}\n" for name in range(NAMES))
        (folder / f"list{number}.txt").write_text(text, "ascii")
    subnets = [f"{address(number)}/32" for number in range(SUBNETS)]
    return {
        "upstreams": [upstream],
        "groups": {f"g{number}": {"subnets": subnets[number::GROUPS]} for number in range(GROUPS)},
        "lists": {f"l{n}": {"source": str(folder / f"list{n}.txt")} for n in range(LISTS)},
        "policies": {
            f"p{number}": {
                "groups": [f"g{number}"],
                "lists": [f"l{n}" for n in range(number, LISTS, GROUPS)],
            }
            for number in range(GROUPS)
        },
    }


def test_each_device_has_the_verdicts_of_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A slow machine takes 40 s to start with five million names.
    monkeypatch.setattr("tests.support.server.DEADLINE", 90.0 if SECONDS >= HEAVY else DEADLINE)
    draw = random.Random(20)
    with ScriptedUpstream(truth) as upstream:
        start = time.monotonic()
        with running(tmp_path, many(tmp_path, upstream.url)) as server:
            print(f"start: {time.monotonic() - start:.1f} s")
            start = time.monotonic()
            assert server.reload().json()["result"] == "ok"
            print(f"reload: {time.monotonic() - start:.1f} s")
            assert not server.unready()
            for _ in range(SAMPLE):
                device, number = draw.randrange(SUBNETS), draw.randrange(LISTS)
                name = listed(number, draw.randrange(NAMES))
                query = compose(name)
                answer = ask(server.places["127.0.0.1"], [query], source=address(device))[0]
                blocked = number % GROUPS == device % GROUPS
                assert said(read(answer)) == (SINKHOLE if blocked else address_of(name))
            samples = read_samples(server.metrics())
            assert samples["dnsguard_internal_errors_total"] == 0
