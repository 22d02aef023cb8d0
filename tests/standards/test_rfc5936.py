"""RFC 5936 and 1995: zone transfers."""

import pytest

from tests.standards import wire
from tests.standards.subject import PRINTER, Client, Subject
from tests.standards.wire import message, opt, question

BOTH = pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])


@BOTH
@pytest.mark.parametrize("qtype", [251, 252])
@pytest.mark.parametrize("additional", [(), (opt(),)], ids=["plain", "edns"])
def test_a_a_transfer_is_refused_at_once(
    subject: Subject, client: Client, qtype: int, additional: tuple[bytes, ...], *, tcp: bool
) -> None:
    name = "rfc5936a.example"
    answer = client.ask(message(question(name, qtype), additional=additional), tcp=tcp)
    assert wire.rcode(answer) == "REFUSED"
    assert subject.asked(name) == []
    assert client.gist(PRINTER, tcp=tcp) == "10.0.0.9", "the connection goes on"
