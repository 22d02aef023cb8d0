"""`why` tells what the resolver does: the verdict, the rule and the answer."""

from typing import Any

import pytest

from dnsguard.core.protocol import Ede
from dnsguard.core.view import Stage
from dnsguard.evidence.why import Inquiry, explain
from tests.support.gateway import Gateway, records_server
from tests.support.generations import Ban, Setup, generation
from tests.support.responses import accepted, judge, raw, record

WWW = b"\xc0\x0c"
STAFF, CITIZEN, STRANGER = "10.20.0.7", "10.99.0.7", "192.0.2.7"

EVERYTHING = generation(
    groups={"staff": ["10.20.0.0/16"], "lab": ["10.20.9.0/24"], "silent": ["10.30.0.0/16"]},
    lists={"tiktok": ["tiktok.com", "*.tiktokv.com.*", "=only.example.org"]},
    policies={
        "ban": Ban(groups=["staff"], allow=["support.tiktok.com"]),
        "trial": Ban(groups=["lab"], stage=Stage.SHADOW),
        "later": Ban(groups=["lab"], stage=Stage.OFF),
        "mute": Ban(groups=["silent"], answer="drop"),
    },
    never_block=["city.example", "kept.tiktok.com"],
    local_records=["printer.city.internal. 300 IN A 10.0.0.9"],
    forward_zones={"city.internal": ["udp://192.0.2.54:53"]},
)


def why(name: str, client: str = STAFF, rdatatype: str = "A") -> dict[str, Any]:
    return explain(EVERYTHING, name, client, rdatatype)


@pytest.mark.parametrize(
    ("name", "client", "group", "verdict", "answer"),
    [
        ("www.tiktok.com", STAFF, "staff", "blocked", "0.0.0.0"),
        ("www.tiktok.com", CITIZEN, "unregistered", "pass", "forwarded to udp://192.0.2.53:53"),
        ("www.tiktok.com", STRANGER, "refused", "refused", "status: REFUSED"),
        ("www.tiktok.com", "10.20.9.7", "lab", "pass", "forwarded to"),
        ("www.tiktok.com", "10.30.0.7", "silent", "blocked", "nothing is sent"),
        ("support.tiktok.com", STAFF, "staff", "pass", "forwarded to"),
        ("kept.tiktok.com", STAFF, "staff", "never_block", "forwarded to"),
        ("use-application-dns.net", STAFF, "staff", "off-switch", "status: NXDOMAIN"),
        ("use-application-dns.net", CITIZEN, "unregistered", "pass", "forwarded to"),
        ("printer.city.internal", STAFF, "staff", "local", "10.0.0.9"),
        ("other.city.internal", STAFF, "staff", "pass", "forwarded to udp://192.0.2.54:53"),
        ("x.test", STAFF, "staff", "local", "status: NXDOMAIN"),
    ],
)
def test_the_verdict_and_the_answer(
    name: str, client: str, group: str, verdict: str, answer: str
) -> None:
    told = why(name, client)
    assert (told["group"], told["verdict"]) == (group, verdict)
    assert answer in told["answer"]


@pytest.mark.parametrize(
    ("name", "rule", "kind"),
    [
        ("WWW.TikTok.com.", "tiktok.com", "suffix"),
        ("tiktokv.com.edgekey.net", "*.tiktokv.com.*", "embedded"),
        ("only.example.org", "=only.example.org", "exact"),
    ],
)
def test_the_rule_that_matched(name: str, rule: str, kind: str) -> None:
    told = why(name)
    (hop,) = told["hops"]
    assert [(match["rule"], match["kind"]) for match in hop["matches"]] == [(rule, kind)]
    assert told["policies"] == [
        {
            "policy": "ban",
            "stage": "enforce",
            "outcome": "blocks",
            "trigger": "name",
            "list": "tiktok",
            "rule": rule,
        }
    ]


def test_each_policy_of_the_group_is_told() -> None:
    outcomes = [
        (one["policy"], one["outcome"]) for one in why("tiktok.com", "10.20.9.7")["policies"]
    ]
    assert outcomes == [("trial", "would block"), ("later", "off")]
    (ban,) = why("support.tiktok.com")["policies"]
    assert (ban["outcome"], ban["rule"]) == ("allows", "support.tiktok.com")


def test_the_error_the_client_is_told() -> None:
    assert "EDE: 15 (Blocked): Bloqué / Blocked: ban" in why("tiktok.com")["answer"]


@pytest.mark.parametrize(
    ("name", "client", "rdatatype", "reason"),
    [
        ("a..b", STAFF, "A", "empty label"),
        ("tiktok.com", "10.20.0", "A", "the client is not an IP address"),
        ("tiktok.com", STAFF, "NOSUCH", "the type is unknown"),
        ("tiktok.com", STAFF, "TYPE70000", "the type is unknown"),
    ],
)
def test_what_cannot_be_read_is_said(name: str, client: str, rdatatype: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        why(name, client, rdatatype)


def test_a_type_by_number() -> None:
    assert why("tiktok.com", rdatatype="type65")["verdict"] == "blocked"
    assert "SOA" in why("tiktok.com", rdatatype="type65")["answer"]


HOPS = Setup(
    lists={"list": ["listed.example", "198.51.100.0/24", "2001:db8:bad::/48"], "own": []},
    policies={
        "ban": Ban(lists=["list"], allow=["free.example"]),
        "trial": Ban(lists=["list"], stage=Stage.SHADOW),
    },
    rebinding=True,
)


def answered(name: str, *records: str, rdatatype: str = "A", client: str = STAFF) -> dict[str, Any]:
    """Return what is told when the upstream says these records."""
    gateway = Gateway(HOPS.generation(), records_server(*records))
    inquiry = Inquiry(gateway.generation, name, client, rdatatype)
    assert inquiry.forward is not None
    gateway.resolver = inquiry.resolver
    inquiry.take(gateway.finish(inquiry.forward))
    return inquiry.explain()


@pytest.mark.parametrize(
    ("records", "rdatatype", "hop", "rule"),
    [
        ("www.example. 300 IN CNAME a.listed.example.", "A", "cname", "listed.example"),
        ("www.example. 300 IN HTTPS 0 a.listed.example.", "HTTPS", "target", "listed.example"),
        ("www.example. 300 IN A 198.51.100.7", "A", "address", "198.51.100.0/24"),
        ("www.example. 300 IN AAAA 2001:db8:bad::1", "AAAA", "address", "2001:db8:bad::/48"),
        ("www.example. 300 IN AAAA 64:ff9b::c633:6407", "AAAA", "address", "198.51.100.0/24"),
        ("www.example. 300 IN HTTPS 1 . ipv4hint=198.51.100.7", "HTTPS", "hint", "198.51.100.0/24"),
    ],
)
def test_what_an_answer_leads_to_is_told(records: str, rdatatype: str, hop: str, rule: str) -> None:
    told = answered("www.example", records, rdatatype=rdatatype)
    assert (told["verdict"], told["policy"]) == ("blocked", "ban")
    ban, trial = told["policies"]
    assert (ban["outcome"], ban["trigger"], ban["list"], ban["rule"]) == (
        *("blocks", hop, "list", rule),
    )
    assert (trial["outcome"], trial["trigger"]) == ("would block", hop)
    assert [found["trigger"] for found in told["hops"]][:2] == ["name", hop]
    assert told["answer"].splitlines()[0] == "forwarded to udp://192.0.2.53:53"
    assert "EDE: 15 (Blocked): Bloqué / Blocked: ban" in told["answer"]


def test_an_answer_that_passes_is_told_too() -> None:
    told = answered("free.example", "free.example. 300 IN CNAME a.listed.example.")
    assert told["verdict"] == "pass"
    assert told["policies"][0]["outcome"] == "allows"
    assert "free.example.           300     IN      CNAME   a.listed.example." in told["answer"]
    assert [hop["name"] for hop in told["hops"]] == [
        *("free.example", "a.listed.example", "192.0.2.1"),
    ]


def test_an_answer_with_rdata_that_cannot_be_read_is_told_all_the_same() -> None:
    inquiry = Inquiry(HOPS.generation(), "www.example.org", STAFF, "A")
    assert inquiry.forward is not None
    address, signature = record(WWW, 1, b"\xc0\0\2\1"), record(WWW, 46, b"\0\1")
    answer = accepted(judge(raw(address, signature)))
    inquiry.take(inquiry.resolver.response(inquiry.forward, answer, 1.0))
    assert "TYPE46 \\# 2 0001" in inquiry.explain()["answer"]


def test_a_private_address_is_told() -> None:
    told = answered("www.example", "www.example. 300 IN A 10.0.0.9", client=CITIZEN)
    assert (told["verdict"], told["policy"]) == ("blocked", "rebinding")
    assert told["hops"][1]["matches"][0]["rule"] == "10.0.0.0/8"


def test_when_nobody_answers_that_is_told() -> None:
    inquiry = Inquiry(HOPS.generation(), "www.example", STAFF, "A")
    assert inquiry.forward is not None
    inquiry.take(inquiry.resolver.failure(inquiry.forward, Ede.NETWORK_ERROR, 1.0))
    told = inquiry.explain()
    assert told["verdict"] == "pass"
    assert "status: SERVFAIL" in told["answer"]
    assert "EDE: 23 (Network error)" in told["answer"]
