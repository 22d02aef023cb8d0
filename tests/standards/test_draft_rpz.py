"""The draft on response policy zones (draft-vixie-dnsop-dns-rpz), as far as a forwarder goes."""

import pytest

from tests.standards import wire
from tests.standards.subject import Client, Subject

VERDICTS = {
    "nxdomain.rpz.example A": "NXDOMAIN",
    "www.nxdomain.rpz.example A": "NXDOMAIN",
    "nodata.rpz.example A": "NODATA",
    "www.nodata.rpz.example A": "192.0.2.80",
    "below.rpz.example A": "192.0.2.80",
    "www.below.rpz.example A": "NXDOMAIN",
    "free.below.rpz.example A": "192.0.2.80",
    "www.free.below.rpz.example A": "NXDOMAIN",
    "data.rpz.example A": "203.0.113.9",
    "data.rpz.example TXT": '"look here"',
    "data.rpz.example AAAA": "NODATA",
    "garden.rpz.example A": "garden.city.internal.",
    "rpz.example A": "192.0.2.80",
}


@pytest.mark.parametrize("text", VERDICTS)
def test_a_each_action_is_what_the_zone_says(staff: Client, text: str) -> None:
    name, qtype = text.split()
    for tcp in (False, True):
        assert staff.gist(name, qtype, tcp=tcp) == VERDICTS[text]


def test_a_drop_says_nothing(subject: Subject, staff: Client) -> None:
    assert staff.is_ignored(wire.query("drop.rpz.example"))
    assert staff.is_ignored(wire.query("drop.rpz.example"), tcp=True)
    assert subject.asked("drop.rpz.example") == []


def test_a_who_is_not_named_is_not_touched(client: Client) -> None:
    assert {client.gist(*text.split()[:1]) for text in VERDICTS} == {"192.0.2.80"}


def test_b_an_expansion_that_is_too_long_is_no_way_round(subject: Subject, staff: Client) -> None:
    name = f"{'a' * 60}.long.rpz.example"
    assert staff.gist("short.long.rpz.example").startswith("short.long.rpz.example.xxx")
    assert staff.gist(name) == "NODATA"
    assert subject.asked_at_or_below("long.rpz.example") == []
