"""RFC 6891: EDNS."""

import pytest

from tests.standards import wire
from tests.standards.subject import BLOCKED, DEAD_ZONE, GONE, PRINTER, Client, Subject
from tests.standards.wire import DO, message, opt, option, question, read

LARGE = [f'@ 60 TXT "{number:03}{"x" * 200}"' for number in range(20)]
EVERY_KIND = {
    PRINTER: "NOERROR",
    BLOCKED: "NOERROR",
    GONE: "NXDOMAIN",
    "x.test": "NXDOMAIN",
    "www.rfc6891b.example": "NOERROR",
    f"www.{DEAD_ZONE}": "SERVFAIL",
}
A_RECORD = b"\xc0\x0c" + bytes.fromhex("00010001000000050004cb007142")


@pytest.mark.parametrize("version", [1, 100, 255])
@pytest.mark.parametrize("name", [PRINTER, BLOCKED, "version.rfc6891a.example"])
def test_a_another_version_is_badvers(
    subject: Subject, staff: Client, name: str, version: int
) -> None:
    asked = message(question(name), additional=(opt(version=version, flags=DO),))
    answer = read(staff.ask(asked))
    assert (answer.rcode(), answer.edns, answer.answer) == (16, 0, [])
    assert subject.asked("version.rfc6891a.example") == []


@pytest.mark.parametrize("flags", [0x0001, 0x0080, 0x4000, 0x7FFF])
def test_a_unknown_flags_and_options_are_ignored_and_not_echoed(staff: Client, flags: int) -> None:
    for name in (PRINTER, BLOCKED, "options.rfc6891a.example"):
        asked = message(question(name), additional=(opt(option(100), flags=flags),))
        answer = staff.ask(asked)
        assert read(answer).ednsflags & 0x7FFF == 0
        assert 100 not in wire.options(answer)
        assert read(answer).answer


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name", EVERY_KIND)
def test_b_an_opt_goes_out_when_one_came_in(staff: Client, name: str, *, tcp: bool) -> None:
    with_edns = staff.ask(wire.query(name), tcp=tcp)
    without = staff.ask(wire.query(name, edns=False), tcp=tcp)
    assert wire.rcode(with_edns) == wire.rcode(without) == EVERY_KIND[name]
    assert (read(with_edns).edns, wire.header(with_edns).counts[3]) == (0, 1)
    assert (read(without).edns, wire.header(without).counts[3]) == (-1, 0)


@pytest.mark.parametrize(
    ("asked", "rcode"),
    [
        (message(question(PRINTER), additional=(opt(version=7),)), "BADVERS"),
        (message(question(PRINTER, 252), additional=(opt(),)), "REFUSED"),
        (message(question(PRINTER, 1, 3), additional=(opt(),)), "REFUSED"),
        (message(question(PRINTER, 0), additional=(opt(),)), "FORMERR"),
        (message(question(PRINTER), additional=(opt(option(10, b"short")),)), "FORMERR"),
        (message(question(PRINTER), additional=(opt(), opt())), "FORMERR"),
    ],
)
def test_b_errors_have_an_opt_too(client: Client, asked: bytes, rcode: str) -> None:
    answer = client.ask(asked)
    assert wire.rcode(answer) == rcode
    assert wire.header(answer).counts == (1, 0, 0, 1)


def _counted_as_answer(asked: bytes) -> bytes:
    """Return a query whose header says that there is an answer, too."""
    return asked[:6] + b"\0\1" + asked[8:]


SMUGGLED = {
    "two": message(question("two.rfc6891c.example"), additional=(opt(), opt(option(65_001)))),
    "owner": message(question("owner.rfc6891c.example"), additional=(opt(owner=b"\1x\0"),)),
    "pointer": message(question("pointer.rfc6891c.example"), additional=(opt(owner=b"\xc0\x0c"),)),
    "answer": message(question("answer.rfc6891c.example"), answers=(opt(),)),
    "answer too": _counted_as_answer(
        message(question("both.rfc6891c.example"), additional=(opt(),))
    ),
    "past the end": message(question("end.rfc6891c.example"), additional=(opt() + b"\0",)),
    "option past the end": message(
        question("option.rfc6891c.example"), additional=(opt(b"\xfd\xe9\0\x05four"),)
    ),
    "record in the answer": message(question("record.rfc6891c.example"), answers=(A_RECORD,)),
}
"""Messages with an OPT record where or as none may be."""


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("asked", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_c_an_opt_that_may_not_be_is_formerr_and_goes_nowhere(
    subject: Subject, client: Client, asked: bytes, *, tcp: bool
) -> None:
    answer = client.ask(asked, tcp=tcp)
    assert wire.rcode(answer) == "FORMERR"
    assert wire.header(answer).counts[1:3] == (0, 0)
    assert subject.asked_at_or_below("rfc6891c.example") == []


def test_c_no_option_of_a_client_goes_upstream(subject: Subject, client: Client) -> None:
    name = "options.rfc6891c.example"
    asked = [option(code, b"\1\2\3\4") for code in (3, 9, 14, 15, 18, 26_946, 65_001)]
    client.ask(wire.query(name, 1, *asked))
    received, *_ = subject.asked(name)  # again, should the machine have paused
    upstream = wire.read(received.query)
    assert (upstream.edns, upstream.options, upstream.payload) == (0, (), 1232)


@pytest.mark.parametrize(
    ("advertised", "most"),
    [(0, 512), (100, 512), (512, 512), (800, 800), (1232, 1232), (4096, 1232), (65_535, 1232)],
)
def test_d_no_datagram_is_longer_than_both_allow(
    subject: Subject, client: Client, advertised: int, most: int
) -> None:
    for records in range(1, 12):
        name = f"n{records}.rfc6891d.example"
        subject.tell(name, *LARGE[:records])
        asked = message(question(name, 16), additional=(opt(payload=advertised),))
        answer = client.ask(asked)
        whole = client.ask(asked, tcp=True)
        assert len(answer) <= most
        truncated = wire.header(answer).flags & wire.TC != 0
        assert truncated is (len(whole) > most)
        assert len(wire.rdata(answer, "TXT")) == (0 if truncated else records)
        assert (read(answer).edns, read(answer).payload) == (0, 1232)
