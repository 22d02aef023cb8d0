import pytest

from dnsguard.core.protocol import Ede, Rcode
from dnsguard.core.refusals import asks_for_data, refusal
from dnsguard.core.wire import parse_query
from tests.support.gateway import Gateway, extended_errors, question
from tests.support.generations import generation

ASKED = {1: True, 28: True, 65: True, 99: True, 248: True, 255: True, 256: True, 65_280: True}
META = {0: False, 41: False, **dict.fromkeys(range(249, 255), False)}


def query(rdatatype: int, rdataclass: int = 1) -> bytes:
    types = rdatatype.to_bytes(2, "big") + rdataclass.to_bytes(2, "big")
    return b"\0\1\1\0\0\1\0\0\0\0\0\0\7example\0" + types


@pytest.mark.parametrize(("rdatatype", "asks"), [*ASKED.items(), *META.items()])
def test_what_is_no_type_of_data_is_not_asked_for(rdatatype: int, asks: bool) -> None:
    parsed = parse_query(query(rdatatype))
    assert parsed is not None
    assert asks_for_data(parsed) == asks


@pytest.mark.parametrize("rdataclass", [0, 2, 3, 4, 5, 254, 255])
@pytest.mark.parametrize("rdatatype", [1, 0, 41, 255])
def test_other_classes_are_refused(rdatatype: int, rdataclass: int) -> None:
    parsed = parse_query(query(rdatatype, rdataclass))
    assert parsed is not None
    assert not asks_for_data(parsed)
    answer, option = refusal(parsed)
    assert answer.rcode == Rcode.REFUSED
    assert option


@pytest.mark.parametrize(
    ("text", "rcode", "reasons"),
    [
        ("example. AXFR", Rcode.REFUSED, [Ede.NOT_SUPPORTED]),
        ("example. IXFR", Rcode.REFUSED, [Ede.NOT_SUPPORTED]),
        ("example. TKEY", Rcode.REFUSED, [Ede.NOT_SUPPORTED]),
        ("example. TYPE0", Rcode.FORMERR, []),
        ("example. OPT", Rcode.FORMERR, []),
    ],
)
def test_a_client_is_told_why(text: str, rcode: Rcode, reasons: list[Ede]) -> None:
    answer = Gateway(generation()).ask("10.20.0.7", question(text))
    assert answer is not None
    assert int(answer.rcode()) == rcode
    assert extended_errors(answer) == reasons
