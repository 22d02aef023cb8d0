"""Verdicts on whole answers, sentence by sentence; the model is in test_chains.py."""

import dns.flags
import pytest

from dnsguard.core import policy
from dnsguard.core.view import Stage, Trigger
from tests.support.gateway import Gateway, question, records_server, said
from tests.support.generations import Ban, Setup

STAFF, OTHER = "10.20.0.7", "192.168.1.5"
TO_LISTED = ("www.example. 300 IN CNAME app.listed.", "app.listed. 300 IN A 192.0.2.7")


def gateway(*records: str, **fields: object) -> Gateway:
    defaults: dict[str, object] = {"lists": {"list": ["listed", "198.51.100.0/24"]}}
    return Gateway(Setup(**(defaults | fields)).generation(), records_server(*records))  # type: ignore[arg-type]


def says(there: Gateway, text: str) -> str:
    """Return what staff see, fresh and from the cache."""
    fresh = there.say(STAFF, text)
    assert there.say(STAFF, text) == fresh
    return fresh


@pytest.mark.parametrize(
    ("text", "record", "trigger"),
    [
        ("www.example. A", "www.example. 300 IN CNAME app.listed.", Trigger.CNAME),
        ("www.example. CNAME", "www.example. 300 IN CNAME app.listed.", Trigger.CNAME),
        ("www.example. HTTPS", "www.example. 300 IN HTTPS 0 app.listed.", Trigger.TARGET),
        ("www.example. SVCB", "www.example. 300 IN SVCB 1 app.listed.", Trigger.TARGET),
        ("www.example. A", "www.example. 300 IN A 198.51.100.7", Trigger.ADDRESS),
        ("www.example. AAAA", "www.example. 300 IN AAAA ::ffff:198.51.100.7", Trigger.ADDRESS),
        ("www.example. AAAA", "www.example. 300 IN AAAA 64:ff9b::c633:6407", Trigger.ADDRESS),
        ("www.example. HTTPS", "www.example. 300 IN HTTPS 1 . ipv4hint=198.51.100.7", Trigger.HINT),
    ],
)
def test_every_kind_of_hop_is_judged(text: str, record: str, trigger: Trigger) -> None:
    there = gateway(record)
    qtype = question(text).question[0].rdtype
    blocked = {1: "0.0.0.0", 28: "::"}.get(int(qtype), "NODATA")
    assert there.say(OTHER, text) not in (blocked, "SERVFAIL")
    assert says(there, text) == blocked
    assert there.hits("staff", "ban", "list", qtype, trigger) == 2


def test_an_allow_on_the_qname_frees_the_whole_answer() -> None:
    there = gateway(*TO_LISTED, policies={"ban": Ban(allow=["www.example"])})
    assert says(there, "www.example. A") == "app.listed. 192.0.2.7"


def test_an_allow_on_a_later_hop_frees_that_hop_alone() -> None:
    freed = {"ban": Ban(allow=["app.listed"])}
    assert says(gateway(*TO_LISTED, policies=freed), "www.example. A") == "app.listed. 192.0.2.7"
    records = (TO_LISTED[0], "app.listed. 300 IN A 198.51.100.7")
    assert says(gateway(*records, policies=freed), "www.example. A") == "0.0.0.0"


def test_an_exception_of_a_list_frees_from_that_list_alone() -> None:
    lists = {"list": ["listed", "@@www.example"], "other": ["203.0.113.0/24"]}
    there = gateway(*TO_LISTED, lists=lists)
    assert says(there, "www.example. A") == "app.listed. 192.0.2.7"
    there = gateway(TO_LISTED[0], "app.listed. 300 IN A 203.0.113.7", lists=lists)
    assert says(there, "www.example. A") == "0.0.0.0"
    assert there.hits("staff", "ban", "other", trigger=Trigger.ADDRESS) == 2


def test_an_exception_of_a_list_for_an_address() -> None:
    lists = {"list": ["198.51.100.0/24", "@@198.51.100.7"]}
    there = gateway("www.example. 300 IN A 198.51.100.7", lists=lists)
    assert says(there, "www.example. A") == "198.51.100.7"


def test_never_block_on_the_qname_skips_policy() -> None:
    there = gateway(*TO_LISTED, never_block=["example"])
    assert says(there, "www.example. A") == "app.listed. 192.0.2.7"


def test_the_first_policy_that_blocks_answers() -> None:
    policies = {
        "trial": Ban(block=["app.listed"], lists=[], stage=Stage.SHADOW),
        "off": Ban(stage=Stage.OFF),
        "names": Ban(lists=[], block=["app.listed"], answer="nxdomain"),
        "more": Ban(answer="refused"),
    }
    there = gateway(*TO_LISTED, policies=policies)
    assert says(there, "www.example. A") == "NXDOMAIN"
    assert there.hits("staff", "trial", "trial:block", trigger=Trigger.CNAME) == 2
    assert there.hits("staff", "names", "names:block", trigger=Trigger.CNAME) == 2


def test_shadow_counts_an_answer_once() -> None:
    there = gateway(*TO_LISTED, policies={"ban": Ban(stage=Stage.SHADOW)})
    assert says(there, "www.example. A") == "app.listed. 192.0.2.7"
    assert there.hits("staff", "ban", "list", trigger=Trigger.CNAME) == 2
    assert there.hits("staff", "ban", "list") == 0


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_however_often_signatures_begin_anew(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "MAX_SIGNATURES", most)
    numbers = range(4)
    there = gateway(
        *(f"to{n}.example. 300 IN CNAME app{n}.listed." for n in numbers),
        *(f"free{n}.example. 300 IN CNAME app{n}.other." for n in numbers),
        lists={f"list{n}": [f"app{n}.listed", f"x{n}.example"] for n in numbers},
    )
    for _ in range(3):
        for n in numbers:
            assert there.say(STAFF, f"to{n}.example. A") == "0.0.0.0"
            assert there.say(OTHER, f"to{n}.example. A") == f"app{n}.listed. 192.0.2.1"
            assert there.say(STAFF, f"x{n}.example. A") == "0.0.0.0"
            assert there.say(STAFF, f"free{n}.example. A") == f"app{n}.other. 192.0.2.1"


def test_without_rd_nobody_learns_what_others_asked_for() -> None:
    there = gateway(*TO_LISTED)
    asked = question("www.example. A")
    asked.flags &= ~dns.flags.RD
    assert said(there.ask(STAFF, asked)) == "REFUSED"
    there.say(OTHER, "www.example. A")
    assert said(there.ask(STAFF, asked)) == "REFUSED"


def test_a_local_alias_is_judged_by_its_name() -> None:
    there = gateway(local_records=["www.example. 300 IN CNAME app.listed."])
    assert says(there, "www.example. A") == "0.0.0.0"


REBOUND = [
    "127.0.0.1", "10.0.0.9", "169.254.169.254", "192.168.1.1", "172.16.0.1", "100.64.0.1",
    "0.0.0.0", "::", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1",
    "2002:a00:1::",
]  # fmt: skip


class TestRebinding:
    @pytest.mark.parametrize("client", [STAFF, OTHER])
    @pytest.mark.parametrize("address", REBOUND)
    def test_public_names_have_no_private_addresses(self, address: str, client: str) -> None:
        rdatatype = "AAAA" if ":" in address else "A"
        records = [f"www.example. 300 IN {rdatatype} {address}"]
        there = gateway(*records, rebinding=True)
        answer = there.ask(client, question(f"www.example. {rdatatype}"))
        assert said(answer) == "NODATA"
        assert answer is not None
        assert answer.authority
        assert "Private address refused" in str(answer.options[0])
        assert there.say(client, f"www.example. {rdatatype}") == "NODATA"
        assert says(gateway(*records), f"www.example. {rdatatype}") == address

    @pytest.mark.parametrize("hint", ["ipv4hint=10.0.0.9", "ipv6hint=fd00::9"])
    def test_nor_private_hints(self, hint: str) -> None:
        there = gateway(f"www.example. 300 IN HTTPS 1 . {hint}", rebinding=True)
        assert says(there, "www.example. HTTPS") == "NODATA"

    @pytest.mark.parametrize(
        "fields",
        [
            {"rebinding_allow": ["example"]},
            {"forward_zones": {"example": ["udp://192.0.2.54:53"]}},
            {"never_block": ["example"]},
            {"local_records": ["www.example. 300 IN A 10.0.0.9"]},
        ],
        ids=str,
    )
    def test_the_citys_own_names_may(self, fields: dict[str, object]) -> None:
        there = gateway("www.example. 300 IN A 10.0.0.9", rebinding=True, **fields)
        assert says(there, "www.example. A") == "10.0.0.9"

    def test_a_public_alias_of_the_citys_own_may_not(self) -> None:
        records = ("www.evil. 300 IN CNAME www.example.", "www.example. 300 IN A 10.0.0.9")
        there = gateway(*records, rebinding=True, rebinding_allow=["example"])
        assert says(there, "www.evil. A") == "NODATA"
        assert says(there, "www.example. A") == "10.0.0.9"

    def test_policy_answers_first(self) -> None:
        records = ("www.example. 300 IN CNAME app.listed.", "app.listed. 300 IN A 10.0.0.9")
        there = gateway(*records, rebinding=True)
        assert says(there, "www.example. A") == "0.0.0.0"
        assert there.say(OTHER, "www.example. A") == "NODATA"

    def test_special_use_names_have_theirs(self) -> None:
        assert says(gateway(rebinding=True), "localhost. A") == "127.0.0.1"

    def test_the_sinkhole_may_be_private(self) -> None:
        there = gateway(rebinding=True, sinkhole=("10.0.0.8", "fd00::8", 30))
        assert says(there, "app.listed. A") == "10.0.0.8"
