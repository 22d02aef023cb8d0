"""The numbers are those of the registries, as dnspython knows them."""

import dns.edns
import dns.flags
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from dnsguard.core import protocol


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (protocol.Opcode, dns.opcode.Opcode),
        (protocol.Rcode, dns.rcode.Rcode),
        (protocol.Rdataclass, dns.rdataclass.RdataClass),
        (protocol.Ede, dns.edns.EDECode),
        (protocol.EdnsOption, dns.edns.OptionType),
    ],
)
def test_members_have_the_registered_numbers(ours: type, theirs: type) -> None:
    assert {member.name: int(member) for member in ours}.items() <= {  # type: ignore[attr-defined]
        name: int(member)
        for name, member in theirs.__members__.items()  # type: ignore[attr-defined]
    }.items()


@pytest.mark.parametrize("rdatatype", protocol.Rdatatype)
def test_types_have_the_registered_numbers(rdatatype: protocol.Rdatatype) -> None:
    name = {"MAILB": "TYPE253", "MAILA": "TYPE254"}.get(rdatatype.name, rdatatype.name)
    assert int(rdatatype) == int(dns.rdatatype.from_text(name))


@pytest.mark.parametrize("flag", ["QR", "AA", "TC", "RD", "RA", "AD", "CD"])
def test_flags_have_the_registered_bits(flag: str) -> None:
    assert getattr(protocol, flag) == dns.flags.Flag[flag]


def test_the_masks() -> None:
    assert protocol.DO == dns.flags.EDNSFlag.DO
    assert dns.opcode.to_flags(15) == protocol.OPCODE_MASK  # type: ignore[arg-type]
    assert protocol.RCODE_MASK == 15
