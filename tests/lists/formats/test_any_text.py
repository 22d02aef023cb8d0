"""What holds for every format: names written are read back, and no text does harm."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.lists.formats import FORMATS, parse
from dnsguard.lists.rules import BLOCK, Action, RuleType
from tests.support.list_texts import FRAGMENTS, check_parsed

LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=63)
NAME = (
    st.lists(LABEL, min_size=2, max_size=6)
    .map(".".join)
    .filter(lambda text: len(text) < 254 and not text.rpartition(".")[2].isdigit())
    .filter(lambda text: not text.rpartition(".")[2].startswith("rpz-"))
)
NXDOMAIN = Action(BLOCK.effect, "nxdomain")

Write = Callable[[str], str]

WRITTEN: list[tuple[str, RuleType, Write]] = [
    ("domains", RuleType(Kind.SUFFIX), str),
    ("domains", RuleType(Kind.SUFFIX), lambda name: f"*.{name}"),
    ("domains", RuleType(Kind.EXACT), lambda name: f"={name}"),
    ("hosts", RuleType(Kind.EXACT), lambda name: f"0.0.0.0 {name}"),
    ("adblock", RuleType(Kind.SUFFIX), lambda name: f"||{name}^"),
    ("adblock", RuleType(Kind.EXACT), lambda name: f"|{name}^"),
    ("rpz", RuleType(Kind.EXACT, NXDOMAIN), lambda name: f"{name} CNAME ."),
    ("rpz", RuleType(Kind.BELOW, NXDOMAIN), lambda name: f"*.{name} 60 IN CNAME ."),
    ("dnsmasq", RuleType(Kind.SUFFIX), lambda name: f"address=/{name}/#"),
    ("dnsmasq", RuleType(Kind.SUFFIX, NXDOMAIN), lambda name: f"local=/{name}/"),
    ("unbound", RuleType(Kind.SUFFIX), lambda name: f'local-zone: "{name}." always_null'),
    ("unbound", RuleType(Kind.EXACT), lambda name: f'local-data: "{name} A 0.0.0.0"'),
]


@pytest.mark.parametrize(("format_name", "rule_type", "write"), WRITTEN)
@given(found=st.lists(NAME, max_size=20), ends=st.sampled_from(["\n", "\r\n", " \n", "\t\r\n"]))
def test_names_written_in_any_format_are_read_back(
    format_name: str, rule_type: RuleType, write: Write, found: list[str], ends: str
) -> None:
    wires = dict.fromkeys(map(names.from_text, found))
    for spelt in (found, [name.upper() for name in found]):
        text = "".join(write(name) + ends for name in spelt)
        parsed = parse(text.encode(), format=format_name)
        assert parsed.names == ({rule_type: wires} if wires else {})
        assert not parsed.bad
        assert not parsed.passed_over


@given(st.lists(NAME.filter(lambda name: "local" not in name), max_size=20))
def test_what_is_common_and_what_is_not_are_read_alike(found: list[str]) -> None:
    common = parse("\n".join(f"0.0.0.0 {name}" for name in found).encode(), format="hosts")
    rare = parse("\n".join(f"192.0.2.9 {name}" for name in found).encode(), format="hosts")
    assert common == rare


TEXT = st.lists(
    st.one_of(
        st.sampled_from(FRAGMENTS),
        st.binary(max_size=20),
        st.text(max_size=10).map(lambda text: text.encode("utf-8", "surrogatepass")),
    ),
    max_size=60,
).map(b"".join)


@given(TEXT, st.sampled_from(["auto", *FORMATS]), st.sampled_from([None, "exact", "suffix"]))
def test_any_bytes_give_rules_or_reasons(text: bytes, told: str, match: str | None) -> None:
    parsed = parse(text, format=told, match=match)
    check_parsed(parsed, text)


HOSTILE = [
    b"a" * 300_000,
    b"a." * 150_000,
    b"." * 300_000,
    b" " * 300_000 + b"x",
    b"x" + b" " * 300_000 + b"x",
    b"*." * 150_000,
    b"||" * 150_000,
    b"||" + b"a." * 150_000,
    b"0.0.0.0" + b" " * 300_000,
    b"(" * 300_000,
    b'"' * 300_001,
    b"\\" * 300_001,
    b"address=/" + b"a/" * 150_000,
    b'local-zone: "' + b"a." * 150_000,
    b'local-data: "' + b" " * 300_000,
    b"1" * 300_000,
    b"x CNAME " + b"." * 300_000,
    b"x " * 150_000,
    b"#" * 300_000,
    b"$" * 300_000,
    b"\r" * 300_000,
    b"\0" * 300_000,
    b"x CNAME (\n" * 30_000,
    b"x CNAME .\n(\n" * 25_000,
    b"||x.example^$denyallow=a.x.example\n" * 8_000,
    b"x.example A 192.0.2.1\n" * 12_000,
]


@pytest.mark.parametrize("told", FORMATS)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_lines_give_no_rules_and_take_no_longer_than_others(text: bytes, told: str) -> None:
    parsed = parse(text, format=told)
    assert parsed.name_count <= 3
