"""MaginotDNS: what comes along with an answer is neither passed on nor kept, whatever the section.

Whoever runs a zone may have his own names asked for, and say of others what he likes.
"""

from itertools import product

import pytest

from tests.standards import wire
from tests.standards.subject import Client, Subject, rrset, saying
from tests.support.scripted import FORGED, TRUE, Script, truncating
from tests.support.shell import addresses

OWN = f"@ 60 A {TRUE}"
TYPES = ("A", "AAAA", "MX", "TXT", "NS", "DNAME", "CNAME", "SOA")


def lies_about(bank: str) -> tuple[str, ...]:
    """Return records of a name, of those below it and of those it is in."""
    return (
        f"{bank}. 86400 A {FORGED}",
        f"www.{bank}. 86400 A {FORGED}",
        f"www.{bank}. 86400 AAAA 2001:db8:bad::1",
        f"{bank}. 86400 NS ns.evil.example.",
        f"{bank}. 86400 DNAME evil.example.",
        f"mail.{bank}. 86400 CNAME evil.example.",
        f"{bank}. 86400 MX 1 evil.example.",
        f"www.{bank}. 86400 TXT forged",
        "example. 86400 NS ns.evil.example.",
        "example. 86400 DNAME evil.example.",
        ". 86400 NS ns.evil.example.",
        f"ns.evil.example. 86400 A {FORGED}",
    )


def denials_of(bank: str) -> tuple[str, ...]:
    """Return what would prove that a name does not exist."""
    soa = "86400 SOA ns.evil.example. evil.example. 1 3600 600 86400 86400"
    return (f"example. {soa}", f"{bank}. {soa}", f". {soa}", f"{bank}. 86400 NSEC z.example. SOA")


def scripts(bank: str) -> dict[str, Script]:
    """Return where lies about a name stand beside what was asked for."""
    lies, denials = lies_about(bank), denials_of(bank)
    first, last = "@ 60 CNAME b.evil.example.", f"b.evil.example. 60 A {TRUE}"
    through = ("@ 60 CNAME www." + bank + ".", f"www.{bank}. 60 CNAME b.evil.example.")
    added = saying(OWN, change=lambda told: told.additional.extend(rrset(one, "") for one in lies))
    nxdomain = saying(authority=(*denials, *lies), rcode="NXDOMAIN")
    of_alias = saying(f"@ 60 CNAME {bank}.", authority=(*denials, *lies), rcode="NXDOMAIN")
    return {
        "behind the answer": saying(OWN, *lies),
        "before the answer": saying(*lies, OWN),
        "in the authority": saying(OWN, authority=(*lies, *denials)),
        "in the additional": added,
        "along an alias": saying(first, *lies, last),
        "at the end of an alias": saying(through[0], *lies),
        "in the midst of aliases": saying(*through, last, *lies),
        "with no answer": saying(*lies),
        "beside no such name": nxdomain,
        "beside an alias of no such name": of_alias,
        "beside no such record": saying(authority=(*denials, *lies)),
        "beside a failure": saying(*lies, authority=denials, rcode="SERVFAIL"),
    }


@pytest.mark.parametrize("place", scripts("bank.example"))
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_other_names_are_asked_for_all_the_same(
    subject: Subject, client: Client, place: str, transport: str
) -> None:
    label = f"{place.replace(' ', '-')}-{transport}"
    evil, bank = f"{label}.evil.example", f"{label}.bank.example"
    script = scripts(bank)[place]
    subject.teach(evil, script if transport == "udp" else truncating(script))
    for flags in (0, wire.DO):
        query = wire.message(wire.question(evil), additional=(wire.opt(flags=flags),))
        told = wire.read(client.ask(query))
        names = {evil, *(str(one[0].target)[:-1] for one in told.answer if one.rdtype == 5)}
        assert {str(one.name)[:-1] for one in told.answer} <= names
        assert {one.rdtype for one in told.authority} <= {6, 47}, "proof, and no name servers"
        assert not told.additional
    below = [bank, f"www.{bank}", f"mail.{bank}", f"new.{bank}", f"new.www.{bank}"]
    asked = list(product(below, map(wire.rdatatype, TYPES)))
    for name, qtype in asked:
        client.send(wire.query(name, qtype))
    for answer in [wire.read(client.receive()) for _ in asked]:
        address = [TRUE] if answer.question[0].rdtype == 1 else []
        assert (answer.rcode(), list(addresses(answer))) == (0, address)
    assert [len(subject.asked(name)) >= len(TYPES) for name in below] == [True] * len(below)
