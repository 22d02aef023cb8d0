import re
from ipaddress import ip_network
from pathlib import Path

import pytest

from dnsguard.config import Config, Source, lint, load, parse, read_sources

FILE = Path(__file__).parents[2] / "deploy" / "dnsguard.yaml"


def uncommented(text: str) -> str:
    """Turn every commented example into config: `# key: ...` and `#   - item` lines."""
    return re.sub(r"^( *)# ( *(?:[a-z][a-z_.-]*:|-)(?: .*)?)$", r"\1\2", text, flags=re.MULTILINE)


@pytest.fixture(params=["as shipped", "every example switched on"])
def sources(request: pytest.FixtureRequest) -> tuple[Source, ...]:
    if request.param == "as shipped":
        return read_sources(FILE)
    return (Source(path=str(FILE), text=uncommented(FILE.read_text())),)


def test_it_is_accepted_without_a_warning(sources: tuple[Source, ...]) -> None:
    assert lint(parse(sources), sources) == []


def test_every_example_is_switched_on() -> None:
    config: Config = parse((Source(path=str(FILE), text=uncommented(FILE.read_text())),))
    assert set(config.forward_zones) == {b"\x04city\x08internal\x00"}
    assert len(config.local_records) == 1
    assert config.never_block == (b"\x04city\x07example\x00",)
    assert config.policies["tiktok-ban"].allow
    assert config.policies["tiktok-ban"].block
    assert config.policies["also-banned"].stage == "shadow"
    assert set(config.lists) == {"also-banned", "partner"}
    assert len(config.lists["partner"].source) == 2
    assert config.lists["partner"].public_key
    assert config.policies["vpn"].lists == ("builtin:vpn",)
    assert config.rebinding.protect
    assert len(config.rebinding.allow) == 1
    assert config.cache.serve_stale == 86_400
    assert config.strip_ech


def test_the_ban_holds_for_every_group_on_both_address_families() -> None:
    config = load(FILE)
    ban = config.policies["tiktok-ban"]
    assert (ban.stage, ban.answer) == ("enforce", "sinkhole")
    assert ban.reference
    assert ban.owner
    assert set(ban.groups) == set(config.groups)
    for group in config.groups.values():
        assert group.description
        assert {network.version for network in group.subnets} == {4, 6}


def test_ways_past_the_ban_are_counted_first_and_never_sent_to_a_sinkhole() -> None:
    bypass = load(FILE).policies["bypass"]
    assert bypass.lists == ("builtin:encrypted-dns", "builtin:relays")
    assert (bypass.stage, bypass.answer) == ("shadow", "nxdomain")


def test_its_addresses_are_private_or_for_documentation() -> None:
    ours = [ip_network(net) for net in ("192.0.2.0/24", "2001:db8::/32", "10.0.0.0/8")]
    config = load(FILE)
    used = [ip_network(upstream.address) for upstream in config.upstreams]
    used += [network for group in config.groups.values() for network in group.subnets]
    for network in used:
        assert any(
            network.version == allowed.version and allowed.supernet_of(network)  # type: ignore[arg-type]
            for allowed in ours
        )
