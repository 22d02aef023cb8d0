"""Policy: who a client is, what the lists say of a name, and the verdict of the two.

The lists that match a name, in order of how specific they are, are its *signature*, interned
to a small integer. A *view* is what one group sees: an array of verdicts by signature. A
`Policy` is never changed once built, but for what it remembers; a reload builds a new one.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import IntEnum
from itertools import count

from dnsguard.core.answer import MAX_TTL
from dnsguard.core.blocked import Template
from dnsguard.core.clients import AddressTable, unmap
from dnsguard.core.image import Image, Kind, Match, specificity
from dnsguard.core.networks import Networks

MAX_CLIENTS = 65_536  # spoofed source addresses cannot grow the memory of who is who
MAX_SIGNATURES = 65_536  # crafted names cannot grow the table of signatures
PASS = 0  # the signature of a name that no list matches

UNREGISTERED = 0  # the number of the view of clients outside every group
STRANGERS = 1  # the number of the view of those who may not ask

_epochs = count(1)


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


_BLOCKING = frozenset({Effect.BLOCK, Effect.BLOCK_IMPORTANT})
_IMPORTANT = frozenset({Effect.BLOCK_IMPORTANT, Effect.ALLOW_IMPORTANT})


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


_ADDRESS = int(Trigger.ADDRESS)  # from here on triggers are addresses, before they are names

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


class Policy:
    """One generation of policy, as a worker holds it."""

    def __init__(
        self,
        generation: int,
        images: tuple[Image, ...],
        networks: tuple[Networks, ...],
        lists: tuple[ListInfo, ...],
        views: tuple[View, ...],
        subnets: AddressTable,
        allowed: AddressTable,
        off_switch_templates: dict[Role, Template | None],
    ) -> None:
        self.generation = generation
        self.lists = lists
        self._images = images
        self._networks = networks
        self.views = views
        self._subnets = subnets
        self._allowed = allowed
        self._off_switch_templates = off_switch_templates
        self._clients: dict[bytes, View] = {}
        self._forget_signatures()

    def _forget_signatures(self) -> None:
        self.epoch = next(_epochs)
        self._signatures: list[Signature] = [()]
        self._signature_ids: dict[Signature, int] = {(): PASS}
        for view in self.views:
            view.verdicts.clear()

    def view(self, address: bytes) -> View:
        """Return the view of a client, by its packed address."""
        view = self._clients.get(address)
        if view is None:
            view = self._find_view(unmap(address))
            if len(self._clients) >= MAX_CLIENTS:
                self._clients.clear()
            self._clients[address] = view
        return view

    def _find_view(self, address: bytes) -> View:
        if self._allowed.find(address) is None:
            return self.views[STRANGERS]
        found = self._subnets.find(address)
        return self.views[UNREGISTERED if found is None else found[0]]

    def signature(self, qname: bytes) -> int:
        """Return the signature of a lower-case queried name; it holds for this `epoch`."""
        matches = self.matches(qname)
        if not matches:
            return PASS
        return self.intern(((Trigger.NAME, rank(matches)),))

    def extend(self, signature: int, hops: Iterable[tuple[int, bytes]]) -> int:
        """Return the signature of an answer: that of its qname, and then what it leads to.

        It holds for this `epoch`, and so does the other unless the epoch has changed meanwhile.
        """
        found = [*self._signatures[signature]]
        for trigger, hop in hops:
            matches = self.matches(hop) if trigger < _ADDRESS else self.address_matches(hop)
            if matches:
                ranked = (Trigger(trigger), rank(matches))
                if ranked not in found:
                    found.append(ranked)
        if len(found) == len(self._signatures[signature]):
            return signature
        return self.intern(tuple(found))

    def matches(self, name: bytes) -> list[Match]:
        """Return the rules that hold for a name, DNSBL zones and the like observed."""
        matches: list[Match] = []
        for image in self._images:
            matches += image.find(name)
        if not matches:
            return matches
        matches.sort(key=specificity)
        if self._has_role([match.list_id for match in matches], Role.NO_EMBEDDED):
            return [match for match in matches if self._is_not_embedded(match)]
        return matches

    def address_matches(self, address: bytes) -> list[Match]:
        """Return the rules that hold for a packed address, 4 or 16 octets."""
        matches: list[Match] = []
        for networks in self._networks:
            matches += networks.find(address)
        if len(matches) > 1:
            matches.sort(key=specificity)
        return matches

    def _is_not_embedded(self, match: Match) -> bool:
        role = self.lists[match.list_id].role
        return match.kind != Kind.EMBEDDED and role != Role.NO_EMBEDDED

    def intern(self, signature: Signature) -> int:
        """Return the number of a signature; it holds for this `epoch`."""
        number = self._signature_ids.get(signature)
        if number is None:
            if len(self._signatures) >= MAX_SIGNATURES:
                self._forget_signatures()
            number = len(self._signatures)
            self._signatures.append(signature)
            self._signature_ids[signature] = number
        return number

    def verdict(self, view: View, signature: int) -> Verdict:
        """Return the verdict of a view on a signature; judged once and remembered."""
        verdicts = view.verdicts
        if signature < len(verdicts):
            verdict = verdicts[signature]
            if verdict is not None:
                return verdict
        else:
            verdicts.extend([None] * (signature + 1 - len(verdicts)))
        verdict = self._judge(view, self._signatures[signature])
        verdicts[signature] = verdict
        return verdict

    def _judge(self, view: View, signature: Signature) -> Verdict:
        if not signature:
            return Verdict()
        qname_lists = [
            list_id
            for trigger, ranked in signature
            if trigger == Trigger.NAME
            for _, list_id in ranked
        ]
        off_switch = self._judge_off_switch(view, qname_lists)
        if off_switch is not None:
            return off_switch
        if self._has_role(qname_lists, Role.NEVER_BLOCK):
            return Verdict()
        shadow: Verdict | None = None
        for policy in view.policies:
            hit = self._hit(policy, signature)
            if hit is None or policy.stage == Stage.OFF:
                continue
            trigger, list_id = hit
            verdict = Verdict(
                policy=policy.name,
                list_id=list_id,
                trigger=trigger,
                template=self.lists[list_id].template if policy.from_list else policy.template,
                option=policy.option,
                counter=policy.counters[list_id],
                shadow=shadow,
            )
            if policy.stage == Stage.ENFORCE:
                return verdict
            shadow = shadow or verdict
        return Verdict(shadow=shadow)

    def _judge_off_switch(self, view: View, qname_lists: list[int]) -> Verdict | None:
        for list_id in qname_lists:
            role = self.lists[list_id].role
            if role not in self._off_switch_templates:
                continue
            for policy in view.policies:
                if policy.stage == Stage.ENFORCE and policy.off_switches:
                    return Verdict(
                        policy=policy.name,
                        list_id=list_id,
                        template=self._off_switch_templates[role],
                        option=policy.option,
                        counter=policy.counters[list_id],
                    )
        return None

    def _hit(self, policy: PolicyInView, signature: Signature) -> tuple[Trigger, int] | None:
        """Return the first hop that a policy blocks, and the list that decided."""
        freed: Set[str] = frozenset()
        for trigger, ranked in signature:
            if self._has_role([list_id for _, list_id in ranked], Role.NEVER_BLOCK):
                continue
            deciding = self.deciding(policy, ranked, freed)
            if deciding in policy.blocks:
                return trigger, deciding
            # On the qname an allow ends the policy, and a list's own exception that list, for
            # the whole answer; on a later hop they free that hop only.
            if trigger == Trigger.NAME:
                if deciding in policy.allows:
                    return None
                freed = self.freeing(policy, ranked)
        return None

    def deciding(self, policy: PolicyInView, ranked: Ranked, freed: Set[str] = frozenset()) -> int:
        """Return the list number that decides a hop for a policy, -1 for none.

        The most specific of the policy's own exceptions and of what each of its lists blocks,
        those in `freed` left out; an exception goes before a block in a tie.
        """
        blocking = self._blocking(policy, ranked)
        best = -1
        best_rank = -1
        for rank, list_id in ranked:
            if best >= 0 and rank > best_rank:
                break
            if list_id in policy.allows:
                return list_id
            if best < 0 and list_id in blocking and self.lists[list_id].name not in freed:
                best, best_rank = list_id, rank
        return best

    def freeing(self, policy: PolicyInView, ranked: Ranked) -> Set[str]:
        """Return the names of a policy's lists whose own exception frees a hop from them."""
        return {name for name, (_, _, blocks) in self._first(policy, ranked).items() if not blocks}

    def _blocking(self, policy: PolicyInView, ranked: Ranked) -> set[int]:
        """Return the numbers that block, without those of lists whose own exception frees."""
        first = self._first(policy, ranked)
        return {
            list_id
            for _, list_id in ranked
            if list_id in policy.blocks
            and self.lists[list_id].effect in _BLOCKING
            and first[self.lists[list_id].name][2]
        }

    def _first(self, policy: PolicyInView, ranked: Ranked) -> dict[str, tuple[bool, int, bool]]:
        """Return what decides within each of a policy's lists; last in it is whether that blocks.

        Important rules come before the others of a list, then the more specific before the
        less, then exceptions before blocks.
        """
        first: dict[str, tuple[bool, int, bool]] = {}
        for rank, list_id in ranked:
            if list_id in policy.blocks:
                info = self.lists[list_id]
                order = (info.effect not in _IMPORTANT, rank, info.effect in _BLOCKING)
                first[info.name] = min(order, first.get(info.name, order))
        return first

    def _has_role(self, list_ids: Iterable[int], role: Role) -> bool:
        return any(self.lists[list_id].role == role for list_id in list_ids)


def rank(matches: list[Match]) -> Ranked:
    """Return the (rank, list number) pairs of matches that are ordered by specificity."""
    ranked: list[tuple[int, int]] = []
    current = -1
    labels = -1
    for match in matches:
        if match.labels != labels:
            labels = match.labels
            current += 1
        if (current, match.list_id) not in ranked:
            ranked.append((current, match.list_id))
    return tuple(ranked)
