"""Compiled against plain: the same octets in, the same octets, counters and cache out.

A run takes the seed 0 and enough scripts for a minute. DNSGUARD_FUZZ_SEED takes
another seed, DNSGUARD_FUZZ_SCRIPTS another number of scripts: `make soak-faults` ten times as many.
"""

import os
from collections import Counter
from random import Random

from tests.compiled import generate
from tests.compiled.builds import Builds

SEED = int(os.environ.get("DNSGUARD_FUZZ_SEED", "0"))
SCRIPTS = int(os.environ.get("DNSGUARD_FUZZ_SCRIPTS", "2000"))
STEPS = 200

# How a result begins, and how often in a script of that many steps, at the least.
OFTEN = {
    "forwarded": 15,
    "from cache": 2,
    "from upstream": 2,
    "from policy": 8,
    "from stale": 0.05,
    "from local": 2,
    "refused": 8,
    "dropped": 2,
    "believed": 15,
    "disbelieved": 8,
}
ASK = "000001000001000000000000"  # the header of a query


def test_random_scripts(builds: Builds) -> None:
    print(f"DNSGUARD_FUZZ_SEED={SEED}")
    random = Random(SEED)
    seen: Counter[str] = Counter()
    for _ in range(SCRIPTS):
        results = builds.require_same(generate.script(random, STEPS))
        assert len(results) == STEPS + 1
        seen.update(kind for result in results for kind in _kinds(result))
    assert {kind for kind, least in OFTEN.items() if seen[kind] < least * SCRIPTS} == set(), seen


def test_more_clients_than_are_remembered(builds: Builds) -> None:
    *_, state = builds.require_same([f"flood 70000 {ASK}0674696b746f6b03636f6d0000010001"])
    assert ": 65536," in state


def _kinds(result: str) -> list[str]:
    sources = ("cache", "upstream", "stale", "policy", "local")
    kinds = {f" from {number}": f"from {source}" for number, source in enumerate(sources)}
    kinds |= {" from 5": "refused", "current=": "forwarded", "body=": "believed"}
    kinds |= {"nothing": "dropped", "status=3": "disbelieved"}
    return [kind for mark, kind in kinds.items() if mark in result]
