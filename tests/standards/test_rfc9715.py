"""RFC 9715: no fragments."""

import pytest

from tests.standards import wire
from tests.standards.subject import Client, Subject, saying
from tests.standards.wire import message, opt, question
from tests.support.scripted import truncating

MINIMUM_MTU = 1280  # of IPv6, with 48 octets for its header and UDP's
LARGE = [f'@ 60 TXT "{number:03}{"x" * 200}"' for number in range(20)]


@pytest.mark.parametrize("payload", [1232, 1400, 4096, 65_535])
def test_a_no_datagram_needs_to_be_cut_up(subject: Subject, client: Client, payload: int) -> None:
    name = f"p{payload}.rfc9715a.example"
    subject.teach(name, truncating(saying(*LARGE)))
    for qtype in (16, 255):
        answer = client.ask(message(question(name, qtype), additional=(opt(payload=payload),)))
        assert len(answer) + 48 <= MINIMUM_MTU
        assert wire.header(answer).flags & wire.TC
    for received in subject.asked(name):
        assert wire.read(received.query).payload + 48 <= MINIMUM_MTU
