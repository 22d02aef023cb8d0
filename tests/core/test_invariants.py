"""What holds for any octets: bytes, a `Forward` or nothing, and never an exception."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dnsguard.core.generation import Generation
from dnsguard.core.protocol import Transport
from tests.support.gateway import Gateway, packed
from tests.support.generations import Ban, generation
from tests.support.invariants import CLIENTS, check
from tests.support.strategies import queries

GENERATIONS = [
    generation(
        local_records=["printer.example.org. 300 IN A 10.0.0.9"],
        policies={"ban": Ban(answer=answer)},
        never_block=["city.tiktok.com"],
    )
    for answer in ("sinkhole", "nxdomain", "nodata", "refused", "drop")
]


@settings(max_examples=500)
@given(
    queries(), st.sampled_from(CLIENTS), st.sampled_from(Transport), st.sampled_from(GENERATIONS)
)
def test_any_octets(data: bytes, client: str, transport: Transport, built: Generation) -> None:
    gateway = Gateway(built)
    outcome = gateway.resolver.query(data, packed(client), transport, gateway.now)
    check(gateway, data, transport, outcome)
