import pytest
from dnslib import RR, DNSBuffer
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.config import parse_record
from dnsguard.core.names import to_text
from tests.config.texts import refusal

RECORDS = [
    "printer.city.example. 300 IN A 10.0.0.9",
    "printer.city.example. 0 in aaaa 2001:db8::9",
    "www.city.example. 2147483647 IN CNAME printer.city.example.",
    "9.0.0.10.in-addr.arpa. 300 IN PTR printer.city.example.",
    "city.example. 300 IN NS ns.city.example.",
    "city.example. 300 IN MX 10 mail.city.example.",
    "_ldap._tcp.city.example. 300 IN SRV 0 5 389 ldap.city.example.",
    'city.example. 300 IN TXT "v=spf1 -all"',
    'city.example. 300 IN TXT "a; b" "c" d',
    'city.example. 300 IN CAA 0 issue "ca.example"',
]


@pytest.mark.parametrize("text", RECORDS)
def test_a_record_is_what_dnslib_makes_of_it(text: str) -> None:
    record = parse_record(text)
    owner, ttl, rdclass, rdtype, rdata = text.split(maxsplit=4)
    (other,) = RR.fromZone(" ".join((owner, ttl, rdclass.upper(), rdtype.upper(), rdata)))
    buffer = DNSBuffer()
    other.rdata.pack(buffer)
    assert to_text(record.owner) == str(other.rname).rstrip(".")
    assert (record.rdatatype, record.ttl) == (other.rtype, other.ttl)
    assert record.rdata == buffer.data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write it as in"),
        ("a.example. IN A 10.0.0.9", "write it as in"),
        ("a.example. IN 300 A 10.0.0.9", "no TTL and class IN"),
        ("a.example. 300 CH TXT x", "no TTL and class IN"),
        ("a.example 300 IN A 10.0.0.9", "must end in a dot: write 'a.example.'"),
        ("a.example. 2147483648 IN A 10.0.0.9", "too long"),
        ("a.example. 300 IN A 10.0.0", "not an IPv4 address"),
        ("a.example. 300 IN A 10.0.0.9 10.0.0.8", "not an IPv4 address"),
        ("a.example. 300 IN AAAA fe80::1%eth0", "not an IPv6 address"),
        ("a.example. 300 IN CNAME b.example", "must end in a dot"),
        ("a.example. 300 IN CNAME b.example. c.example.", "must be name"),
        ("a.example. 300 IN MX mail.example.", "must be preference name"),
        ("a.example. 300 IN MX 65536 mail.example.", "not a number from 0"),
        ("a.example. 300 IN ANY x", "is not a type of local records"),
        ("a.example. 300 IN OPT x", "is not a type of local records"),
        ("a.example. 300 IN SOA a. b. 1 2 3 4 5", "is not a type of local records"),
        ("*.a.example. 300 IN A 10.0.0.9", "wildcards are not supported"),
        (". 300 IN A 10.0.0.9", "root"),
        ('a.example. 300 IN TXT "x', "in double quotes"),
        (f'a.example. 300 IN TXT "{"x" * 256}"', "longer than 255"),
        ("a.example. 300 IN CAA 0 issue", "must be as in"),
        ("a.example. 300 IN A 10.0.0.9\nb.example. 300 IN A 10.0.0.9", "text of one record"),
        (5, "text of one record"),
    ],
)
def test_no_records(text: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_record(text)


@given(
    st.text(max_size=80)
    | st.builds(
        "a.example. 300 IN {} {}".format,
        st.sampled_from(["A", "AAAA", "TXT", "MX", "SRV", "CAA", "CNAME"]),
        st.text('0123456789ab.: "\\;()', max_size=40),
    )
)
def test_any_text_is_a_record_or_a_printable_reason(text: str) -> None:
    why = refusal(parse_record, text)
    assert why.isprintable()
    if not why:
        assert len(RR.fromZone(text.strip().replace(" in ", " IN "))) == 1
