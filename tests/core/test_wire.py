import dns.exception
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core.protocol import EdnsOption, Rcode, Transport
from dnsguard.core.wire import (
    HAS_COOKIE,
    WANTS_KEEPALIVE,
    WANTS_PADDING,
    Query,
    parse_query,
    skip_name,
)
from tests.support.strategies import option, options, queries, with_options

HEADER = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
QUESTION = b"\x03WwW\x07example\x03org\x00\x00\x01\x00\x01"
LONG = (b"\x3f" + b"a" * 63) * 3
OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00"


def parsed(data: bytes, transport: Transport = Transport.UDP) -> Query:
    query = parse_query(data, transport)
    assert query is not None
    return query


def header(**octets: int) -> bytes:
    """Return the header of a query with some octets changed: `_4=1` sets the fifth."""
    changed = bytearray(HEADER)
    for position, octet in octets.items():
        changed[int(position[1:])] = octet
    return bytes(changed)


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
        ("4,000 options", with_options(b"\xfd\xe9\x00\x00" * 4000)),
        ("every unknown option", with_options(b"".join(option(n, b"x") for n in range(100, 300)))),
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


@pytest.mark.parametrize("size", range(45))
def test_a_cookie_has_the_length_of_one_or_two(size: int) -> None:
    query = parsed(with_options(option(EdnsOption.COOKIE, bytes(range(size)))))
    if size == 8 or 16 <= size <= 40:
        assert (query.rcode, query.options) == (Rcode.NOERROR, HAS_COOKIE)
        cookie = query.data[query.cookie : query.cookie + query.cookie_size]
        assert cookie == bytes(range(size))
    else:
        assert (query.rcode, query.options) == (Rcode.FORMERR, 0)


def test_the_first_cookie_counts() -> None:
    # RFC 7873 section 5.2: all others are ignored, whatever they are.
    first = option(EdnsOption.COOKIE, b"abcdefgh")
    for other in (b"ABCDEFGH", b"short", b"x" * 24):
        query = parsed(with_options(first + option(EdnsOption.COOKIE, other)))
        assert (query.rcode, query.options, query.cookie_size) == (0, HAS_COOKIE, 8)
        assert query.data[query.cookie :].startswith(b"abcdefgh")


@pytest.mark.parametrize(
    ("name", "message", "rcode", "asked"),
    [
        ("a cookie alone", with_options(option(10, b"abcdefgh"), question=b""), 0, HAS_COOKIE),
        ("two cookies", with_options(option(10, b"a" * 24), question=b""), 0, HAS_COOKIE),
        ("no cookie", with_options(b"", question=b""), Rcode.FORMERR, 0),
        ("a bad cookie", with_options(option(10, b"a"), question=b""), Rcode.FORMERR, 0),
        (
            "half an option behind",
            with_options(option(10, b"abcdefgh") + b"\0", question=b""),
            Rcode.FORMERR,
            HAS_COOKIE,
        ),
        ("octets for a question", header(_5=0) + QUESTION, Rcode.FORMERR, 0),
    ],
)
def test_a_query_without_question_is_one_for_a_cookie(
    name: str, message: bytes, rcode: int, asked: int
) -> None:
    query = parsed(message)
    assert (query.rcode, query.options, query.end) == (rcode, asked, 12)


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("value", [b"", b"\x00", b"\x00\x64"])
def test_keepalive_means_something_over_tcp(transport: Transport, value: bytes) -> None:
    query = parsed(with_options(option(EdnsOption.KEEPALIVE, value)), transport)
    listens = transport in (Transport.TCP, Transport.DOT)
    assert query.rcode == (Rcode.FORMERR if listens and value else Rcode.NOERROR)
    assert query.options == (WANTS_KEEPALIVE if listens else 0)


@pytest.mark.parametrize("transport", Transport)
def test_padding_means_something_where_nobody_reads_along(transport: Transport) -> None:
    query = parsed(with_options(option(EdnsOption.PADDING, bytes(30))), transport)
    encrypted = transport not in (Transport.UDP, Transport.TCP)
    assert (query.rcode, query.options) == (0, WANTS_PADDING if encrypted else 0)


@pytest.mark.parametrize(
    ("name", "subnet", "rcode"),
    [
        ("nothing to be told", "00010000", 0),
        ("nothing, IPv6", "00020000", 0),
        ("no family and no address", "00000000", 0),
        ("a /24", "00011800c00002", 0),
        ("a /32", "00012000c0000201", 0),
        ("a /1", "0001010080", 0),
        ("an IPv6 /56", "0002380020010db8000000", 0),
        ("an IPv6 /128", "00028000" + "20" * 16, 0),
        ("empty", "", Rcode.FORMERR),
        ("three octets", "000100", Rcode.FORMERR),
        ("a scope", "00011818c00002", Rcode.FORMERR),
        ("a scope alone", "00010001", Rcode.FORMERR),
        ("a family nobody has", "00090000", Rcode.FORMERR),
        ("a family nobody has, with an address", "00091800c00002", Rcode.FORMERR),
        ("an address of no family", "00001800c00002", Rcode.FORMERR),
        ("a large family", "01010000", Rcode.FORMERR),
        ("a /33", "00012100c000020100", Rcode.FORMERR),
        ("an IPv6 /129", "00028100" + "20" * 16 + "00", Rcode.FORMERR),
        ("too few octets", "00011800c000", Rcode.FORMERR),
        ("too many octets", "00011800c0000200", Rcode.FORMERR),
        ("bits behind a /23", "00011700c00003", Rcode.FORMERR),
        ("bits behind a /1", "0001010081", Rcode.FORMERR),
    ],
)
def test_a_malformed_client_subnet_is_an_error(name: str, subnet: str, rcode: int) -> None:
    data = bytes.fromhex(subnet)
    for beside in (b"", option(EdnsOption.ECS, b"\0\1\0\0"), option(3, b"")):
        query = parsed(with_options(beside + option(EdnsOption.ECS, data) + beside))
        assert (query.rcode, query.options) == (rcode, 0)


@given(options(), st.sampled_from(Transport))
def test_any_options_are_read_to_their_end(data: bytes, transport: Transport) -> None:
    query = parsed(with_options(data), transport)
    assert query.has_edns
    found = split(data)
    if found is None:
        assert query.rcode == Rcode.FORMERR
        return
    codes = [code for code, _ in found]
    if query.rcode == 0:
        assert bool(query.options & HAS_COOKIE) == (EdnsOption.COOKIE in codes)
    if set(codes).isdisjoint({EdnsOption.COOKIE, EdnsOption.ECS, EdnsOption.KEEPALIVE}):
        assert query.rcode == 0


def split(data: bytes) -> list[tuple[int, bytes]] | None:
    """Return the options in some octets, None when they do not end where the last one does."""
    found = []
    while data:
        code, size = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        if len(data) < 4 + size:
            return None
        found.append((code, data[4 : 4 + size]))
        data = data[4 + size :]
    return found


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
    if query is None or query.rcode or query.end == 12:
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
