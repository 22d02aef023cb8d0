"""Answers composed anew; which records they hold is shown in test_response_records."""

import dns.message
import pytest

from dnsguard.core.answer import Answer
from dnsguard.core.recompose import (
    MAX_ALIASES,
    MAX_CHAIN,
    MAX_SPELLED,
    parse_sections,
    recompose,
)
from dnsguard.core.records import MalformedError, parse_records
from tests.support.responses import SOA, message, passed_on, question, texts

NAME = "www.example.org"


def composed(
    response: dns.message.Message, name: str = NAME, qtype: str = "A", *, rcode: int = 0
) -> Answer:
    asked = question(name, qtype)
    parser = parse_records(response.to_wire(), 12 + len(asked))
    sections = parse_sections(parser, len(response.answer), len(response.authority))
    return recompose(sections, rcode, asked, 0, 86_400)


def test_records_go_along_the_chain_of_aliases() -> None:
    lines = [
        "www.example.org. 300 IN CNAME b.example.org.",
        "b.example.org. 60 IN A 192.0.2.1",
        "b.example.org. 60 IN A 192.0.2.2",
    ]
    answer = composed(message(NAME, "A", *lines[::-1], authority=(SOA,)))
    assert (answer.ancount, answer.nscount, answer.ttl, answer.authentic) == (3, 1, 60, False)
    said = texts(passed_on(answer, NAME, "A").answer)
    assert said == [lines[0], lines[2], lines[1]]


def test_names_are_compressed_whatever_they_were() -> None:
    address = "192.0.2.1"
    response = message(NAME, "A", f"WWW.example.org. 300 IN A {address}")
    spelled_out = b"\x03WWW\x07Example\x03org\x00"
    data = response.to_wire().replace(b"\xc0\x0c", spelled_out)
    asked = question(NAME, "A")
    sections = parse_sections(parse_records(data, 12 + len(asked)), 1, 0)
    answer = recompose(sections, 0, asked, 0, 86_400)
    assert answer.body[:2] == b"\xc0\x0c"
    assert texts(passed_on(answer, NAME, "A").answer) == [f"{NAME}. 300 IN A {address}"]


@pytest.mark.parametrize("rcode", [0, 3])
def test_a_negative_answer_is_kept_for_as_long_as_its_soa_says(rcode: int) -> None:
    assert composed(message(NAME, "A", authority=(SOA,)), rcode=rcode).ttl == 900
    assert composed(message(NAME, "A"), rcode=rcode).ttl == 0


def test_a_name_that_does_not_exist_has_no_answer_to_keep() -> None:
    response = message(NAME, "A", f"{NAME}. 300 IN A 192.0.2.1")
    assert composed(response).ttl == 300
    assert composed(response, rcode=3).ttl == 0


def test_a_chain_has_an_end() -> None:
    lines = [f"n{n}.test. 300 IN CNAME n{n + 1}.test." for n in range(MAX_CHAIN + 1)]
    assert composed(message("n0.test", "A", *lines[:-1]), "n0.test").ancount == MAX_CHAIN
    with pytest.raises(MalformedError):
        composed(message("n0.test", "A", *lines), "n0.test")


def test_no_more_aliases_are_passed_on_than_a_chain_has() -> None:
    lines = [f"{NAME}. 300 IN CNAME n{n}.test." for n in range(MAX_ALIASES + 1)]
    assert composed(message(NAME, "A", *lines[1:])).ancount == MAX_ALIASES
    with pytest.raises(MalformedError):
        composed(message(NAME, "A", *lines))


def test_names_of_few_octets_that_stand_for_very_many_are_refused() -> None:
    parent = ".".join(["a" * 63] * 3 + ["b" * 57])  # with the first label 255 octets
    count = (MAX_SPELLED - len(f".{NAME}.")) // 255
    lines = [f"{NAME}. 300 IN MX 10 {n:03}.{parent}." for n in range(count + 1)]
    assert len(message(NAME, "MX", *lines).to_wire()) < MAX_SPELLED / 8
    assert composed(message(NAME, "MX", *lines[1:]), qtype="MX").ancount == count
    with pytest.raises(MalformedError):
        composed(message(NAME, "MX", *lines), qtype="MX")


def test_a_name_that_stands_for_many_records_is_written_out_once() -> None:
    parent = ".".join(["a" * 63] * 3 + ["b" * 57])
    lines = [f"{NAME}. 300 IN MX {n} www.{parent}." for n in range(1_000)]
    assert composed(message(NAME, "MX", *lines), qtype="MX").ancount == len(lines)


def test_no_dname_is_passed_on_but_those_of_the_chain() -> None:
    owners = ["a." * labels + "test" for labels in range(100)]
    name = f"a.{owners[-1]}"
    dnames = [f"{owner}. 300 IN DNAME test." for owner in owners]
    alias = f"{name}. 300 IN CNAME a.test."
    answer = composed(message(name, "A", *dnames, alias), name)
    assert texts(passed_on(answer, name, "A").answer) == [dnames[-1], alias]


@pytest.mark.parametrize(
    "lines",
    [
        ["www.example.net. 300 IN A 192.0.2.1"],
        ["www.example.org. 300 IN CNAME www.example.org."],
        ["www.example.org. 300 IN CNAME b.test.", "b.test. 300 IN CNAME WWW.example.org."],
    ],
)
def test_what_answers_nothing_or_never_ends_is_refused(lines: list[str]) -> None:
    with pytest.raises(MalformedError):
        composed(message(NAME, "A", *lines))
