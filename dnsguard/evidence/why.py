"""Why a name is answered as it is, told by the code that serves.

The query is given to a real resolver over the very generation in force; what is added here is
only the telling.
"""

import mmap
from ipaddress import ip_address
from struct import pack
from typing import Any, cast

import dnslib

from dnsguard.core import counters, names
from dnsguard.core.forward import Forward
from dnsguard.core.generation import Generation
from dnsguard.core.image import Kind, Match
from dnsguard.core.policy import Policy, rank
from dnsguard.core.protocol import RD, Ede, EdnsOption, Source, Transport
from dnsguard.core.resolver import Resolver
from dnsguard.core.view import PolicyInView, Role, Stage, View

_OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"


def explain(generation: Generation, name: str, client: str, rdatatype: str) -> dict[str, Any]:
    """Return what decides on a name for a client, and the answer that would be sent.

    Raises ValueError with the reason when the name, client or type cannot be read.
    """
    qname = names.from_text(name)
    try:
        address = ip_address(client).packed
    except ValueError:
        raise ValueError("the client is not an IP address: give one like 10.20.0.7") from None
    qtype = _parse_type(rdatatype)
    policy = generation.policy
    view = policy.view(address)
    matches = policy.matches(qname)
    nowhere = memoryview(mmap.mmap(-1, counters.PAGE_SIZE * 8)).cast("Q")
    resolver = Resolver(policy, generation.settings, cast(counters.Page, nowhere))
    query = pack("!HHHHHH", 0, RD, 1, 0, 0, 1) + qname + pack("!HH", qtype, 1) + _OPT
    outcome = resolver.query(query, address, Transport.UDP, 0.0)
    verdict = policy.verdict(view, policy.signature(qname))
    return {
        "name": names.to_text(qname),
        "client": client,
        "type": rdatatype.upper(),
        "group": "refused" if view.refused else view.group,
        "generation": generation.number,
        "hops": [
            {
                "trigger": "name",
                "name": names.to_text(qname),
                "matches": [_describe(policy, qname, match) for match in matches],
            }
        ],
        "policies": [_judge(policy, entry, qname, matches) for entry in view.policies],
        "verdict": _verdict(policy, view, resolver, outcome, matches),
        "policy": verdict.policy or None,
        "answer": _answer(generation, outcome),
    }


def _describe(policy: Policy, qname: bytes, match: Match) -> dict[str, Any]:
    return {
        "list": policy.lists[match.list_id].name,
        "rule": _rule_text(qname, match),
        "kind": Kind(match.kind).name.lower(),
        "effect": policy.lists[match.list_id].effect.name.lower().replace("_", " "),
        "labels": match.labels,
    }


def _rule_text(qname: bytes, match: Match) -> str:
    text = names.to_text(qname[match.start : match.end] + names.ROOT)
    return {
        Kind.EXACT: f"={text}",
        Kind.SUFFIX: text,
        Kind.EMBEDDED: f"*.{text}.*",
        Kind.BELOW: f"*.{text} (not {text} itself)",
    }[Kind(match.kind)]


def _judge(
    policy: Policy, entry: PolicyInView, qname: bytes, matches: list[Match]
) -> dict[str, Any]:
    deciding = policy.judge.deciding(entry, rank(matches))
    outcome = "no match"
    if deciding in entry.allows:
        outcome = "allows"
    elif deciding in entry.blocks:
        outcome = {
            Stage.OFF: "off",
            Stage.SHADOW: "would block",
            Stage.ENFORCE: "blocks",
        }[entry.stage]
    rule = next((match for match in matches if match.list_id == deciding), None)
    return {
        "policy": entry.name,
        "stage": entry.stage.name.lower(),
        "outcome": outcome,
        "list": None if rule is None else policy.lists[rule.list_id].name,
        "rule": None if rule is None else _rule_text(qname, rule),
    }


def _verdict(
    policy: Policy,
    view: View,
    resolver: Resolver,
    outcome: bytes | Forward | None,
    matches: list[Match],
) -> str:
    roles = {policy.lists[match.list_id].role for match in matches}
    if view.refused:
        return "refused"
    if outcome is None or (isinstance(outcome, bytes) and resolver.replies.source == Source.POLICY):
        off_switches = {Role.OFF_SWITCH_NXDOMAIN, Role.OFF_SWITCH_NODATA}
        return "off-switch" if roles & off_switches else "blocked"
    if isinstance(outcome, bytes) and resolver.replies.source == Source.LOCAL:
        return "local"
    if isinstance(outcome, bytes):
        return "refused"
    return "never_block" if Role.NEVER_BLOCK in roles else "pass"


def _answer(generation: Generation, outcome: bytes | Forward | None) -> str:
    if outcome is None:
        return "nothing is sent (answer: drop)"
    if isinstance(outcome, Forward):
        numbers = generation.upstream_sets[outcome.zone]
        return "forwarded to " + ", ".join(generation.upstreams[n].url for n in numbers)
    record = dnslib.DNSRecord.parse(outcome)
    lines = [f"status: {dnslib.RCODE.get(record.header.rcode)}"]
    lines += [rr.toZone() for rr in record.rr]
    lines += [f"{rr.toZone()} (authority)" for rr in record.auth]
    for rr in record.ar:
        lines += [_ede(option.data) for option in rr.rdata if option.code == EdnsOption.EDE]
    return "\n".join(lines)


def _ede(data: bytes) -> str:
    code = int.from_bytes(data[:2], "big")
    name = Ede(code).name.replace("_", " ").capitalize() if code in set(Ede) else ""
    return f"EDE: {code} ({name}): {data[2:].decode('utf-8', 'replace')}"


def _parse_type(text: str) -> int:
    upper = text.upper()
    if upper.startswith("TYPE") and upper[4:].isdecimal() and int(upper[4:]) < 65_536:
        return int(upper[4:])
    number = dnslib.QTYPE.reverse.get(upper)
    if number is None:
        raise ValueError("the type is unknown: give one like A, AAAA, HTTPS or TYPE65")
    return int(number)
