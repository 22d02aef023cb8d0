"""Views and verdicts: what policies are made of, and what comes of them.

Plain values; who makes a verdict of a view is `judge`.
"""

from dataclasses import dataclass
from enum import IntEnum

from dnsguard.core.answer import MAX_TTL
from dnsguard.core.blocked import Template

REBINDING = "rebinding"  # what the protection is called where others are policies and lists


class Role(IntEnum):
    """What a match of a list means to every policy, before any policy looks at it."""

    RULES = 0
    NEVER_BLOCK = 1
    OFF_SWITCH_NXDOMAIN = 2
    OFF_SWITCH_NODATA = 3
    NO_EMBEDDED = 4
    PRIVATE_ADDRESS = 5
    REBINDING_ALLOWED = 6


class Effect(IntEnum):
    """What a rule of a list does to a name, as far as that list goes."""

    BLOCK = 0
    ALLOW = 1
    BLOCK_IMPORTANT = 2  # adblock's $important: only an important exception frees from it
    ALLOW_IMPORTANT = 3


class Stage(IntEnum):
    """How far a policy goes; the numbers are those of `dnsguard_policy_stage`."""

    OFF = 0
    SHADOW = 1
    ENFORCE = 2


class Trigger(IntEnum):
    """The kind of hop that a rule matched; the order is that of the counters."""

    NAME = 0
    CNAME = 1
    TARGET = 2
    ADDRESS = 3
    HINT = 4


Ranked = tuple[tuple[int, int], ...]
"""(rank, list number) pairs, most specific first; equal ranks are equally specific."""


@dataclass(frozen=True)
class ListInfo:
    """The rules of a list that do the same: a list with exceptions has several numbers.

    `name` is the list's in metrics and `why`; `template` the answer that the list asks for,
    used by policies whose answer is from-list.
    """

    name: str
    role: Role
    effect: Effect = Effect.BLOCK
    template: Template | None = None


@dataclass(frozen=True)
class PolicyInView:
    """One policy of a group: which lists block, which free, and what is answered.

    Without a template nothing is sent.
    """

    name: str
    stage: Stage
    template: Template | None
    option: bytes
    blocks: frozenset[int]
    """The numbers of its lists, exceptions within them included."""
    allows: frozenset[int]
    off_switches: bool
    counters: dict[int, int]
    """List number to the first of its counters; see `counters`."""
    from_list: bool = False
    """Whether the deciding list's own answer goes before `template`."""


class Verdict:
    """What happens to a signature in a view; without a `policy` it passes.

    `counter` is the first of the range to count in. A verdict that blocks without a template
    sends nothing. `shadow` is what a policy in that stage would have said.
    """

    __slots__ = (
        "blocks",
        "counter",
        "list_id",
        "option",
        "policy",
        "shadow",
        "template",
        "trigger",
    )

    def __init__(
        self,
        policy: str = "",
        list_id: int = -1,
        trigger: int = Trigger.NAME,
        template: Template | None = None,
        option: bytes = b"",
        counter: int = -1,
        shadow: "Verdict | None" = None,
    ) -> None:
        self.policy = policy
        self.list_id = list_id
        self.trigger = trigger
        self.template = template
        self.option = option
        self.counter = counter
        self.shadow = shadow
        self.blocks = policy != ""


class View:
    """What one group sees; `ceiling` caps its TTLs, `counter` and `rebinding` start ranges.

    `strips_ech`: its answers go without the keys of Encrypted Client Hello.
    """

    __slots__ = (
        "ceiling",
        "counter",
        "group",
        "policies",
        "rebinding",
        "refused",
        "strips_ech",
        "verdicts",
    )

    def __init__(
        self,
        group: str,
        policies: tuple[PolicyInView, ...] = (),
        ceiling: int = MAX_TTL,
        counter: int = 0,
        *,
        refused: bool = False,
        strips_ech: bool = False,
        rebinding: int = -1,  # nothing is replaced for a private address
    ) -> None:
        self.group = group
        self.policies = policies
        self.ceiling = ceiling
        self.counter = counter
        self.refused = refused
        self.strips_ech = strips_ech
        self.rebinding = rebinding
        self.verdicts: list[Verdict | None] = []


Hop = tuple[Trigger, tuple[tuple[int, int], ...]]
"""A trigger and its (rank, list number) pairs: rank 0 is the most specific, ties share one."""

Signature = tuple[Hop, ...]
