"""From a config to the generation that workers serve by."""

import socket
from array import array
from ipaddress import ip_address, ip_network
from pathlib import Path

import dns.message
import pytest

from dnsguard.config import Config, Source, parse
from dnsguard.control.build import OFF_SWITCHES, build_generation, without_policies
from dnsguard.control.counting import Ranges
from dnsguard.control.loading import discard
from dnsguard.core.counters import PAGE_SIZE
from dnsguard.core.forward import Forward
from dnsguard.core.generation import Generation, parse_generation
from dnsguard.core.names import from_text
from dnsguard.core.protocol import Ede, Transport
from dnsguard.core.resolver import Resolver
from dnsguard.core.view import Role
from tests.support.compiling import image_of, load
from tests.support.shell import addresses

CONFIG = """\
upstreams:
  - udp://192.0.2.53
  - {url: "tcp://192.0.2.54:5353", trusted: true}
forward_zones:
  city.internal: ["udp://10.0.0.53", "udp://192.0.2.53"]
local_records: ["printer.city.internal. 300 IN A 10.0.0.9"]
lists:
  zone: {source: zone.txt}
  networks: {source: networks.txt, format: cidr}
groups:
  staff: {subnets: [198.51.100.0/24, "2001:db8:20::/48"], max_ttl: 10s}
  exempted: {subnets: [198.51.100.7/32]}
  lab: {subnets: [198.51.100.9/32]}
policies:
  ban:
    groups: [staff]
    lists: ["builtin:tiktok", zone, networks]
    block: [blocked.example.org]
    allow: [support.tiktok.com]
  watch:
    groups: [exempted]
    lists: ["builtin:tiktok"]
    stage: shadow
  zoned:
    groups: [lab]
    lists: [zone]
    answer: from-list
never_block: [city.example]
rebinding: {allow: [intranet.example]}
limits: {pending_per_client: 9, tcp_per_client: 3, exempt: [10.9.9.9]}
sinkhole: {ipv4: 10.0.0.1, ttl: 20s}
edns: {udp_size: 1400}
"""
ZONE = """\
$TTL 60
@ SOA localhost. root.localhost. 1 1h 15m 30d 2h
@ NS localhost.
nx.example.net CNAME .
empty.example.net CNAME *.
free.nx.example.net CNAME rpz-passthru.
*.nx.example.net CNAME .
data.example.net 5 A 192.0.2.1
"""
NETWORKS = "203.0.113.0/24\n2001:db8:7::/48\n"
SECRETS = (b"a secret of cook", b"the one that was")
LAB = "198.51.100.9"
STAFF = "198.51.100.1"
EXEMPTED = "198.51.100.7"
CITIZEN = "192.168.1.1"
STRANGER = "203.0.113.1"


class Built:
    """A generation of the config for a number of workers."""

    def __init__(
        self,
        folder: Path,
        *,
        workers: int = 1,
        ranges: Ranges | None = None,
        config: str = CONFIG,
    ) -> None:
        source = Source(str(folder / "dnsguard.yaml"), config)
        (folder / "zone.txt").write_text(ZONE)
        (folder / "networks.txt").write_text(NETWORKS)
        self.config: Config = parse([source])
        self.lists = load(self.config, source, folder / "lists")
        self.ranges = ranges or Ranges()
        self.buffer = build_generation(
            self.config,
            self.lists,
            number=7,
            ranges=self.ranges,
            workers=workers,
            cookie_secrets=SECRETS,
        )
        self.image = image_of(self.lists.compiled)
        discard(self.lists, None)
        self.generation: Generation = parse_generation(self.buffer, self.image)
        self.page = array("Q", bytes(8 * PAGE_SIZE))

    def resolver(self) -> Resolver:
        return Resolver(self.generation.policy, self.generation.settings, self.page)

    def ask(
        self, client: str, name: str, resolver: Resolver | None = None
    ) -> dns.message.Message | Forward | None:
        family = socket.AF_INET6 if ":" in client else socket.AF_INET
        query = dns.message.make_query(name, "A").to_wire()
        outcome = (resolver or self.resolver()).query(
            query, socket.inet_pton(family, client), Transport.UDP, 0.0
        )
        return dns.message.from_wire(outcome) if isinstance(outcome, bytes) else outcome

    def names_of_lists(self, address: str) -> list[str]:
        """Return the lists that have rules for an address."""
        policy = self.generation.policy
        found = policy.address_matches(ip_address(address).packed)
        return [policy.lists[match.list_id].name for match in found]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return Built(tmp_path_factory.mktemp("state"))


def test_the_secrets_of_cookies_reach_the_workers(built: Built) -> None:
    assert built.generation.settings.cookie_secrets == SECRETS


@pytest.mark.parametrize("client", [STAFF, "2001:db8:20::1"])
@pytest.mark.parametrize("name", ["www.tiktok.com", "blocked.example.org"])
def test_registered_clients_are_sinkholed(built: Built, client: str, name: str) -> None:
    answer = built.ask(client, name)
    assert isinstance(answer, dns.message.Message)
    assert answer.answer[0].to_text().split()[1:] == ["10", "IN", "A", "10.0.0.1"]


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (CITIZEN, "www.tiktok.com"),
        (EXEMPTED, "www.tiktok.com"),
        (STAFF, "support.tiktok.com"),
        (STAFF, "example.org"),
        (STAFF, "tiktok.city.example"),
        (LAB, "free.nx.example.net"),
        (STAFF, "free.nx.example.net"),
        (LAB, "www.tiktok.com"),
        (CITIZEN, "nx.example.net"),
    ],
)
def test_everything_else_is_forwarded(built: Built, client: str, name: str) -> None:
    assert isinstance(built.ask(client, name), Forward)


def test_groups_may_ask_from_anywhere_and_strangers_not(built: Built) -> None:
    refused = built.ask(STRANGER, "example.org")
    assert isinstance(refused, dns.message.Message)
    assert refused.rcode() == dns.rcode.REFUSED


def test_local_records_and_forward_zones(built: Built) -> None:
    answer = built.ask(CITIZEN, "printer.city.internal")
    assert isinstance(answer, dns.message.Message)
    other = built.ask(CITIZEN, "other.city.internal")
    assert isinstance(other, Forward)
    sets = built.generation.upstream_sets
    urls = [[built.generation.upstreams[number].url for number in numbers] for numbers in sets]
    assert urls[other.zone] == ["udp://10.0.0.53", "udp://192.0.2.53"]
    assert urls[0] == ["udp://192.0.2.53", "tcp://192.0.2.54:5353"]


def test_upstreams_are_numbered_once_and_as_configured(built: Built) -> None:
    found = [
        (upstream.address, upstream.port, upstream.tcp, upstream.trusted)
        for upstream in built.generation.upstreams
    ]
    assert found == [
        ("192.0.2.53", 53, False, False),
        ("192.0.2.54", 5353, True, True),
        ("10.0.0.53", 53, False, False),
    ]


def test_limits_are_divided_among_workers(tmp_path: Path) -> None:
    one, four = Built(tmp_path), Built(tmp_path, workers=4)
    assert one.generation.limits.pending_per_client == 9
    assert four.generation.limits.pending_per_client == 2
    assert four.generation.limits.tcp_per_client == 1
    assert four.generation.settings.cache_size == one.generation.settings.cache_size // 4
    assert one.generation.limits.exempt.find(bytes([10, 9, 9, 9])) is not None
    assert one.generation.settings.udp_size == 1400


def test_counters_stay_where_they_are(tmp_path: Path) -> None:
    first = Built(tmp_path)
    again = Built(tmp_path, ranges=first.ranges.copy())
    assert again.ranges.end == first.ranges.end
    assert again.generation.upstreams == first.generation.upstreams


def test_hits_are_counted_for_group_policy_and_list(tmp_path: Path) -> None:
    built = Built(tmp_path)
    for _ in range(3):
        built.ask(STAFF, "www.tiktok.com")
    built.ask(STAFF, "blocked.example.org")
    resolver = built.resolver()
    forward = built.ask(EXEMPTED, "www.tiktok.com", resolver)
    assert isinstance(forward, Forward)
    assert resolver.failure(forward, Ede.OTHER, 0.0) is not None
    blocked = dict(built.ranges.items("blocked"))
    shadow = dict(built.ranges.items("shadow"))
    assert built.page[blocked["staff", "ban", "builtin:tiktok"]] == 3
    assert built.page[blocked["staff", "ban", "ban.block"]] == 1
    assert built.page[shadow["exempted", "watch", "builtin:tiktok"]] == 1


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("nx.example.net", "NXDOMAIN []"),
        ("a.nx.example.net", "NXDOMAIN []"),
        ("empty.example.net", "NOERROR []"),
        ("data.example.net", "NOERROR ['192.0.2.1']"),
    ],
)
def test_the_answers_of_a_list_are_given_to_who_asks_from_it(
    built: Built, name: str, answer: str
) -> None:
    given = built.ask(LAB, name)
    assert isinstance(given, dns.message.Message)
    assert f"{dns.rcode.to_text(given.rcode())} {[*addresses(given)]}" == answer
    other = built.ask(STAFF, name)
    assert isinstance(other, dns.message.Message)
    assert addresses(other) == ["10.0.0.1"]


def test_all_rules_of_a_list_are_counted_as_the_list(tmp_path: Path) -> None:
    built = Built(tmp_path)
    for name in ("nx", "a.nx", "empty", "data", "free.nx"):
        built.ask(LAB, f"{name}.example.net")
    blocked = dict(built.ranges.items("blocked"))
    assert built.page[blocked["lab", "zoned", "zone"]] == 4
    assert {key for key in blocked if key[0] == "lab"} == {
        *(("lab", "zoned", name) for name in ("zone", "zoned.block", OFF_SWITCHES)),
        ("lab", "rebinding", "rebinding"),
    }


def test_rules_for_addresses_reach_the_workers(built: Built) -> None:
    table = {
        "203.0.113.7": ["networks"],
        "::ffff:203.0.113.7": ["networks"],
        "2001:db8:7::1": ["networks"],
        "2001:db8:8::1": [],
        "198.51.100.7": [],
    }
    assert {address: built.names_of_lists(address) for address in table} == table


@pytest.mark.parametrize(
    ("network", "outside"),
    [
        ("0.0.0.0/8", ["1.0.0.0"]),
        ("10.0.0.0/8", ["9.255.255.255", "11.0.0.0"]),
        ("100.64.0.0/10", ["100.63.255.255", "100.128.0.0"]),
        ("127.0.0.0/8", ["126.255.255.255", "128.0.0.0"]),
        ("169.254.0.0/16", ["169.253.255.255", "169.255.0.0"]),
        ("172.16.0.0/12", ["172.15.255.255", "172.32.0.0"]),
        ("192.168.0.0/16", ["192.167.255.255", "192.169.0.0"]),
        ("255.255.255.255/32", ["255.255.255.254"]),
        ("::/127", ["::2"]),
        ("fc00::/7", ["fbff::", "fe00::"]),
        ("fe80::/10", ["fe7f::"]),
        ("fec0::/10", ["ff00::"]),
        ("64:ff9b::10.0.0.0/104", ["64:ff9b::11.0.0.0"]),
        ("2002:c0a8::/32", ["2002:c0a9::"]),
    ],
)
def test_private_addresses_are_known(built: Built, network: str, outside: list[str]) -> None:
    whole = ip_network(network)
    for address in (whole.network_address, whole.broadcast_address):
        assert built.names_of_lists(str(address)) == ["rebinding"], address
    for text in outside:
        assert built.names_of_lists(text) == [], text


def test_names_that_may_have_private_addresses(built: Built) -> None:
    policy = built.generation.policy
    table = {
        "intranet.example": True,
        "www.intranet.example": True,
        "a.city.internal": True,
        "internal": False,
        "example.org": False,
    }
    for name, allowed in table.items():
        roles = {policy.lists[match.list_id].role for match in policy.matches(from_text(name))}
        assert (Role.REBINDING_ALLOWED in roles) == allowed, name


def test_rebinding_is_counted_for_every_group(built: Built) -> None:
    wanted = {
        group: built.ranges.base("blocked", group, "rebinding", "rebinding")
        for group in ("unregistered", "staff", "exempted", "lab")
    }
    views = built.generation.policy.views
    assert {view.group: view.rebinding for view in views if not view.refused} == wanted
    assert {view.rebinding for view in views if view.refused} == {-1}


def test_without_protection_private_addresses_are_like_others(tmp_path: Path) -> None:
    config = CONFIG.replace("{allow: [intranet.example]}", "{protect: false}")
    built = Built(tmp_path, config=config)
    assert built.names_of_lists("10.0.0.1") == []
    assert {view.rebinding for view in built.generation.policy.views} == {-1}
    assert not [key for key, _ in built.ranges.items("blocked") if "rebinding" in key]


def test_dnsguard_itself_may_have_private_addresses(built: Built) -> None:
    policy = without_policies(built.config).policy
    assert policy.address_matches(bytes([10, 0, 0, 1])) == []
    assert {view.rebinding for view in policy.views} == {-1}


def test_the_hashes_of_the_images_are_keyed_anew(tmp_path: Path) -> None:
    one, other = Built(tmp_path), Built(tmp_path)
    assert one.buffer != other.buffer
    assert one.image != other.image
