import pytest

from tests.config.texts import MINIMAL, complaints


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "'upstreams' is missing: add it"),
        ("upstreams:", "1: upstreams: has no value: give it one, or remove it"),
        ("upstreams: udp://192.0.2.1", "1: upstreams: must be a list, as in [a, b]"),
        ("upstreams: []", "1: upstreams: is empty: it needs at least one entry"),
    ],
)
def test_upstreams(text: str, expected: str) -> None:
    assert [found.strip() for found in complaints(text)] == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cahce: {}", "6: cahce: unknown key; did you mean 'cache'?"),
        ("cache: {sise: 1}", "6: cache.sise: unknown key; did you mean 'size'?"),
        (
            "edns: {x: 1}",
            "6: edns.x: unknown key: remove it; the keys here are udp_size",
        ),
        ("cache: 5", "6: cache: must be a mapping, with a 'key: value' in each line"),
        ("lists: [a]", "6: lists: must be a mapping, with a 'key: value' in each line"),
        ("lists: {a: {}}", "6: lists.a: 'source' is missing: add it"),
        (
            "lists: {a: {source: a, match: x}}",
            "6: lists.a.match: 'x' is not one of exact or suffix",
        ),
        ("lists: {a: {source: a, keep: x}}", "6: lists.a.keep: must be a whole number"),
        ("lists: {a: {source: a, keep: true}}", "6: lists.a.keep: must be a whole number"),
        ("strip_ech: on", "6: strip_ech: must be true or false"),
        ("include: [5]", "6: include[0]: must be text: put it in quotes"),
    ],
)
def test_an_error_says_the_place_and_the_mend(text: str, expected: str) -> None:
    assert complaints(MINIMAL + text) == [expected]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("stag: off", "6: policies.x.stag: unknown key; did you mean 'stage'?"),
        ("stage: Off", "6: policies.x.stage: 'Off' is not one of off, shadow or enforce"),
        ("starts: soon", "6: policies.x.starts: must be a date, as in 2027-02-28"),
        ("owner: [a]", "6: policies.x.owner: must be text: put it in quotes"),
        ("schedule: [{dais: []}]", "6: policies.x.schedule[0].dais: unknown key"),
        ('"st\\x1bage": off', "6: policies.x.st\\x1bage: the character U+001B"),
    ],
)
def test_an_error_in_a_policy(policy: str, expected: str) -> None:
    found = complaints(f"{MINIMAL}  x: {{groups: [staff], block: [example.org], {policy}}}")
    assert any(line.startswith(expected) for line in found), found
