"""`why` tells what the resolver does: the verdict, the rule and the answer."""

from typing import Any

import pytest

from dnsguard.core.view import Stage
from dnsguard.evidence.why import explain
from tests.support.generations import Ban, generation

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
        {"policy": "ban", "stage": "enforce", "outcome": "blocks", "list": "tiktok", "rule": rule}
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
