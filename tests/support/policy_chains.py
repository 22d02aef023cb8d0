"""Chains of aliases made at random, and a response policy zone about them."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from random import Random
from typing import NamedTuple

APEXES = ("example.org", "example.net")
LABELS = ("a", "b", "c", "d")
MAX_ALIASES = 6
REACH = 30  # an alias leads to one of so many names behind it
ACTIONS = {"NXDOMAIN": "CNAME .", "NODATA": "CNAME *.", "PASSTHRU": "CNAME rpz-passthru."}
WEIGHTS = (4, 3, 4)
IPV4 = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
IPV6 = ("2001:db8:1::/48", "2001:db8:2::/48", "2001:db8:3::/48")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Zone(NamedTuple):
    """The actions of a response policy zone: of exact names, below names, of networks."""

    exact: dict[str, str]
    below: dict[str, str]
    networks: dict[Network, str]

    def text(self) -> str:
        """Return the zone as a master file."""
        lines = ["$TTL 300", "@ SOA localhost. root.localhost. 1 2 3 4 300", "@ NS localhost."]
        lines += [f"{name} {ACTIONS[action]}" for name, action in self.exact.items()]
        lines += [f"*.{name} {ACTIONS[action]}" for name, action in self.below.items()]
        for network, action in self.networks.items():
            lines.append(f"{write_trigger(network)} {ACTIONS[action]}")
        return "".join(f"{line}\n" for line in lines)


def write_trigger(network: Network) -> str:
    """Return a network as an RPZ has it: its groups backwards, most zeros in a row as `zz`."""
    if network.version == 4:
        groups = str(network.network_address).split(".")
    else:
        address = network.network_address.compressed.replace("::", ":zz:").strip(":")
        groups = address.split(":")
    return ".".join([str(network.prefixlen), *reversed(groups), "rpz-ip"])


class Node(NamedTuple):
    """A name of the upstream: an alias of another, or a host with addresses."""

    name: str
    alias: str
    addresses: Sequence[Address]


Nodes = Mapping[str, Node]


def generate_nodes(chosen: Random, size: int) -> Nodes:
    """Return hosts, and aliases of them and of each other, up to `MAX_ALIASES` in a row.

    An alias is never in the zone it leads to, so each is another answer of another server.
    """
    nodes: dict[str, Node] = {}
    depths: dict[str, int] = {}
    made: list[str] = []
    for number in range(size):
        alias = chosen.choice(made[-REACH:]) if made and chosen.random() < 0.8 else ""
        if alias and depths[alias] == MAX_ALIASES:
            alias = ""
        apex = next((apex for apex in APEXES if alias and not alias.endswith(apex)), "")
        labels = chosen.choices(LABELS, k=chosen.randint(0, 3))
        name = ".".join([f"n{number}", *labels, apex or chosen.choice(APEXES)])
        if alias:
            nodes[name], depths[name] = Node(name, alias, ()), depths[alias] + 1
        else:
            nodes[name], depths[name] = Node(name, "", _addresses(chosen)), 0
        made.append(name)
    return nodes


def _addresses(chosen: Random) -> Sequence[Address]:
    found: set[Address] = set()
    for networks, spread in ((IPV4, 254), (IPV6, 1 << 20)):
        for _ in range(chosen.choice((1, 1, 2, 3))):
            found.add(ip_network(chosen.choice(networks))[chosen.randrange(1, spread)])
    return chosen.sample(sorted(found, key=str), len(found))


def write_nodes(nodes: Nodes, apex: str) -> str:
    """Return one of the upstream's zones as a master file."""
    lines = ["$TTL 300", "@ SOA localhost. root.localhost. 1 2 3 4 300", "@ NS localhost."]
    for node in nodes.values():
        if not node.name.endswith(apex):
            continue
        if node.alias:
            lines.append(f"{node.name}. CNAME {node.alias}.")
        for address in node.addresses:
            lines.append(f"{node.name}. {'A' if address.version == 4 else 'AAAA'} {address}")
    return "".join(f"{line}\n" for line in lines)


def generate_policy(chosen: Random, nodes: Nodes, size: int) -> Zone:
    """Return a response policy zone about some of these names, and of their addresses."""
    zone = Zone({}, {}, {})

    def action() -> str:
        return chosen.choices([*ACTIONS], WEIGHTS)[0]

    for name in chosen.sample(sorted(nodes), size):
        zone.exact[name] = action()
    for _ in range(size // 4):
        labels = chosen.choices(LABELS, k=chosen.randint(1, 3))
        zone.below[".".join([*labels, chosen.choice(APEXES)])] = action()
    addresses = [address for node in nodes.values() for address in node.addresses]
    for address in chosen.sample(addresses, size // 2):
        shortest, longest = (25, 32) if address.version == 4 else (104, 128)
        network = ip_network(f"{address}/{chosen.randint(shortest, longest)}", strict=False)
        zone.networks[network] = action()
    return zone


class Chain(NamedTuple):
    """What the upstream says to a question: the queried name, its aliases, and addresses."""

    names: Sequence[str]
    addresses: Sequence[Address]


def follow(nodes: Nodes, name: str, version: int) -> Chain:
    """Return the chain from a name on, with the addresses of one family."""
    names = [name]
    while alias := nodes[names[-1]].alias:
        names.append(alias)
    addresses = nodes[names[-1]].addresses
    return Chain(names, [address for address in addresses if address.version == version])
