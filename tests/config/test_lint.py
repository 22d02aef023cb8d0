import pytest

from dnsguard.config import lint
from tests.config.texts import FULL, parsed, sources

HEAD = """\
upstreams: ["udp://192.0.2.53"]
groups:
  staff: {subnets: [10.20.0.0/16, "2001:db8:20::/48"]}
policies:
  ban: {groups: [staff], lists: ["builtin:tiktok"]}
"""


def warnings(*texts: str) -> list[str]:
    found = lint(parsed(*texts), sources(*texts))
    return [str(problem).removeprefix("/etc/dnsguard/dnsguard.yaml:") for problem in found]


def test_nothing_to_say() -> None:
    assert warnings(HEAD) == []


@pytest.mark.parametrize(
    ("subnets", "expected"),
    [
        ("10.20.0.0/16", "staff has IPv4 subnets only: its devices are unregistered over IPv6"),
        ("'2001:db8::/48'", "staff has IPv6 subnets only: its devices are unregistered over IPv4"),
    ],
)
def test_a_group_of_one_family(subnets: str, expected: str) -> None:
    text = HEAD.replace('10.20.0.0/16, "2001:db8:20::/48"', subnets)
    assert warnings(text) == [f"3: groups.staff.subnets: {expected}"]


def test_what_no_policy_uses() -> None:
    text = HEAD + "lists: {own: {source: own.txt}}"
    assert warnings(text, 'groups: {lab: {subnets: [10.0.0.0/8, "2001:db8::/32"]}}') == [
        "6: lists.own: no policy names the list own: it blocks nothing",
        (
            "/etc/dnsguard/1.yaml:1: groups.lab: "
            "no policy names the group lab: nothing is blocked for it"
        ),
    ]


def test_a_policy_that_is_off() -> None:
    assert [line for line in warnings(FULL) if "is off" in line] == [
        "23: policies.tiktok-ban.stage: tiktok-ban is off: it neither blocks nor counts"
    ]


@pytest.mark.parametrize(
    ("allowed", "count"),
    [
        ("[]", 0),
        ('[10.0.0.0/8, "2001:db8::/32"]', 0),
        ('[10.20.0.0/17, 10.20.128.0/17, "::/0"]', 0),
        ("[10.20.0.0/16]", 1),
        ("[192.0.2.1]", 2),
    ],
)
def test_devices_that_are_refused(allowed: str, count: int) -> None:
    found = warnings(f"{HEAD}allow_clients: {allowed}")
    assert len(found) == count
    assert all("is not within 'allow_clients': its devices are refused" in line for line in found)


@pytest.mark.parametrize(
    ("upstream", "listener", "loops"),
    [
        ("udp://127.0.0.1", "0.0.0.0:53", True),
        ("udp://[::1]", "[::]:53", True),
        ("udp://10.0.0.1", "10.0.0.1:53", True),
        ("udp://10.0.0.1", "0.0.0.0:53", False),
        ("udp://127.0.0.1:5353", "0.0.0.0:53", False),
        ("udp://127.0.0.1", "[::]:53", False),
    ],
)
def test_an_upstream_that_is_dnsguard_itself(upstream: str, listener: str, loops: bool) -> None:
    text = f'{HEAD}listen: {{dns: ["{listener}"]}}\nforward_zones: {{a.example: ["{upstream}"]}}'
    expected = f"7: forward_zones.a.example[0]: {upstream} is dnsguard itself: "
    found = warnings(text)
    assert len(found) == loops
    assert all(line.startswith(expected) for line in found)


def test_sections_without_effect_when_written() -> None:
    assert warnings(HEAD + "query_log: {}") == [
        "6: query_log: does nothing in this version: remove it",
    ]
