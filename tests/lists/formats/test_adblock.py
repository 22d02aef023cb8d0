import pytest

from dnsguard.lists.formats import parse
from tests.lists.formats.wording import rules

OPEN = "a pattern that begins or ends within a name"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("||example.org^", "suffix example.org"),
        ("||Example.ORG^", "suffix example.org"),
        ("||bücher.example^", "suffix xn--bcher-kva.example"),
        ("||example.org", "suffix example.org"),
        ("||example.org|", "suffix example.org"),
        ("||*.example.org^", "suffix example.org"),
        ("*.example.org^", "suffix example.org"),
        ("example.org^", "suffix example.org"),
        ("||top^", "suffix top"),
        ("|example.org^", "exact example.org"),
        ("|example.org|", "exact example.org"),
        ("example.org", "exact example.org"),
        ("example.org # why", "exact example.org"),
        ("0.0.0.0 example.org", "exact example.org"),
        ("192.0.2.1 example.org # why", "exact example.org"),
        ("@@||example.org^", "allow suffix example.org"),
        ("@@|example.org^", "allow exact example.org"),
        ("||example.org^$important", "block important suffix example.org"),
        ("@@||example.org^$important", "allow important suffix example.org"),
        ("|Example.org^$important", "block important exact example.org"),
    ],
)
def test_rules(rule: str, expected: str) -> None:
    parsed = parse(rule.encode(), format="adblock")
    assert rules(parsed) == [expected]
    assert not parsed.bad
    assert not parsed.passed_over


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("example.org##.advert", "a cosmetic rule"),
        ("example.org#@#.advert", "a cosmetic rule"),
        ("example.org#?#div:has(a)", "a cosmetic rule"),
        ("example.org#$#body { color: red }", "a cosmetic rule"),
        ("example.org#%#window.a = 1", "a cosmetic rule"),
        ('example.org$$script[tag-content="a"]', "a cosmetic rule"),
        ("[$path=/a]example.org##.advert", "a cosmetic rule"),
        ("||example.org/advert.js", "a rule for a path or a port"),
        ("||example.org^/advert", "a rule for a path or a port"),
        ("||example.org:8080^", "a rule for a path or a port"),
        ("://ww4.", "a rule for a path or a port"),
        ("/advert/banner.", "a rule for a path or a port"),
        ("/^ad[0-9]+\\./", "a regular expression"),
        ("@@/advert.*/$important", "a regular expression"),
        ("||p16-*.example.org^", OPEN),
        ("||example.*^", OPEN),
        ("*", OPEN),
        ("||ads.", OPEN),
        ("||ads", OPEN),
        ("|example.org", OPEN),
        (".example.org^", OPEN),
        ("||192.0.2.1^", "a rule for an address"),
        ("192.0.2.1", "a rule for an address"),
        ("||example.org^$client=192.0.2.1", "the modifier $client"),
        ("||example.org^$ctag=device_phone", "the modifier $ctag"),
        ("||example.org^$dnstype=AAAA", "the modifier $dnstype"),
        ("||example.org^$dnsrewrite=192.0.2.1", "the modifier $dnsrewrite"),
        ("||example.org^$important,dnstype=A", "the modifier $dnstype"),
        ("||example.org^$third-party", "a modifier that is not for resolvers"),
        ("||example.org^$all", "a modifier that is not for resolvers"),
        (
            "@@||example.org^$denyallow=a.example.org",
            "the modifier $denyallow where it frees nothing",
        ),
        ("*$denyallow=com|net", OPEN),
    ],
)
def test_what_is_passed_over(rule: str, reason: str) -> None:
    parsed = parse(rule.encode(), format="adblock")
    assert parsed.names == {}
    assert not parsed.bad
    assert parsed.passed_over == {reason: 1}


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("||a..example^", "the name has an empty label"),
        ("||exa mple.org^", "more than one word where a name should be"),
        ("||example.org^$denyallow=", "the name is empty"),
        ("||" + "a" * 64 + ".org^", "a label is longer than 63 octets"),
        ("||" + "a." * 127 + "org^", "the name is longer than 255 octets"),
    ],
)
def test_bad_lines(rule: str, reason: str) -> None:
    parsed = parse(rule.encode(), format="adblock")
    assert parsed.names == {}
    assert parsed.bad == {reason: 1}


def test_comments_and_headers_are_neither() -> None:
    parsed = parse(b"[Adblock Plus 2.0]\n! Title: x\n# also\n\n! ||example.org^\n||example.net^\n")
    assert parsed.format == "adblock"
    assert rules(parsed) == ["suffix example.net"]
    assert not parsed.bad
    assert not parsed.passed_over


def test_badfilter_takes_the_rule_it_names_out() -> None:
    parsed = parse(
        b"||a.example^$badfilter\n||a.example^\n||b.example^\n@@||c.example^\n"
        b"@@||c.example^$badfilter\n||d.example^$important\n||d.example^$badfilter\n"
    )
    assert rules(parsed) == ["suffix b.example", "block important suffix d.example"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("||x.example^$denyallow=a.x.example", ["allow suffix a.x.example"]),
        (
            "||x.example^$denyallow=a.x.example|b.x.example|org",
            ["allow suffix a.x.example", "allow suffix b.x.example"],
        ),
        ("||x.example^$denyallow=x.example", []),
        ("||x.example^$denyallow=a.x.example\n||a.x.example^", []),
        ("a.x.example\n||x.example^$denyallow=a.x.example", []),
        ("||x.example^$denyallow=b.a.x.example\n||a.x.example^", []),
        ("||x.example^$denyallow=a.x.example\n||x.example^", []),
        ("||x.example^$denyallow=a.x.example\n||example^", []),
        ("||x.example^$denyallow=a.x.example\n||b.a.x.example^", ["allow suffix a.x.example"]),
        ("||x.example^$denyallow=a.x.example\n||x.example^$denyallow=b.x.example", []),
        (
            "||x.example^$denyallow=a.x.example|b.x.example\n||x.example^$denyallow=b.x.example",
            ["allow suffix b.x.example"],
        ),
        (
            "||x.example^$denyallow=a.x.example\n||example^$denyallow=x.example",
            ["allow suffix a.x.example"],
        ),
        (
            "||x.example^$denyallow=a.x.example\n||example^$denyallow=b.example",
            ["allow suffix b.example"],
        ),
        ("||x.example^$important,denyallow=a.x.example", ["allow suffix a.x.example"]),
    ],
)
def test_denyallow_frees_what_no_other_rule_blocks(text: str, expected: list[str]) -> None:
    parsed = parse(text.encode(), format="adblock")
    assert sorted(rule for rule in rules(parsed) if rule.startswith("allow")) == expected
    assert any(rule.endswith("suffix x.example") for rule in rules(parsed))
    assert not parsed.bad


@pytest.mark.parametrize("match", [None, "exact", "suffix"])
def test_match_replaces_the_match_of_rules_without_a_mark(match: str | None) -> None:
    text = b"||a.example^\n||B.example^\nc.example\n|d.example^\n*.e.example^\n"
    parsed = parse(text, format="adblock", match=match)
    assert sorted(rules(parsed)) == sorted(
        [
            f"{match or 'suffix'} a.example",
            f"{match or 'suffix'} b.example",
            f"{match or 'exact'} c.example",
            "exact d.example",
            "suffix e.example",
        ]
    )
