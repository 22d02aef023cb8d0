"""Metrics under hostile names: nothing of a query becomes a series, a label or a line.

`DNSGUARD_ATTACK_NAMES` is how many names are asked for; the soak run asks for a million.
"""

import os
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.client import ask
from tests.scenarios.upstream import knowing_every_name
from tests.support.metrics import read_samples
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running

NAMES = int(os.environ.get("DNSGUARD_ATTACK_NAMES", "20000"))
AT_A_TIME = 4_000
LARGEST = 200_000  # octets
STAFF = "127.0.0.2"
ENDS = (b"\x07blocked\x07example\0", b"\x04open\x07example\0", b"\x05local\0", b"\x02eu\0", b"\0")
HOSTILE = (b'"} 1\ndnsguard_fake 1\n#', b"\\", b"\n", b"\xff\xfe", b"\xe2\x80\xae", b'{a="b"}')
TYPES = (1, 1, 1, 28, 65, 16, 12, 6, 99, 255, 65_280)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("city")
    with ScriptedUpstream(knowing_every_name()) as upstream:
        config = {
            "upstreams": [upstream.url],
            "groups": {"staff": {"subnets": [f"{STAFF}/32"]}},
            "lists": {"own": {"source": str(folder / "own.txt"), "format": "domains"}},
            "policies": {
                "ban": {"groups": ["staff"], "block": ["blocked.example"]},
                "trial": {"groups": ["staff"], "lists": ["own"], "stage": "shadow"},
            },
        }
        (folder / "own.txt").write_text("open.example\n", "utf-8")
        with running(folder, config) as started:
            yield started


def draw(chance: random.Random) -> bytes:
    """Return a query for a name that nobody asked for before."""
    label = chance.randbytes(chance.randint(8, 20)).replace(b"\0", b"x")
    if chance.random() < 0.5:
        label = label.hex().encode()
    elif chance.random() < 0.3:
        label = chance.choice(HOSTILE) + label
    flags = chance.choice((0x0100, 0x0100, 0x0100, 0x0000, 0x2100))
    question = bytes([len(label)]) + label + chance.choice(ENDS)
    header = struct.pack("!HHHHHH", 0, flags, 1, 0, 0, 0)
    return header + question + struct.pack("!HH", chance.choice(TYPES), 1)


def test_names_change_values_and_nothing_else(server: Server) -> None:
    before = server.metrics()
    series = read_samples(before).keys()
    chance = random.Random(40_011)
    place = server.places["127.0.0.1"]
    for first in range(0, NAMES, AT_A_TIME):
        count = min(AT_A_TIME, NAMES - first)
        source = (STAFF, "127.0.0.1")[first // AT_A_TIME % 2]
        ask(place, [draw(chance) for _ in range(count)], source=source)
        ask(place, [draw(chance) for _ in range(100)], source=STAFF, tcp=True)
    after = server.metrics()
    samples = read_samples(after)
    assert samples.keys() == series
    assert len(after.encode()) < LARGEST
    assert len(after.splitlines()) == len(before.splitlines())
    assert all(char.isprintable() or char == "\n" for char in after)
    assert not [found for found in samples if "example" in found or STAFF in found]
    queries = sum(
        value for found, value in samples.items() if found.startswith("dnsguard_queries_total{")
    )
    assert queries >= NAMES
    assert samples["dnsguard_internal_errors_total"] == 0
