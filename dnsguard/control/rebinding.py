"""Protection from rebinding: which addresses no public name may have, and which names may."""

from collections.abc import Iterable
from ipaddress import ip_network

from dnsguard.core.image import Kind
from dnsguard.core.networks import Prefix
from dnsguard.lists.rules import Rule

PRIVATE: tuple[Prefix, ...] = tuple(
    (network.network_address.packed, network.prefixlen)
    for network in map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("172.16.0.0/12", "192.168.0.0/16", "255.255.255.255/32"),
            *("::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10"),
        ),
    )
)


def allowed_names(allow: Iterable[bytes], forward_zones: Iterable[bytes]) -> list[Rule]:
    """Return the rules for names that may have private addresses."""
    return [Rule(name, Kind.SUFFIX) for name in dict.fromkeys([*allow, *forward_zones])]
