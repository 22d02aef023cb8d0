import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core.generation import MAGIC, compose_generation, parse_generation
from dnsguard.core.names import from_text
from dnsguard.core.networks import MAGIC as NETWORKS_MAGIC
from dnsguard.core.policy import STRANGERS, UNREGISTERED
from dnsguard.core.view import Role, Stage
from tests.support.gateway import packed
from tests.support.generations import Ban, Setup, generation

WHOLE, LISTS = Setup().buffers()
SETTINGS_END = 16 + int.from_bytes(WHOLE[8:16], "little")


def test_what_is_composed_is_parsed() -> None:
    built = generation(
        number=7,
        upstreams=["udp://192.0.2.53:5353", "tcp://[2001:db8::53]"],
        trusted=["tcp://[2001:db8::53]"],
        forward_zones={"city.internal": ["udp://10.0.0.53"]},
        local_records=["printer.city.internal. 300 IN A 10.0.0.9"],
        ttl_bounds=(5, 600),
        udp_size=1400,
        cache_size=4096,
        pending_per_client=3,
        pending=30,
        tcp_per_client=2,
        exempt=["10.20.0.9/32"],
        max_ttl={"staff": 60},
        policies={"ban": Ban(stage=Stage.SHADOW, off_switches=False)},
    )
    assert (built.number, built.policy.generation) == (7, 7)
    assert [(u.address, u.port, u.tcp, u.trusted) for u in built.upstreams] == [
        ("192.0.2.53", 5353, False, False),
        ("2001:db8::53", 53, True, True),
        ("10.0.0.53", 53, False, False),
    ]
    assert built.upstream_sets == ((0, 1), (2,))
    assert built.settings.zones.find(from_text("a.city.internal")) == 1
    assert built.settings.local.find(from_text("printer.city.internal"), 1) is not None
    assert (built.ttl_bounds.minimum, built.ttl_bounds.maximum) == (5, 600)
    assert (built.settings.udp_size, built.settings.cache_size) == (1400, 4096)
    limits = built.limits
    assert (limits.pending_per_client, limits.pending, limits.tcp_per_client) == (3, 30, 2)
    assert limits.exempt.find(packed("10.20.0.9")) is not None
    assert limits.exempt.find(packed("10.20.0.8")) is None
    staff = built.policy.view(packed("10.20.0.9"))
    assert (staff.group, staff.ceiling) == ("staff", 60)
    [policy] = staff.policies
    assert (policy.name, policy.stage, policy.off_switches) == ("ban", Stage.SHADOW, False)
    assert "Bloqué / Blocked: ban".encode() in policy.option


def test_the_first_two_views_are_those_outside_every_group() -> None:
    views = generation().policy.views
    assert views[UNREGISTERED].policies == ()
    assert views[STRANGERS].refused


@pytest.mark.parametrize("answer", ["sinkhole", "nxdomain", "nodata", "refused"])
def test_every_answer_has_a_template(answer: str) -> None:
    built = generation(policies={"ban": Ban(answer=answer)})
    assert built.policy.view(packed("10.20.0.1")).policies[0].template is not None


def test_drop_has_none() -> None:
    built = generation(policies={"ban": Ban(answer="drop")})
    assert built.policy.view(packed("10.20.0.1")).policies[0].template is None


def test_the_images_are_aligned_and_not_copied() -> None:
    assert SETTINGS_END % 8 == 0
    own, lists = map(bytearray, Setup(never_block=["city.example"]).buffers())
    policy = parse_generation(memoryview(own), memoryview(lists)).policy
    tiktok, city = from_text("tiktok.com"), from_text("city.example")
    assert len(policy.matches(tiktok)) == 2
    assert len(policy.matches(city)) == 1
    for buffer, name in ((lists, tiktok), (own, city)):
        buffer[buffer.rindex(name) + 1] ^= 1  # an image whose names change is one that is shared
        assert policy.matches(name) == []


def test_the_networks_behind_the_images_are_aligned_and_not_copied() -> None:
    setup = Setup(lists={"own": ["example.org", "192.0.2.0/24"]}, rebinding=True)
    own, lists = map(bytearray, setup.buffers())
    policy = parse_generation(memoryview(own), memoryview(lists)).policy
    listed, private = packed("192.0.2.1"), packed("10.0.0.1")
    assert [policy.lists[m.list_id].name for m in policy.address_matches(listed)] == ["own"]
    assert [policy.lists[m.list_id].name for m in policy.address_matches(private)] == ["rebinding"]
    for buffer, address in ((lists, listed), (own, private)):
        start = buffer.rindex(NETWORKS_MAGIC)
        assert start % 8 == 0
        buffer[start + 24 :] = bytes(len(buffer) - start - 24)  # all but the header
        assert policy.address_matches(address) == []


def test_rules_for_addresses_of_the_lists_and_of_the_config_come_together() -> None:
    built = generation(
        lists={
            "broad": ["0.0.0.0/1", "example.org"],
            "narrow": ["10.20.0.0/16", "@@10.20.30.40", "10.20.0.0/15 nodata"],
        },
        rebinding=True,
    )
    policy = built.policy
    for address, carried in (("10.20.30.40", "::ffff:10.20.30.40"), ("64.0.0.1", "2002:4000:1::")):
        found = policy.address_matches(packed(address))
        assert policy.address_matches(packed(carried)) == found
    rules = [
        (policy.lists[m.list_id].name, policy.lists[m.list_id].effect.name, m.labels - 96)
        for m in policy.address_matches(packed("10.20.30.40"))
    ]
    assert rules == [
        ("narrow", "ALLOW", 32),
        ("narrow", "BLOCK", 16),
        ("narrow", "BLOCK", 15),
        ("rebinding", "BLOCK", 8),
        ("broad", "BLOCK", 1),
    ]
    assert policy.address_matches(packed("198.51.100.1")) == []
    assert policy.address_matches(packed("2001:db8::1")) == []
    assert policy.address_matches(b"") == []


def test_rebinding_has_its_lists_and_counters_when_it_is_on() -> None:
    on = generation(
        rebinding=True,
        rebinding_allow=["intranet.example"],
        forward_zones={"city.internal": ["udp://10.0.0.53"]},
    ).policy
    for name in ("intranet.example", "a.intranet.example", "a.city.internal"):
        roles = {on.lists[match.list_id].role for match in on.matches(from_text(name))}
        assert roles == {Role.REBINDING_ALLOWED}, name
    assert on.matches(from_text("example")) == []
    counters = [view.rebinding for view in on.views]
    assert counters[STRANGERS] == -1
    assert -1 not in (counters[UNREGISTERED], *counters[2:])
    off = generation().policy
    assert {view.rebinding for view in off.views} == {-1}
    assert off.address_matches(packed("10.0.0.1")) == []


def test_rules_of_the_lists_and_of_the_config_count_alike() -> None:
    ban = Ban(block=["www.tiktok.com"], allow=["tiktok.com"])
    policy = generation(policies={"ban": ban}).policy
    found = policy.matches(from_text("www.tiktok.com"))
    assert [(policy.lists[match.list_id].name, match.labels) for match in found] == [
        ("ban:block", 3),
        ("tiktok", 2),
        ("tiktok", 2),
        ("ban:allow", 2),
    ]


@pytest.mark.parametrize("size", [0, 15, 16, 17, SETTINGS_END - 1, SETTINGS_END, len(WHOLE) - 1])
def test_a_truncation_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="build it again"):
        parse_generation(WHOLE[:size], LISTS)


@pytest.mark.parametrize("size", [0, 39, 40, len(LISTS) - 1])
def test_a_truncated_image_of_the_lists_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="build it again"):
        parse_generation(WHOLE, LISTS[:size])


@given(st.integers(0, SETTINGS_END - 1), st.integers(0, 255))
def test_damaged_settings_are_refused_or_parsed(position: int, octet: int) -> None:
    damaged = WHOLE[:position] + bytes([octet]) + WHOLE[position + 1 :]
    try:
        parse_generation(damaged, LISTS)
    except ValueError as error:
        refusal = str(error)
    else:
        refusal = "build it again"
    assert "build it again" in refusal


def test_another_version_is_refused() -> None:
    assert WHOLE.startswith(MAGIC)
    with pytest.raises(ValueError, match="another version"):
        parse_generation(b"dnsggen9" + WHOLE[8:], LISTS)


@pytest.mark.parametrize("key", json.loads(WHOLE[16:SETTINGS_END]))
def test_every_setting_is_needed(key: str) -> None:
    document = json.loads(WHOLE[16:SETTINGS_END])
    del document[key]
    with pytest.raises(ValueError, match="build it again"):
        parse_generation(compose_generation(document, WHOLE[SETTINGS_END:]), LISTS)
