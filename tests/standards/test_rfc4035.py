"""RFC 4033 to 4035, 3225 and 6840: DNSSEC as a forwarder passes it on."""

import dns.message
import pytest

from tests.standards import wire
from tests.standards.clock import STAFF as REGISTERED
from tests.standards.clock import Clocked
from tests.standards.subject import BLOCKED, TRUSTED_ZONE, Client, Subject
from tests.standards.wire import AD, CD, DO, RD, message, opt, question, read
from tests.support.generations import UPSTREAMS, Setup
from tests.support.scripted import Peer, Replies

SIGNED = "A 13 3 300 20370101000000 20200101000000 12345 example. c2lnbmF0dXJl"
SOA = "example. 300 SOA ns.example. admin.example. 1 7200 3600 86400 60"
NSEC = "example. 300 NSEC z.example. A NSEC RRSIG"


def signing(query: bytes, _transport: str, _peer: Peer) -> Replies:
    """Answer with AD, and with signatures or proof where DO asks for them."""
    asked = dns.message.from_wire(query)
    response = dns.message.make_response(asked, recursion_available=True)
    response.flags |= AD
    name = str(asked.question[0].name)
    told = [f"{name} 300 A 192.0.2.7"]
    if asked.ednsflags & DO:
        told.append(f"{name} 300 RRSIG {SIGNED}")
    for record in told:
        owner, ttl, qtype, rdata = record.split(maxsplit=3)
        response.answer.append(dns.rrset.from_text(owner, int(ttl), "IN", qtype, rdata))
    return [(0.0, response.to_wire())]


def asking(name: str, *, flags: int = 0, do: bool = False, qtype: int = 1) -> bytes:
    """Return a query with these flags, and with DO in an OPT record or without one."""
    extra = (opt(flags=DO),) if do else ()
    return message(question(name, qtype), flags=RD | flags, additional=extra)


def has_ad(answer: bytes) -> bool:
    """Tell whether an answer has the AD bit."""
    return wire.header(answer).flags & AD != 0


def test_a_signatures_come_to_those_who_ask_for_them(subject: Subject, client: Client) -> None:
    name = "www.rfc4035a.example"
    subject.teach(name, signing)
    for _ in range(2):
        assert wire.rdata(client.ask(asking(name)), "RRSIG") == []
        told = client.ask(asking(name, do=True))
        [signature] = wire.rdata(told, "RRSIG")
        assert signature.endswith(b"signature")
        assert read(told).ednsflags & DO, "DO comes back (RFC 3225 section 3)"
    assert subject.was_asked(name, 2)


def test_a_the_proof_of_a_negative_answer_passes(subject: Subject, client: Client) -> None:
    name = "gone.rfc4035a.example"
    signature = SIGNED.replace("A 13 3", "NSEC 13 1", 1)
    proof = (SOA, NSEC, f"example. 300 RRSIG {signature}")
    subject.tell(name, authority=proof, rcode="NXDOMAIN")
    for _ in range(2):
        told = read(client.ask(asking(name, do=True)))
        assert told.rcode() == 3
        assert [rrset.rdtype for rrset in told.authority] == [6, 47, 46]


@pytest.mark.parametrize("do", [False, True])
@pytest.mark.parametrize("cd", [0, CD])
def test_a_do_and_cd_go_upstream_as_they_came(
    subject: Subject, client: Client, cd: int, *, do: bool
) -> None:
    name = f"do{int(do)}cd{cd}.rfc4035a.example"
    answer = client.ask(asking(name, flags=cd, do=do))
    assert wire.header(answer).flags & CD == cd, "CD comes back (RFC 4035 section 3.2.2)"
    received, *_ = subject.asked(name)  # again, should the machine have paused
    assert wire.header(received.query).flags & CD == cd
    assert read(received.query).ednsflags & DO == (DO if do else 0)


def test_a_what_was_asked_with_cd_is_not_for_those_without(
    subject: Subject, client: Client
) -> None:
    name = "bogus.rfc4035a.example"

    def validate(query: bytes, transport: str, peer: Peer) -> Replies:
        if wire.header(query).flags & CD:
            return signing(query, transport, peer)
        failed = dns.message.make_response(dns.message.from_wire(query))
        failed.set_rcode(dns.rcode.SERVFAIL)
        return [(0.0, failed.to_wire())]

    subject.teach(name, validate)
    assert wire.rdata(client.ask(asking(name, flags=CD)), "A") == [bytes([192, 0, 2, 7])]
    assert wire.rcode(client.ask(asking(name))) == "SERVFAIL"


@pytest.mark.parametrize(
    ("flags", "do", "told"), [(AD, False, True), (0, True, True), (0, False, False)]
)
def test_b_ad_is_a_trusted_upstreams_and_for_those_who_understand_it(
    subject: Subject, client: Client, flags: int, *, do: bool, told: bool
) -> None:
    name = f"ad{flags}do{int(do)}.{TRUSTED_ZONE}"
    subject.teach(name, signing)
    for _ in range(2):
        assert has_ad(client.ask(asking(name, flags=flags, do=do))) is told


@pytest.mark.parametrize(("zone", "told"), [(TRUSTED_ZONE, AD), ("rfc4035b.example", 0)])
def test_b_a_trusted_upstream_is_asked_for_ad(
    subject: Subject, client: Client, zone: str, told: int
) -> None:
    # RFC 6840 section 5.7: without DO, and whoever asks, for the answer is kept for all.
    name = f"asked-for-ad.{zone}"
    client.ask(asking(name))
    received, *_ = subject.asked(name)  # again, should the machine have paused
    assert wire.header(received.query).flags & AD == told


def test_b_no_ad_of_another_upstream_passes(subject: Subject, client: Client) -> None:
    name = "www.rfc4035b.example"
    subject.teach(name, signing)
    for _ in range(2):
        assert not has_ad(client.ask(asking(name, flags=AD, do=True)))


@pytest.mark.parametrize("name", [BLOCKED, f"www.{BLOCKED}", "x.test", "printer.city.internal"])
def test_b_what_is_made_here_never_has_ad(staff: Client, name: str) -> None:
    for flags in (AD, AD | CD):
        answer = staff.ask(asking(name, flags=flags, do=True))
        assert wire.rcode(answer) in {"NOERROR", "NXDOMAIN"}
        assert not has_ad(answer)


def test_c_validation_is_left_to_the_upstream(subject: Subject, client: Client) -> None:
    # A signature that is none passes: it is for the client, or the resolver behind, to judge.
    name = "forged.rfc4035c.example"
    subject.teach(name, signing)
    answer = client.ask(asking(name, do=True))
    assert wire.rdata(answer, "A") == [bytes([192, 0, 2, 7])]
    assert [one.name for one in subject.asked_at_or_below("rfc4035c.example")] == [f"{name}."]


def test_c_no_policy_turns_a_bogus_name_into_an_answer(subject: Subject, staff: Client) -> None:
    subject.tell("bogus.rfc4035c.example", rcode="SERVFAIL")
    assert staff.gist("bogus.rfc4035c.example") == "SERVFAIL"
    subject.tell(f"bogus.{BLOCKED}", rcode="SERVFAIL")
    for flags in (0, CD):
        answer = staff.ask(asking(f"bogus.{BLOCKED}", flags=flags, do=True))
        assert wire.rdata(answer, "A") == [bytes(4)]
    assert subject.asked(f"bogus.{BLOCKED}") == []


def test_b_where_ech_was_taken_out_there_is_no_ad() -> None:
    gateway = Clocked(Setup(trusted=UPSTREAMS, strip_ech=True).generation())
    gateway.authentic = True
    gateway.tell("www.example.org HTTPS", "@ 60 HTTPS 1 . alpn=h2 ech=AAj+DQAEAAAAAA==")
    whole = gateway.look("www.example.org HTTPS", do=True)
    assert whole.flags & AD
    assert "ech" in whole.answer[0].to_text()
    stripped = gateway.look("www.example.org HTTPS", client=REGISTERED, do=True)
    assert not stripped.flags & AD
    assert "ech" not in stripped.answer[0].to_text()
