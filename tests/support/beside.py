"""A dnsguard and another server that have the same list, before the same upstream."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.scenarios.client import Place
from tests.support.server import running
from tests.support.unbound import running_unbound
from tests.support.verdicts import Verdict

UPSTREAM = (
    'local-zone: "." redirect',
    'local-data: ". 300 IN SOA localhost. root.localhost. 1 2 3 4 300"',
    'local-data: ". 300 IN A 192.0.2.1"',
    'local-data: ". 300 IN AAAA 2001:db8::1"',
)
"""Every name has these addresses, and NODATA for other types."""

PASSED = defaultdict(
    lambda: Verdict("NOERROR"),
    A=Verdict("NOERROR", frozenset({"A 192.0.2.1"})),
    AAAA=Verdict("NOERROR", frozenset({"AAAA 2001:db8::1"})),
)
"""What the upstream says of a name, by type."""


@contextmanager
def running_upstream(folder: Path) -> Iterator[int]:
    """Run a resolver that knows every name, special-use names aside; yields its port."""
    folder.mkdir()
    with running_unbound(folder, zones=UPSTREAM) as port:
        yield port


def forward_to(upstream: int) -> str:
    """Return the clause of an Unbound that forwards everything to a loopback port."""
    return f'forward-zone:\n    name: "."\n    forward-addr: 127.0.0.1@{upstream}\n'


@contextmanager
def running_dnsguard(
    folder: Path, source: Path, list_format: str, upstream: int
) -> Iterator[Place]:
    """Run a dnsguard that answers as a list in a file says; yields where."""
    folder.mkdir()
    config = {
        "listen": {"dns": ["127.0.0.1:0"], "admin": None},
        "upstreams": [f"udp://127.0.0.1:{upstream}"],
        "groups": {"city": {"subnets": ["127.0.0.1/32"]}},
        "lists": {"same": {"source": str(source), "format": list_format}},
        "policies": {
            "ban": {
                "groups": ["city"],
                "lists": ["same"],
                "answer": "from-list",
                "off_switches": False,
            }
        },
    }
    with running(folder, config) as server:
        yield server.places["127.0.0.1"]


@contextmanager
def running_unbound_rpz(folder: Path, zone: Path, upstream: int) -> Iterator[Place]:
    """Run an Unbound with a response policy zone, called rpz.test; yields where."""
    folder.mkdir()
    clauses = f'rpz:\n    name: "rpz.test"\n    zonefile: "{zone}"\n' + forward_to(upstream)
    settings = ['module-config: "respip iterator"']
    with running_unbound(folder, zones=settings, clauses=clauses) as port:
        yield "127.0.0.1", port
