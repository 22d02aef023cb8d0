"""Cache snooping: whoever asks without RD does not find out what others asked for."""

import pytest

from dnsguard.core.protocol import Ede
from tests.standards import wire
from tests.standards.subject import BLOCKED, GONE, Client, Subject
from tests.standards.wire import CD, DO, RD, Z, opt
from tests.support.gateway import extended_errors

BOTH = pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
CACHED, NEVER = "kept.snooped.example", "none.snooped.example"
RECORDS = {
    "A": "A 192.0.2.7",
    "AAAA": "AAAA 2001:db8::7",
    "HTTPS": "HTTPS 1 .",
    "ANY": "A 192.0.2.7",
    "NS": "NS ns.snooped.example.",
}


def without_rd(name: str, qtype: int, flags: int, *, do: bool) -> bytes:
    options = opt(flags=DO if do else 0)
    return wire.message(wire.question(name, qtype), flags=flags, additional=(options,))


@BOTH
@pytest.mark.parametrize("qtype", RECORDS)
@pytest.mark.parametrize("flags", [0, CD, Z])
@pytest.mark.parametrize("do", [False, True])
def test_what_is_cached_is_refused_like_what_is_not(
    subject: Subject, client: Client, qtype: str, flags: int, *, do: bool, tcp: bool
) -> None:
    subject.tell(CACHED, f"@ 3600 {RECORDS[qtype]}")
    number = wire.rdatatype(qtype)
    assert wire.read(client.ask(without_rd(CACHED, number, flags | RD, do=do), tcp=tcp)).answer
    cached = client.ask(without_rd(CACHED, number, flags, do=do), tcp=tcp)
    never = client.ask(without_rd(NEVER, number, flags, do=do), tcp=tcp)
    assert cached.replace(b"\x04kept", b"\x04none") == never
    answer = wire.read(cached)
    assert wire.rcode(cached) == "REFUSED"
    assert answer.answer == []
    assert extended_errors(answer) == [Ede.NOT_AUTHORITATIVE]
    assert subject.asked(NEVER) == []


@BOTH
def test_a_ban_holds_without_rd_too(staff: Client, client: Client, *, tcp: bool) -> None:
    name = f"snooped.{BLOCKED}"
    client.ask(wire.query(name), tcp=tcp)
    blocked = staff.ask(wire.query(name, flags=0), tcp=tcp)
    assert wire.rdata(blocked, "A") == [bytes(4)]
    assert wire.rcode(staff.ask(wire.query(f"snooped.{GONE}", flags=0), tcp=tcp)) == "NXDOMAIN"
    assert wire.rcode(client.ask(wire.query(name, flags=0), tcp=tcp)) == "REFUSED"
