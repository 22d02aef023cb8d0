"""The draft on structured DNS errors (draft-ietf-dnsop-structured-dns-error)."""

import json

import dns.edns
import pytest

from tests.standards import wire
from tests.standards.subject import BLOCKED, GONE, Client
from tests.standards.wire import option, read


@pytest.mark.parametrize("name", [BLOCKED, GONE])
@pytest.mark.parametrize("asked", [b"", b"\0\0"])
def test_a_the_text_is_for_people(staff: Client, name: str, asked: bytes) -> None:
    answer = read(staff.ask(wire.query(name, 1, option(15, asked))))
    [error] = answer.options
    assert isinstance(error, dns.edns.EDEOption)
    assert error.code == 15
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(error.text or "")
