"""Why a name is answered as it is, told by the code that serves.

The query is given to a real resolver over the very generation in force; what is added here is
only the telling.
"""

import mmap
from ipaddress import IPv6Address, ip_address, ip_network
from struct import pack
from typing import Any, NamedTuple, cast

import dnslib

from dnsguard.core import counters, names
from dnsguard.core.cache import Entry
from dnsguard.core.forward import Forward
from dnsguard.core.generation import Generation
from dnsguard.core.image import Kind, Match
from dnsguard.core.inspection import find_hops
from dnsguard.core.policy import rank
from dnsguard.core.protocol import RD, Source, Transport
from dnsguard.core.resolver import Resolver
from dnsguard.core.view import PolicyInView, Role, Signature, Stage, Trigger
from dnsguard.evidence.answer_text import describe
from dnsguard.lists.destinations import carried

_OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
_OUTCOMES = {Stage.OFF: "off", Stage.SHADOW: "would block", Stage.ENFORCE: "blocks"}


class Hop(NamedTuple):
    """A name or packed address that a client is led to, and the rules that hold for it."""

    trigger: Trigger
    value: bytes
    matches: list[Match]


class Inquiry:
    """One question of one client.

    Where it would be forwarded, `forward` is there: whoever has it answered, by `resolver`,
    hands the reply to `take`; what the answer leads to is told then, else the name alone.
    """

    def __init__(self, generation: Generation, name: str, client: str, rdatatype: str) -> None:
        """Ask; raises ValueError with the reason when name, client or type cannot be read."""
        self._qname = names.from_text(name)
        try:
            address = ip_address(client).packed
        except ValueError:
            raise ValueError("the client is not an IP address: give one like 10.20.0.7") from None
        qtype = _parse_type(rdatatype)
        self._generation = generation
        self._client = client
        self._type = rdatatype.upper()
        self._policy = generation.policy
        self._view = generation.policy.view(address)
        nowhere = memoryview(mmap.mmap(-1, counters.PAGE_SIZE * 8)).cast("Q")
        self.resolver = Resolver(
            generation.policy, generation.settings, cast(counters.Page, nowhere)
        )
        query = pack("!HHHHHH", 0, RD, 1, 0, 0, 1) + self._qname + pack("!HH", qtype, 1) + _OPT
        outcome = self.resolver.query(query, address, Transport.TCP, 0.0)
        self.forward = outcome if isinstance(outcome, Forward) else None
        self._answered = self.forward is None
        self._response = outcome if isinstance(outcome, bytes) else None
        self._entry: Entry | None = next(iter(self.resolver.cache), None)

    def take(self, response: bytes | None) -> None:
        """Take the reply to the forward, None when nothing is sent."""
        self._answered = True
        self._response = response

    def explain(self) -> dict[str, Any]:
        """Return what decides, and the answer."""
        hops = self._hops()
        signature: Signature = tuple(
            (hop.trigger, rank(hop.matches)) for hop in hops if hop.matches
        )
        verdict = self._policy.judge.judge(self._view, signature)
        return {
            "name": names.to_text(self._qname),
            "client": self._client,
            "type": self._type,
            "group": "refused" if self._view.refused else self._view.group,
            "generation": self._generation.number,
            "hops": [self._describe(hop) for hop in hops],
            "policies": [self._judge(entry, signature, hops) for entry in self._view.policies],
            "verdict": self._verdict(hops, blocked=verdict.blocks),
            "policy": verdict.policy or None,
            "answer": "\n".join(self._answer()),
        }

    def _hops(self) -> list[Hop]:
        policy = self._policy
        found = [Hop(Trigger.NAME, self._qname, policy.matches(self._qname))]
        entry = self._entry
        if entry is None or entry.answer is None:
            return found
        for number, value in find_hops(entry.key[:-1], entry.answer):
            trigger = Trigger(number)
            if trigger < Trigger.ADDRESS:
                found.append(Hop(trigger, value, policy.matches(value)))
            elif not entry.local:
                found.append(Hop(trigger, value, policy.address_matches(value)))
        return found

    def _describe(self, hop: Hop) -> dict[str, Any]:
        lists = self._policy.lists
        return {
            "trigger": hop.trigger.name.lower(),
            "name": _hop_text(hop),
            "matches": [
                {
                    "list": lists[match.list_id].name,
                    "rule": _rule_text(hop, match),
                    "kind": Kind(match.kind).name.lower(),
                    "effect": lists[match.list_id].effect.name.lower().replace("_", " "),
                    "labels": match.labels,
                }
                for match in hop.matches
            ],
        }

    def _judge(self, entry: PolicyInView, signature: Signature, hops: list[Hop]) -> dict[str, Any]:
        judge = self._policy.judge
        trigger, deciding = judge.hit(entry, signature) or (Trigger.NAME, -1)
        outcome = "no match" if deciding < 0 else _OUTCOMES[entry.stage]
        if deciding < 0:
            deciding = judge.deciding(entry, rank(hops[0].matches))
            outcome = "allows" if deciding in entry.allows else outcome
        decided = next(
            (
                (hop, match)
                for hop in hops
                for match in hop.matches
                if (hop.trigger, match.list_id) == (trigger, deciding)
            ),
            None,
        )
        return {
            "policy": entry.name,
            "stage": entry.stage.name.lower(),
            "outcome": outcome,
            "trigger": trigger.name.lower() if decided else None,
            "list": self._policy.lists[deciding].name if decided else None,
            "rule": _rule_text(*decided) if decided else None,
        }

    def _verdict(self, hops: list[Hop], *, blocked: bool) -> str:
        roles = {self._policy.lists[match.list_id].role for match in hops[0].matches}
        source = self.resolver.replies.source
        if self._view.refused:
            return "refused"
        if blocked and (self._response is None or source == Source.POLICY):
            off_switches = {Role.OFF_SWITCH_NXDOMAIN, Role.OFF_SWITCH_NODATA}
            return "off-switch" if roles & off_switches else "blocked"
        if self.forward is not None:
            return "never_block" if Role.NEVER_BLOCK in roles else "pass"
        return "local" if source == Source.LOCAL else "refused"

    def _answer(self) -> list[str]:
        lines = []
        if self.forward is not None:
            generation = self._generation
            numbers = generation.upstream_sets[self.forward.zone]
            urls = ", ".join(generation.upstreams[number].url for number in numbers)
            lines.append(f"forwarded to {urls}")
        if not self._answered:
            return lines
        if self._response is None:
            return [*lines, "nothing is sent (answer: drop)"]
        return [*lines, *describe(self._response)]


def explain(generation: Generation, name: str, client: str, rdatatype: str) -> dict[str, Any]:
    """Return what decides on a name for a client, as far as that is known without upstreams.

    Raises ValueError with the reason when the name, client or type cannot be read.
    """
    return Inquiry(generation, name, client, rdatatype).explain()


def _hop_text(hop: Hop) -> str:
    if hop.trigger < Trigger.ADDRESS:
        return names.to_text(hop.value)
    return str(ip_address(hop.value))


def _rule_text(hop: Hop, match: Match) -> str:
    if match.kind == Kind.NETWORK:
        return _network_text(hop.value, match.labels)
    text = names.to_text(hop.value[match.start : match.end] + names.ROOT)
    return {
        Kind.EXACT: f"={text}",
        Kind.SUFFIX: text,
        Kind.EMBEDDED: f"*.{text}.*",
        Kind.BELOW: f"*.{text} (not {text} itself)",
    }[Kind(match.kind)]


def _network_text(value: bytes, labels: int) -> str:
    """Return the network that an address is in; 96 is added to the prefix of an IPv4 one."""
    address = ip_address(value)
    if isinstance(address, IPv6Address):
        inner = carried(address)
        if inner is None or labels < 96:
            return str(ip_network((address, labels), strict=False))
        address = inner
    return str(ip_network((address, labels - 96), strict=False))


def _parse_type(text: str) -> int:
    upper = text.upper()
    if upper.startswith("TYPE") and upper[4:].isdecimal() and int(upper[4:]) < 65_536:
        return int(upper[4:])
    number = dnslib.QTYPE.reverse.get(upper)
    if number is None:
        raise ValueError("the type is unknown: give one like A, AAAA, HTTPS or TYPE65")
    return int(number)
