import dns.exception
import dns.message
import pytest
from hypothesis import given

from dnsguard.core.protocol import Rcode
from dnsguard.core.wire import Query, parse_query, skip_name
from tests.support.strategies import queries

HEADER = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
QUESTION = b"\x03WwW\x07example\x03org\x00\x00\x01\x00\x01"
LONG = (b"\x3f" + b"a" * 63) * 3
OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00"


def parsed(data: bytes) -> Query:
    query = parse_query(data)
    assert query is not None
    return query


def header(**octets: int) -> bytes:
    """Return the header of a query with some octets changed: `_4=1` sets the fifth."""
    changed = bytearray(HEADER)
    for position, octet in octets.items():
        changed[int(position[1:])] = octet
    return bytes(changed)


def with_options(options: bytes) -> bytes:
    return header(_11=1) + QUESTION + OPT[:-2] + len(options).to_bytes(2, "big") + options


def test_a_plain_query() -> None:
    query = parsed(HEADER + QUESTION)
    assert (query.id, query.flags, query.rcode) == (0x1234, 0x0100, Rcode.NOERROR)
    assert query.question == QUESTION
    assert query.qname == b"\x03www\x07example\x03org\x00"
    assert (query.qtype, query.qclass) == (1, 1)
    assert (query.has_edns, query.wants_dnssec, query.udp_size) == (False, False, 512)


def test_qtype_and_qclass_keep_their_octets() -> None:
    # 0x4141 looks like two upper-case letters.
    query = parsed(HEADER + b"\x01A\x00AAAA")
    assert (query.qname, query.qtype, query.qclass) == (b"\x01a\x00", 0x4141, 0x4141)
    assert query.key.startswith(b"\x01a\x00AAAA")


def test_edns_is_read() -> None:
    query = parsed(header(_11=1) + QUESTION + OPT)
    assert (query.has_edns, query.wants_dnssec, query.udp_size) == (True, True, 1232)


@pytest.mark.parametrize(("advertised", "size"), [(0, 512), (511, 512), (513, 513), (65535, 65535)])
def test_the_udp_size_is_at_least_512(advertised: int, size: int) -> None:
    opt = OPT[:3] + advertised.to_bytes(2, "big") + OPT[5:]
    assert parsed(header(_11=1) + QUESTION + opt).udp_size == size


@pytest.mark.parametrize("data", [b"", HEADER[:11], header(_2=0x81) + QUESTION, header(_2=0x80)])
def test_short_datagrams_and_responses_are_not_answered(data: bytes) -> None:
    assert parse_query(data) is None


@pytest.mark.parametrize(
    ("name", "data", "rcode"),
    [
        ("header alone", HEADER, Rcode.FORMERR),
        ("no question", header(_5=0), Rcode.FORMERR),
        ("no question but its octets", header(_5=0) + QUESTION, Rcode.FORMERR),
        ("two questions", header(_5=2) + QUESTION * 2, Rcode.FORMERR),
        ("257 questions", header(_4=1) + QUESTION, Rcode.FORMERR),
        ("an answer", header(_7=1) + QUESTION + OPT, Rcode.FORMERR),
        ("256 answers", header(_6=1) + QUESTION, Rcode.FORMERR),
        ("an authority", header(_9=1) + QUESTION + OPT, Rcode.FORMERR),
        ("256 authorities", header(_8=1) + QUESTION, Rcode.FORMERR),
        ("no root label", HEADER + b"\x03www", Rcode.FORMERR),
        ("a label beyond the end", HEADER + b"\x3fwww\x00\x00\x01\x00\x01", Rcode.FORMERR),
        ("half a qtype", HEADER + QUESTION[:-3], Rcode.FORMERR),
        ("a pointer for a qname", HEADER + b"\xc0\x0c\x00\x01\x00\x01", Rcode.FORMERR),
        ("a pointer in the qname", HEADER + b"\x01a\xc0\x0c\x00\x01\x00\x01", Rcode.FORMERR),
        ("a label of 64", HEADER + b"\x40" + b"a" * 64 + QUESTION[-5:], Rcode.FORMERR),
        ("a binary label", HEADER + b"\x80a\x00\x00\x01\x00\x01", Rcode.FORMERR),
        ("a qname of 256", HEADER + LONG + b"\x3e" + b"a" * 62 + QUESTION[-5:], Rcode.FORMERR),
        ("octets behind", HEADER + QUESTION + b"\x00", Rcode.FORMERR),
        ("octets behind an OPT", header(_11=1) + QUESTION + OPT + b"\x00", Rcode.FORMERR),
        ("an additional missing", header(_11=1) + QUESTION, Rcode.FORMERR),
        ("an additional cut", header(_11=1) + QUESTION + OPT[:-1], Rcode.FORMERR),
        ("256 additionals", header(_10=1) + QUESTION + OPT, Rcode.FORMERR),
        ("two OPTs", header(_11=2) + QUESTION + OPT * 2, Rcode.FORMERR),
        ("an OPT with an owner", header(_11=1) + QUESTION + b"\x01a" + OPT, Rcode.FORMERR),
        ("an OPT at a pointer", header(_11=1) + QUESTION + b"\xc0\x0c" + OPT[1:], Rcode.FORMERR),
        ("RDATA beyond the end", header(_11=1) + QUESTION + OPT[:-1] + b"\x09", Rcode.FORMERR),
        ("EDNS version 1", header(_11=1) + QUESTION + OPT[:6] + b"\x01" + OPT[7:], Rcode.BADVERS),
        ("half an option", with_options(b"\x00\x0a\x00"), Rcode.FORMERR),
        ("an option beyond the OPT", with_options(b"\x00\x03\x00\x05abcd"), Rcode.FORMERR),
        ("a cookie of 7", with_options(b"\x00\x0a\x00\x07abcdefg"), Rcode.FORMERR),
        ("a cookie of 12", with_options(b"\x00\x0a\x00\x0cabcdefghijkl"), Rcode.FORMERR),
        ("a cookie of 41", with_options(b"\x00\x0a\x00\x29" + b"a" * 41), Rcode.FORMERR),
        ("a notify", header(_2=0x21) + QUESTION, Rcode.NOTIMP),
        ("an update", header(_2=0x29) + QUESTION, Rcode.NOTIMP),
        ("the last opcode", header(_2=0x78), Rcode.NOTIMP),
    ],
)
def test_a_malformed_query_carries_its_error(name: str, data: bytes, rcode: Rcode) -> None:
    assert parsed(data).rcode == rcode


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("the root", HEADER + b"\x00\x00\x02\x00\x01"),
        (
            "a qname of 255",
            HEADER + LONG + b"\x3d" + b"b" * 61 + QUESTION[-5:],
        ),
        ("zero octets in labels", HEADER + b"\x02\x00\xff\x00\x00\x01\x00\x01"),
        ("every other flag", header(_2=0x07, _3=0x7F) + QUESTION),
        ("a cookie of 8", with_options(b"\x00\x0a\x00\x08abcdefgh")),
        ("a cookie of 16", with_options(b"\x00\x0a\x00\x10" + b"a" * 16)),
        ("a cookie of 40", with_options(b"\x00\x0a\x00\x28" + b"a" * 40)),
        (
            "client subnet and padding",
            with_options(b"\x00\x08\x00\x04\x00\x01\x00\x00\x00\x0c\x00\x00"),
        ),
        ("4,000 options", with_options(b"\xfd\xe9\x00\x00" * 4000)),
        ("a TSIG", header(_11=1) + QUESTION + b"\x01k\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00"),
    ],
)
def test_what_is_unusual_is_no_error(name: str, data: bytes) -> None:
    assert parsed(data).rcode == Rcode.NOERROR


def test_the_key_tells_questions_apart_and_nothing_else() -> None:
    def key(
        name: str = "example.org", rdatatype: str = "A", *, cd: bool = False, **edns: bool
    ) -> bytes:
        message = dns.message.make_query(name, rdatatype, **edns)  # type: ignore[arg-type]
        message.flags |= 0x10 if cd else 0
        return parsed(message.to_wire()).key

    assert key() == key("EXAMPLE.org") == key(use_edns=True)
    keys = [
        key(),
        key("www.example.org"),
        key(rdatatype="AAAA"),
        key(want_dnssec=True),
        key(cd=True),
        key(cd=True, want_dnssec=True),
    ]
    assert len(set(keys)) == len(keys)


@given(queries())
def test_any_octets_are_a_query_or_nothing(data: bytes) -> None:
    query = parse_query(data)
    if query is None:
        assert len(data) < 12 or data[2] & 0x80
        return
    assert data[2] & 0x80 == 0
    assert query.question == b"" or data[12:].startswith(query.question)
    assert len(query.qname) <= 255


@given(queries())
def test_a_query_without_error_is_one_that_dnspython_reads_alike(data: bytes) -> None:
    query = parse_query(data)
    if query is None or query.rcode:
        return
    try:
        message = dns.message.from_wire(data)
    except dns.exception.DNSException:
        return  # dnspython reads the inside of records and options that are no concern here
    assert message.question[0].name.to_digestable() == query.qname
    assert (message.edns == 0) == query.has_edns


@pytest.mark.parametrize(
    ("data", "position", "after"),
    [
        (b"\x00", 0, 1),
        (b"\x01a\x00", 0, 3),
        (b"\x01a\xc0\x00", 0, 4),
        (b"\xc0", 0, -1),
        (b"\x01a", 0, -1),
        (b"\x40a\x00", 0, -1),
        (b"", 0, -1),
    ],
)
def test_a_name_is_skipped(data: bytes, position: int, after: int) -> None:
    assert skip_name(data, position) == after
