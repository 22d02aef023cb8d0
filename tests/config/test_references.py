import pytest

from tests.config.texts import complaints

HEAD = 'upstreams: ["udp://192.0.2.53"]\n'
GROUP = HEAD + "groups: {staff: {subnets: [10.20.0.0/16]}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            GROUP + "policies: {x: {groups: [staf], block: [a.example]}}",
            ["3: policies.x.groups[0]: no group named 'staf'; did you mean 'staff'?"],
        ),
        (
            GROUP + "policies: {x: {groups: [staff], lists: [partner]}}",
            ["3: policies.x.lists[0]: no list named 'partner': add it under 'lists'"],
        ),
        (
            GROUP + 'policies: {x: {groups: [staff, staff], lists: ["builtin:tiktok"]}}',
            ["3: policies.x.groups[1]: 'staff' is listed twice: remove one"],
        ),
        (
            GROUP + 'policies: {x: {groups: [staff], lists: ["builtin:tictoc"]}}',
            [
                (
                    "3: policies.x.lists[0]: no list named 'builtin:tictoc': the bundled ones are "
                    "builtin:tiktok, builtin:tiktok-strict, builtin:encrypted-dns, builtin:relays, "
                    "builtin:vpn"
                )
            ],
        ),
        (
            GROUP + "policies: {x: {groups: [], block: [a.example]}}",
            ["3: policies.x.groups: is empty: it needs at least one entry"],
        ),
        (
            GROUP + "policies: {x: {block: [a.example]}}",
            ["3: policies.x: 'groups' is missing: add it"],
        ),
        (
            GROUP + "policies: {x: {groups: [staff]}}",
            ["3: policies.x: blocks nothing: give it 'lists' or 'block'"],
        ),
        (
            HEAD + "groups:\n  a: {subnets: [10.20.0.0/16]}\n  b: {subnets: [10.20.0.0/16]}",
            [
                (
                    "4: groups.b.subnets[0]: 10.20.0.0/16 is already in groups.a.subnets[0] "
                    "(/etc/dnsguard/dnsguard.yaml:3): keep one of the two"
                )
            ],
        ),
        (
            HEAD + 'groups: {a: {subnets: ["2001:db8::/32", "2001:0DB8::/32"]}}',
            [
                (
                    "2: groups.a.subnets[1]: 2001:db8::/32 is already in groups.a.subnets[0] "
                    "(/etc/dnsguard/dnsguard.yaml:2): keep one of the two"
                )
            ],
        ),
        (
            HEAD + "groups: {a: {description: none}}",
            ["2: groups.a: has no subnets, so no device is in it: add some"],
        ),
        (
            HEAD
            + 'forward_zones:\n  A.example: ["udp://10.0.0.1"]\n  a.example.: ["udp://10.0.0.2"]',
            [
                (
                    "4: forward_zones.a.example.: the same zone as 'A.example' "
                    "(/etc/dnsguard/dnsguard.yaml:3): keep one of the two"
                )
            ],
        ),
        (
            HEAD + 'local_records: ["a. 1 IN CNAME b.", "a. 1 IN A 10.0.0.1"]',
            [
                (
                    "2: local_records[1]: a has a CNAME, so it can have no other record: "
                    "keep one (RFC 1034)"
                )
            ],
        ),
    ],
)
def test_what_does_not_fit_together(text: str, expected: list[str]) -> None:
    assert complaints(text) == expected


def test_a_narrower_subnet_of_another_group_is_fine() -> None:
    groups = "groups: {a: {subnets: [10.0.0.0/8]}, b: {subnets: [10.1.0.0/16]}}"
    assert complaints(HEAD + groups) == []


def test_several_records_of_one_name_are_fine() -> None:
    assert complaints(HEAD + 'local_records: ["a. 1 IN A 10.0.0.1", "a. 1 IN A 10.0.0.2"]') == []


def test_all_errors_come_at_once_in_the_order_of_the_file() -> None:
    found = complaints(
        """\
upstreams: ["udp://dns.example"]
groups:
  Staff: {subnets: [10.20.0.1/16]}
  lab: {subnets: [10.30.0.0/16, 10.30.0.0/16]}
policies:
  ban: {groups: [staf], lists: ["builtin:tiktok"], stag: off}
workers: many
workers: 3
"""
    )
    assert [line.partition(": ")[0] for line in found] == list("13346678")
