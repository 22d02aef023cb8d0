import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.core.view import Effect
from dnsguard.lists.formats import parse
from dnsguard.lists.formats.local_data import LEFT_OUT
from dnsguard.lists.rules import Action, RuleType
from tests.lists.formats.wording import addresses, rules

ZONE = b"""$TTL 1h
; a comment
@ \t IN SOA localhost. root.localhost. ( ; over
        2026010100 1h
        15m 30d 2h ) ; several lines
  IN NS localhost.
nx.example CNAME .
*.nx.example 300 IN CNAME .
nodata.example IN 300 CNAME *.
drop.example CNAME rpz-drop.
*.drop.example CNAME rpz-drop.
ok.example CNAME rpz-passthru.
old.example CNAME old.example.
tcp.example CNAME rpz-tcp-only.
Upper.EXAMPLE.com cname .
last.example CNAME . ; a comment
            TXT "with \\"quotes\\" and ; no comment" two
24.0.2.0.192.rpz-ip CNAME .
32.1.2.0.192.rpz-ip CNAME rpz-passthru.
128.1.zz.db8.2001.rpz-ip CNAME rpz-drop.
32.zz.db8.2001.rpz-ip CNAME .
128.zz.rpz-ip CNAME *.
24.0.2.0.192.rpz-client-ip CNAME .
ns.example.rpz-nsdname CNAME .
24.0.2.0.192.rpz-nsip CNAME .
$INCLUDE other.zone
$GENERATE 1-9 $.example CNAME .
"""


OWNERS = ["x.example", "*.x.example", "y.example", "a.x.example", "24.0.2.0.192.rpz-ip"]
ENDINGS = [
    *("CNAME .", "CNAME *.", "CNAME rpz-passthru.", "60 CNAME x.example.", "CNAME x"),
    *("PTR x.example.", "A 192.0.2.1", "IN A 192.0.2.1", "TXT x", "CNAME rpz-tcp-only."),
]
OTHERS = [
    *("$ORIGIN rpz.test.", "$ORIGIN example.rpz.test.", "$TTL 60", "$TTL 90", " A 192.0.2.2"),
    *("rpz.test. SOA a. b. 1 2 3 4 5", "@ SOA a. b. 1 2 3 4 5"),
]
RECORD = st.builds(
    "{}{} {}".format,
    st.sampled_from(OWNERS),
    st.sampled_from(["", ".", ".rpz.test."]),
    st.sampled_from(ENDINGS),
)


@given(st.lists(RECORD | st.sampled_from(OTHERS), max_size=12))
@example(["y.example 60 CNAME x.example.", "x.example 60 CNAME x.example."])
@example(["y.example 60 CNAME x.example.", "*.x.example 60 CNAME x.example."])
@example(["y.example PTR x.example.", "x.example PTR x.example."])
@example(["$ORIGIN rpz.test.", "x.example CNAME .", "24.0.2.0.192.rpz-ip.rpz.test. CNAME ."])
@example(["$ORIGIN e.rpz.", "x.example CNAME .", "rpz. SOA a. b. 1 2 3 4 5", "x.example CNAME ."])
@example(["$TTL 60", "x.example A 192.0.2.1", "$TTL 90", "y.example A 192.0.2.1"])
def test_lines_that_end_alike_are_read_as_the_first(lines: list[str]) -> None:
    quick = parse("\n".join(lines).encode(), format="rpz")
    careful = parse(
        "".join(f"{line} ;{number}\n" for number, line in enumerate(lines)).encode(), format="rpz"
    )
    assert quick.names == careful.names
    assert quick.addresses == careful.addresses
    assert quick.bad == careful.bad
    assert quick.passed_over == careful.passed_over


def test_a_zone() -> None:
    parsed = parse(ZONE)
    assert parsed.format == "rpz"
    assert rules(parsed) == [
        "nxdomain exact nx.example",
        "nxdomain exact upper.example.com",
        "nxdomain exact last.example",
        "nxdomain below nx.example",
        "nodata exact nodata.example",
        "drop exact drop.example",
        "drop below drop.example",
        "allow exact ok.example",
        "allow exact old.example",
        "data exact last.example",
    ]
    assert addresses(parsed) == [
        "nxdomain 192.0.2.0/24",
        "nxdomain 2001:db8::/32",
        "allow 192.0.2.1/32",
        "drop 2001:db8::1/128",
        "nodata ::/128",
    ]
    assert parsed.bad == {"a directive other than $ORIGIN and $TTL": 2}
    assert [number for number, _ in parsed.samples] == [26, 27]
    assert parsed.passed_over == {
        "the action rpz-tcp-only": 1,
        "the trigger rpz-client-ip": 1,
        "the trigger rpz-nsdname": 1,
        "the trigger rpz-nsip": 1,
    }


@pytest.mark.parametrize(
    "text",
    [
        "$ORIGIN rpz.test.\n@ SOA a. b. 1 2 3 4 5\nx.example CNAME .\n",
        "rpz.test. IN SOA a. b. 1 2 3 4 5\nx.example.rpz.test. 60 IN CNAME .\n",
        "rpz.test. IN SOA a. b. 1 2 3 4 5\nx.example CNAME .\n",
        "$ORIGIN .\nrpz.test IN SOA a. b. 1 2 3 4 5\n$ORIGIN rpz.test.\nx.example CNAME .\n",
        "$ORIGIN .\nrpz.test SOA a. b. 1 2 3 4 5\n$ORIGIN example.rpz.test.\nx CNAME .\n",
        "$ORIGIN .\nrpz.test SOA a. b. 1 2 3 4 5\nx.example.rpz.test CNAME .\n",
        "$ORIGIN rpz.test.\n@ SOA a. b. 1 2 3 4 5\n$ORIGIN example\nx CNAME .\n",
        "$ORIGIN rpz.test.\n@ SOA a. b. 1 2 3 4 5\n$ORIGIN x.example\n@ CNAME .\n",
        "$ORIGIN RPZ.test.\n@ SOA a. b. 1 2 3 4 5\nX.example.rpz.TEST. CNAME .\n",
        "$ORIGIN rpz.test.\nx.example CNAME .\n",
        "@ SOA a. b. 1 2 3 4 5\nx.example CNAME .\n",
        "x.example CNAME .\n",
        "x.exam\\112le CNAME .\n",
    ],
)
def test_owners_are_read_without_the_name_of_their_zone(text: str) -> None:
    parsed = parse(text.encode(), format="rpz")
    assert rules(parsed) == ["nxdomain exact x.example"]
    assert not parsed.bad


def test_a_change_of_origin_counts_for_lines_that_end_alike() -> None:
    parsed = parse(
        b"$ORIGIN rpz.test.\na.example CNAME .\nb.example CNAME .\n"
        b"$ORIGIN example.rpz.test.\nc CNAME .\nd CNAME .\n"
        b"$ORIGIN rpz.test.\ne.example CNAME .\nf.example CNAME .\n",
        format="rpz",
    )
    assert [rule[-9:] for rule in rules(parsed)] == [f"{letter}.example" for letter in "abcdef"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("x.example.", "a record without a type"),
        ("x.example. CNAME .", "a name outside of the zone"),
        ("x.example CNAME relative", ""),
        ("x..example CNAME .", "the name has an empty label"),
        ("x.example likes y.example", "not a type of record"),
        ("x.example CH CNAME .", "a class other than IN"),
        ("x.example 300 IN", "a record without a type"),
        ('x.example TXT "open', "a quote that is not closed"),
        ("x.example CNAME . )", "a parenthesis that is not open"),
        ("x.example A 192.0.2.256", "not an address or a network"),
        ("x.example A 2001:db8::1", "an address of the other family"),
        ("x.example A 192.0.2.1 192.0.2.2", "not one address"),
        ("x.example MX mail.test.", "record data with a part too many or too few"),
        ("x.example MX 65536 mail.test.", "not a number from 0 to 65535"),
        ("x.example TXT " + "a" * 256, "a string longer than 255 octets"),
        ("24.1.2.0.192.rpz-ip CNAME .", "host bits set after the prefix"),
        ("33.1.2.0.192.rpz-ip CNAME .", "a prefix length that no address has"),
        ("rpz-ip CNAME .", "not an address or a network"),
        ("24.0.zz.zz.192.rpz-ip CNAME .", "not an address or a network"),
        ("x.example CNAME . " + ";" * 1000, "a line longer than 1000 characters"),
        ("x.example CNAME (", "a parenthesis that is not closed"),
        ("$ORIGIN", "a directive other than $ORIGIN and $TTL"),
        ("$TTL soon", "a directive other than $ORIGIN and $TTL"),
    ],
)
def test_bad_lines(line: str, reason: str) -> None:
    parsed = parse(f"$ORIGIN rpz.test.\n{line}\n".encode(), format="rpz")
    assert parsed.bad == ({reason: 1} if reason else {})
    assert parsed.addresses == {}


def test_a_parenthesis_left_open_costs_its_record_only() -> None:
    parsed = parse(b"@ SOA a. b. ( 1 2 3\nx.example CNAME .\ny.example CNAME .\n", format="rpz")
    assert rules(parsed) == ["nxdomain exact x.example", "nxdomain exact y.example"]
    assert parsed.bad == {"a parenthesis that is not closed": 1}


def test_a_blank_owner_is_the_last() -> None:
    parsed = parse(
        b"  CNAME .\n*.x.example CNAME .\n*.y.example CNAME .\n\tTXT y\nz.example TXT (\n  z )\n",
        format="rpz",
    )
    assert rules(parsed) == [
        "nxdomain below x.example",
        "nxdomain below y.example",
        "data below y.example",
        "data exact z.example",
    ]
    assert parsed.bad == {"a record without an owner": 1}


def test_what_is_at_the_apex_is_no_trigger() -> None:
    parsed = parse(
        b"@ SOA a. b. 1 2 3 4 5\n NS ns.test.\n TXT x\nx.example RRSIG a\n", format="rpz"
    )
    assert rules(parsed) == []
    assert parsed.passed_over == {"a record that is no trigger": 2}


def test_local_data() -> None:
    parsed = parse(
        b"$ORIGIN rpz.test.\n$TTL 5m\n"
        b"x.example A 192.0.2.1\n 60 AAAA 2001:db8::1\n MX 10 mail.test.\n"
        b"*.x.example CNAME *.garden.test.\n"
        b"y.example CNAME garden\nz.example CNAME garden.rpz.test.\n"
        b'y.z.example TXT "a b" c\\;\\100\n SRV 1 2 3 .\n'
        b"32.1.2.0.192.rpz-ip A 192.0.2.9\n"
    )

    def data(*records: tuple[int, int, bytes]) -> Action:
        return Action(Effect.BLOCK, "data", records)

    garden = names.from_text("garden.rpz.test")
    assert {k: list(v) for k, v in parsed.names.items()} == {
        RuleType(
            Kind.EXACT,
            data(
                (1, 300, bytes([192, 0, 2, 1])),
                (28, 60, bytes.fromhex("20010db8" + 11 * "00" + "01")),
                (15, 300, b"\x00\x0a" + names.from_text("mail.test")),
            ),
        ): [names.from_text("x.example")],
        RuleType(Kind.BELOW, data((5, 300, names.from_text("*.garden.test")))): [
            names.from_text("x.example")
        ],
        RuleType(Kind.EXACT, data((5, 300, garden))): [
            names.from_text("y.example"),
            names.from_text("z.example"),
        ],
        RuleType(
            Kind.EXACT,
            data((16, 300, b"\x03a b\x03c;d"), (33, 300, b"\0\x01\0\x02\0\x03\0")),
        ): [names.from_text("y.z.example")],
    }
    assert parsed.addresses == {
        data((1, 300, bytes([192, 0, 2, 9]))): {(bytes([192, 0, 2, 1]), 32): None}
    }
    assert not parsed.bad


def test_local_data_that_cannot_be_given_still_blocks() -> None:
    many = "".join(f"x.example A 192.0.2.{number}\n" for number in range(17))
    several = "".join(f"a{number}.example TXT t{number}\n" for number in range(1001))
    parsed = parse(
        f"{many}y.example HTTPS 1 .\ny.example A 192.0.2.1\n{several}".encode(), format="rpz"
    )
    assert [rule for rule in rules(parsed) if not rule.startswith("data")] == [
        "exact y.example",
        "exact x.example",
        "exact a1000.example",
    ]
    assert len(parsed.names) == 1001
    assert parsed.passed_over == {LEFT_OUT: 3}


def test_names_that_only_a_zone_file_can_hold() -> None:
    parsed = parse(
        b"32.2001:db8::.rpz.ip CNAME .\na\\.b.example CNAME .\n1.2 CNAME .\n", format="rpz"
    )
    assert rules(parsed) == [
        "nxdomain exact 32.2001:db8::.rpz.ip",
        "nxdomain exact a\\.b.example",
        "nxdomain exact 1.2",
    ]
