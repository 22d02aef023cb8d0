"""What a list says, whatever format it was written in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from dnsguard.core.image import Kind
from dnsguard.core.networks import Prefix
from dnsguard.core.view import Effect


class Action(NamedTuple):
    """What a rule does to a name it matches.

    `answer` is the one the list asks for, used where a policy's answer is `from-list`; empty
    for the policy's default. With "data" it is made of `records`: (type, TTL in seconds,
    uncompressed rdata), where a name in rdata that begins with the label `*` stands for the
    queried name below the rest (RPZ).
    """

    effect: Effect
    answer: Literal["", "nxdomain", "nodata", "drop", "data"] = ""
    records: tuple[tuple[int, int, bytes], ...] = ()


BLOCK = Action(Effect.BLOCK)
ALLOW = Action(Effect.ALLOW)


class RuleType(NamedTuple):
    """How rules match, and what they do: names are kept by it, for most lists have one."""

    kind: Kind
    action: Action = BLOCK


class Rule(NamedTuple):
    """One entry in dnsguard's own syntax: a lower-case wire name and how it matches."""

    name: bytes
    kind: Kind


Names = Mapping[RuleType, Mapping[bytes, None]]
"""Lower-case wire names by type of rule; a mapping to None is a set that keeps file order."""

Addresses = Mapping[Action, Mapping[Prefix, None]]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A list's text as rules.

    `bad` counts lines that are wrong, `passed_over` entries that are right but say nothing to
    a resolver (cosmetic rules, a hosts file's `localhost`), both by reason. `samples` has the
    line number and reason of the first ten bad lines, escaped: safe in logs and terminals.
    """

    format: str
    names: Names
    addresses: Addresses
    bad: Mapping[str, int]
    passed_over: Mapping[str, int]
    samples: tuple[tuple[int, str], ...]

    @property
    def name_count(self) -> int:
        """How many name rules there are."""
        return sum(map(len, self.names.values()))

    @property
    def address_count(self) -> int:
        """How many address rules there are."""
        return sum(map(len, self.addresses.values()))
