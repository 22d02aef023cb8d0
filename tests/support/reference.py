"""The section "Matching" of the design in plain sets and strings: what policies must decide.

Written from the text of the design and kept apart from dnsguard's code, slow and obvious.
`tests/support/chains.py` tells which hops an answer has.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from dnsguard.core.view import Stage
from tests.support.generations import Ban, Setup

Address = IPv4Address | IPv6Address


class Hop(NamedTuple):
    """A name in lower case or an address as text, and what leads to it; `name` is the qname."""

    trigger: str
    value: str


class Hit(NamedTuple):
    """The policy that blocks, the list that decided, and the kind of the hop it was."""

    policy: str = ""
    list: str = ""
    trigger: str = ""


NOBODY = Hit()


class Decision(NamedTuple):
    """Who blocks a name, or would have, and by which list; empty when nobody does."""

    policy: str = ""
    list: str = ""
    shadow: str = ""


def specificity(entry: str, value: str) -> int:
    """Return how many labels of a name, or bits of an address, an entry determines; 0 for none."""
    if _is_address(entry) or _is_address(value):
        return _covered(entry, value) if _is_address(entry) and _is_address(value) else 0
    labels = value.split(".")
    if entry.startswith("="):
        return len(labels) if value == entry[1:] else 0
    if entry.startswith("."):
        wanted = entry[1:].split(".")
        return len(wanted) if labels[1:][-len(wanted) :] == wanted else 0
    if entry.endswith(".*"):
        wanted = entry[2:-2].split(".")
        for start in range(len(labels) - len(wanted) + 1):
            if labels[start : start + len(wanted)] == wanted:
                return len(labels) - start
        return 0
    wanted = entry.removeprefix("*.").split(".")
    return len(wanted) if labels[-len(wanted) :] == wanted else 0


PRIVATE = [
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.168.0.0/16", "::/128", "::1/128", "fc00::/7", "fe80::/10"),
    )
]


def decide(setup: Setup, group: str, qname: str) -> Decision:
    """Return what a group's policies decide of a queried name."""
    hit, shadow = judge(setup, group, [Hop("name", qname)])
    return Decision(hit.policy, hit.list, shadow.policy)


def judge(setup: Setup, group: str, hops: Sequence[Hop]) -> tuple[Hit, Hit]:
    """Return who blocks an answer with these hops, and who in `shadow` would have before.

    A queried name that is blocked itself is never asked upstream, so nothing later matters.
    """
    if len(hops) > 1:
        hit, shadow = judge(setup, group, hops[:1])
        if hit != NOBODY:
            return hit, shadow
    qname = hops[0].value
    bans = {
        name: ban
        for name, ban in setup.policies.items()
        if group in setup.groups and (ban.groups is None or group in ban.groups)
    }
    for entry, answer in setup.off_switches.items():
        if specificity(entry, qname):
            for name, ban in bans.items():
                if ban.stage == Stage.ENFORCE and ban.off_switches:
                    return Hit(name, f"off-switches-{answer}", "name"), NOBODY
    if most(setup.never_block, qname):
        return NOBODY, NOBODY
    shadow = NOBODY
    for name, ban in bans.items():
        hit = _first_hit(setup, name, ban, hops)
        if hit != NOBODY and ban.stage == Stage.ENFORCE:
            return hit, shadow
        if hit != NOBODY and ban.stage == Stage.SHADOW and shadow == NOBODY:
            shadow = hit
    return _rebinding_hit(setup, hops), shadow


def _first_hit(setup: Setup, name: str, ban: Ban, hops: Sequence[Hop]) -> Hit:
    """Return the first hop that a policy blocks."""
    chosen = setup.lists if ban.lists is None else ban.lists
    lists = {known: setup.lists[known] for known in setup.lists if known in chosen}
    lists[f"{name}:block"] = ban.block
    for hop in hops:
        if most(setup.never_block, hop.value):
            continue
        exempt = most(setup.dnsbl_zones, hop.value) > 0
        standings = {
            known: standing(entries, hop.value, exempt) for known, entries in lists.items()
        }
        blocked = max(max(labels, 0) for labels in standings.values())
        allowed = most(ban.allow, hop.value, exempt)
        if allowed and allowed >= blocked:
            if hop.trigger == "name":
                return NOBODY
        elif blocked:
            decided = next(known for known, labels in standings.items() if labels == blocked)
            return Hit(name, decided, hop.trigger)
        if hop.trigger == "name":
            lists = {known: lists[known] for known, labels in standings.items() if labels >= 0}
    return NOBODY


def _rebinding_hit(setup: Setup, hops: Sequence[Hop]) -> Hit:
    """Return the first private address, unless the queried name may have one."""
    own = [*setup.rebinding_allow, *setup.forward_zones]
    if setup.rebinding and not most(own, hops[0].value):
        for hop in hops:
            if hop.trigger in ("address", "hint") and any(
                address in network
                for address in carried(ip_address(hop.value))
                for network in PRIVATE
            ):
                return Hit("rebinding", "rebinding", hop.trigger)
    return NOBODY


def standing(entries: Iterable[str], value: str, exempt: bool = False) -> int:
    """Return how specific a list blocks a hop: 0 when it says nothing, -1 when it frees it."""
    matching = [
        ("!!" in mark, labels, mark.startswith("@@"))
        for mark, entry in map(_split_mark, entries)
        if (labels := most([entry], value, exempt))
    ]
    if not matching:
        return 0
    if max(matching)[2]:
        return -1
    return max(labels for _, labels, frees in matching if not frees)


def most(entries: Iterable[str], value: str, exempt: bool = False) -> int:
    """Return how specific the most specific entry for a hop is; exempt from embedded ones."""
    return max(
        (specificity(e, value) for e in entries if not (exempt and e.endswith(".*"))), default=0
    )


def carried(address: Address) -> Iterator[Address]:
    """Give an address and, if it carries one, the IPv4 address within."""
    yield address
    if isinstance(address, IPv6Address):
        for prefix, end in (("::ffff:0:0/96", 16), ("64:ff9b::/96", 16), ("2002::/16", 6)):
            if address in IPv6Network(prefix):
                yield IPv4Address(address.packed[end - 4 : end])


def _covered(entry: str, value: str) -> int:
    """Return the length of the prefix of an address rule that holds, IPv4's from 96 on."""
    network = ip_network(entry)
    if any(address in network for address in carried(ip_address(value))):
        return network.prefixlen + (96 if network.version == 4 else 0)
    return 0


@cache
def _is_address(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _split_mark(entry: str) -> tuple[str, str]:
    name = entry.partition(" ")[0].lstrip("@!")
    return entry[: entry.index(name)], name
