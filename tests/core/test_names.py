import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core import names
from tests.support.strategies import SHORT_LABEL, wire_names


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        (".", b"\x00"),
        ("com", b"\x03com\x00"),
        ("com.", b"\x03com\x00"),
        ("WWW.Example.ORG", b"\x03www\x07example\x03org\x00"),
        (r"a\.b.test", b"\x03a.b\x04test\x00"),
        (r"\000\255.test", b"\x02\x00\xff\x04test\x00"),
        (r"\a.test", b"\x01a\x04test\x00"),
        (r"\065.test", b"\x01a\x04test\x00"),
    ],
)
def test_presentation_form_is_read(text: str, wire: bytes) -> None:
    assert names.from_text(text) == wire


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("..", "empty label"),
        (".org", "empty label"),
        ("a..b", "empty label"),
        ("caf\u00e9.test", "not ASCII"),
        ("a" * 64 + ".test", "63 octets"),
        (".".join(["a" * 63] * 4), "255 octets"),
        ("\\", "incomplete"),
        ("a\\1", "incomplete"),
        ("a\\12.test", "incomplete"),
        ("a\\256.test", "255"),
    ],
)
def test_a_bad_name_is_refused_with_the_reason_alone(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as error:
        names.from_text(text)
    assert not text.strip(".\\") or text not in str(error.value)


def test_the_longest_name_is_255_octets() -> None:
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(names.from_text(longest)) == names.MAX_NAME
    with pytest.raises(ValueError, match="255 octets"):
        names.from_text(longest + "b")


@given(wire_names())
def test_text_is_printable_and_says_the_same_name(name: bytes) -> None:
    text = names.to_text(name)
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text
    assert names.from_text(text) == name.lower()
    assert dns.name.from_text(text) == dns.name.from_wire(name, 0)[0]


@given(st.binary(max_size=300))
def test_text_of_any_octets_is_safe(name: bytes) -> None:
    assert names.to_text(name).isprintable()


def test_the_root() -> None:
    assert names.to_text(names.ROOT) == "."
    assert names.label_offsets(names.ROOT) == []
    assert names.suffixes(names.ROOT) == [names.ROOT]
    assert names.is_at_or_below(names.ROOT, names.ROOT)


@given(wire_names(SHORT_LABEL), wire_names(SHORT_LABEL))
def test_below_is_what_dnspython_calls_a_subdomain(name: bytes, ancestor: bytes) -> None:
    name, ancestor = name.lower(), ancestor.lower()
    expected = dns.name.from_wire(name, 0)[0].is_subdomain(dns.name.from_wire(ancestor, 0)[0])
    assert names.is_at_or_below(name, ancestor) == expected
    assert (ancestor in names.suffixes(name)) == expected


def test_labels_are_compared_and_not_their_octets() -> None:
    assert not names.is_at_or_below(b"\x05x\x01a\x01b\x00", b"\x01a\x01b\x00")
    assert not names.is_at_or_below(b"\x0anotexample\x00", b"\x07example\x00")


def test_suffixes_go_from_the_name_to_the_root() -> None:
    assert [names.to_text(suffix) for suffix in names.suffixes(names.from_text("a.b.c"))] == [
        "a.b.c",
        "b.c",
        "c",
        ".",
    ]
    assert names.label_offsets(names.from_text("a.bc.d")) == [0, 2, 5]
