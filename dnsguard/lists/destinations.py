"""Which addresses a list may be fetched from when not the config but a server says where."""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# The IANA special-purpose registries (RFC 6890), multicast and the reserved class E.
_SPECIAL_IPV4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_SPECIAL_IPV6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 section 2.1


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet.

    An IPv6 address that carries an IPv4 one (IPv4-mapped, NAT64, 6to4) is what that one is.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    inner = carried(address)
    if inner is not None:
        return is_public(inner)
    return address in _GLOBAL_UNICAST and not any(address in net for net in _SPECIAL_IPV6)


def parse_literal(host: str) -> Address | None:
    """Return the address a URL's host is, None when it is a name.

    The short and numeric forms of IPv4 count, since a proxy may read them: 127.1, 0x7f000001.
    """
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def is_local_name(host: str) -> bool:
    """Tell whether a name stands for the machine itself (RFC 6761 section 6.3)."""
    return host.rpartition(".")[2] == "localhost"


def carried(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 one carries (IPv4-mapped, NAT64, 6to4)."""
    if address in _NAT64:
        return IPv4Address(address.packed[12:])
    return address.ipv4_mapped or address.sixtofour
