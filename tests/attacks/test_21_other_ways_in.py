"""Policy by another way in: what a query says of its sender counts for nothing.

Every transport and kind of source is in the tests elsewhere that the row names.
"""

from collections.abc import Callable

import pytest

from tests.standards import wire
from tests.standards.subject import BLOCKED, OTHER, STAFF, Client
from tests.standards.wire import option
from tests.support.gateway import packed

BOTH = pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
CLAIMS: dict[str, Callable[[str], bytes]] = {
    "client subnet (8)": lambda address: option(8, b"\0\1\x20\0" + packed(address)),
    "client address (65001)": lambda address: option(65_001, packed(address)),
    "client name (65073)": lambda address: option(65_073, address.encode()),
    "client MAC (65074)": lambda address: option(65_074, bytes(2) + packed(address)),
    "device (20292)": lambda address: option(20_292, b"ODNS\0\0\x10" + packed(address)),
    "name server identifier (3)": lambda address: option(3, address.encode()),
}
"""What forwarders and agents put into EDNS to say for whom they ask."""


@BOTH
@pytest.mark.parametrize("claim", CLAIMS)
def test_whoever_claims_to_be_another_is_told_what_its_address_is_told(
    client: Client, staff: Client, claim: str, *, tcp: bool
) -> None:
    name = f"claims.{BLOCKED}"
    claimed = CLAIMS[claim]
    as_other = staff.ask(wire.query(name, 1, claimed(OTHER)), tcp=tcp)
    assert wire.rdata(as_other, "A") == [bytes(4)]
    as_staff = client.ask(wire.query(name, 1, claimed(STAFF)), tcp=tcp)
    assert wire.rdata(as_staff, "A") == [bytes([192, 0, 2, 80])]


@BOTH
def test_several_claims_at_once_count_for_nothing_either(
    client: Client, staff: Client, *, tcp: bool
) -> None:
    name = f"claims.{BLOCKED}"
    for who, other, told in ((staff, OTHER, bytes(4)), (client, STAFF, bytes([192, 0, 2, 80]))):
        claims = [claimed(other) for claimed in CLAIMS.values()]
        assert wire.rdata(who.ask(wire.query(name, 1, *claims), tcp=tcp), "A") == [told]
