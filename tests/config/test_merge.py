from tests.config.texts import MINIMAL, complaints, parsed


def test_named_entries_of_several_files_are_merged() -> None:
    config = parsed(
        MINIMAL,
        "groups: {lab: {subnets: [10.40.0.0/16]}}\n",
        "policies: {also: {groups: [lab], block: [example.org]}}\ncache: {size: 1MiB}",
    )
    assert list(config.groups) == ["staff", "lab"]
    assert list(config.policies) == ["tiktok-ban", "also"]
    assert config.cache.size == 2**20


def test_records_and_names_never_blocked_are_joined() -> None:
    main = MINIMAL + "never_block: [a.example]\n"
    config = parsed(main, "never_block: [b.example]", "never_block: [c.example]")
    assert config.never_block == (b"\1a\7example\0", b"\1b\7example\0", b"\1c\7example\0")


def test_a_fault_in_a_joined_list_has_the_place_in_its_own_file() -> None:
    found = complaints(
        MINIMAL + "never_block: [a.example]\n", "never_block:\n  - ok.example\n  - ''"
    )
    assert found == [
        (
            "/etc/dnsguard/1.yaml:3: never_block[2]: "
            "the root is every name: write a domain name such as city.example"
        )
    ]


def test_a_fault_in_a_merged_entry_has_the_place_in_its_own_file() -> None:
    found = complaints(MINIMAL, "\ngroups:\n  lab: {subnets: [10.20.0.0/16]}")
    assert found == [
        (
            "/etc/dnsguard/1.yaml:3: groups.lab.subnets[0]: 10.20.0.0/16 is already in "
            "groups.staff.subnets[0] (/etc/dnsguard/dnsguard.yaml:3): keep one of the two"
        )
    ]


def test_a_clash_names_both_places() -> None:
    found = complaints(MINIMAL, "groups:\n  staff: {subnets: [10.9.0.0/16]}\nupstreams: []\n")
    assert found == [
        (
            "/etc/dnsguard/1.yaml:2: groups.staff: "
            "already set in /etc/dnsguard/dnsguard.yaml:3: keep one of the two"
        ),
        (
            "/etc/dnsguard/1.yaml:3: upstreams: "
            "already set in /etc/dnsguard/dnsguard.yaml:1: keep one of the two"
        ),
    ]


def test_two_included_files_clash_too() -> None:
    (found,) = complaints(MINIMAL, "workers: 1", "workers: 1")
    assert found.startswith(
        "/etc/dnsguard/2.yaml:1: workers: already set in /etc/dnsguard/1.yaml:1"
    )


def test_includes_do_not_nest() -> None:
    (found,) = complaints(MINIMAL, "include: [x]")
    assert found.startswith("/etc/dnsguard/1.yaml:1: include: an included file cannot include")


def test_broken_yaml_in_several_files_is_reported_together_and_alone() -> None:
    found = complaints("a: [", "b: ]", "groups: 5")
    assert [line.partition(" ")[0] for line in found] == ["1:", "/etc/dnsguard/1.yaml:1:"]
