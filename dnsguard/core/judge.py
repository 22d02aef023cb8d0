"""The verdict: what the policies of a view make of a signature.

Within a policy the most specific match of a hop decides, and an exception before a block of
the same length. A name is blocked if any policy blocks it; the first such policy answers.
"""

from collections.abc import Iterable, Mapping, Set

from dnsguard.core.blocked import Template
from dnsguard.core.edns import REBINDING_OPTION
from dnsguard.core.view import (
    REBINDING,
    Effect,
    ListInfo,
    PolicyInView,
    Ranked,
    Role,
    Signature,
    Stage,
    Trigger,
    Verdict,
    View,
)

_BLOCKING = frozenset({Effect.BLOCK, Effect.BLOCK_IMPORTANT})
_IMPORTANT = frozenset({Effect.BLOCK_IMPORTANT, Effect.ALLOW_IMPORTANT})


class Judge:
    """Judges by the lists of a policy; the templates answer off-switches and private addresses."""

    def __init__(
        self,
        lists: tuple[ListInfo, ...],
        off_switches: Mapping[Role, Template | None],
        rebinding: Template | None,
    ) -> None:
        self._lists = lists
        self._off_switches = off_switches
        self._rebinding = rebinding

    def judge(self, view: View, signature: Signature) -> Verdict:
        """Return the verdict of a view on a signature."""
        if len(signature) > 1 and signature[0][0] == Trigger.NAME:
            # A blocked name is never asked upstream: the same verdict if others had it asked.
            own = self._judge(view, signature[:1])
            if own.blocks:
                return own
        return self._judge(view, signature)

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
            hit = self.hit(policy, signature)
            if hit is None or policy.stage == Stage.OFF:
                continue
            trigger, list_id = hit
            verdict = Verdict(
                policy=policy.name,
                list_id=list_id,
                trigger=trigger,
                template=self._lists[list_id].template if policy.from_list else policy.template,
                option=policy.option,
                counter=policy.counters[list_id],
                shadow=shadow,
            )
            if policy.stage == Stage.ENFORCE:
                return verdict
            shadow = shadow or verdict
        if view.rebinding >= 0 and not self._has_role(qname_lists, Role.REBINDING_ALLOWED):
            for trigger, ranked in signature:
                for _, list_id in ranked:
                    if self._lists[list_id].role == Role.PRIVATE_ADDRESS:
                        return Verdict(
                            policy=REBINDING,
                            list_id=list_id,
                            trigger=trigger,
                            template=self._rebinding,
                            option=REBINDING_OPTION,
                            counter=view.rebinding,
                            shadow=shadow,
                        )
        return Verdict(shadow=shadow)

    def _judge_off_switch(self, view: View, qname_lists: list[int]) -> Verdict | None:
        for list_id in qname_lists:
            role = self._lists[list_id].role
            if role not in self._off_switches:
                continue
            for policy in view.policies:
                if policy.stage == Stage.ENFORCE and policy.off_switches:
                    return Verdict(
                        policy=policy.name,
                        list_id=list_id,
                        template=self._off_switches[role],
                        option=policy.option,
                        counter=policy.counters[list_id],
                    )
        return None

    def hit(self, policy: PolicyInView, signature: Signature) -> tuple[Trigger, int] | None:
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
            if best < 0 and list_id in blocking and self._lists[list_id].name not in freed:
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
            and self._lists[list_id].effect in _BLOCKING
            and first[self._lists[list_id].name][2]
        }

    def _first(self, policy: PolicyInView, ranked: Ranked) -> dict[str, tuple[bool, int, bool]]:
        """Return what decides within each of a policy's lists; last in it is whether that blocks.

        Important rules come before the others of a list, then the more specific before the
        less, then exceptions before blocks.
        """
        first: dict[str, tuple[bool, int, bool]] = {}
        for rank, list_id in ranked:
            if list_id in policy.blocks:
                info = self._lists[list_id]
                order = (info.effect not in _IMPORTANT, rank, info.effect in _BLOCKING)
                first[info.name] = min(order, first.get(info.name, order))
        return first

    def _has_role(self, list_ids: Iterable[int], role: Role) -> bool:
        return any(self._lists[list_id].role == role for list_id in list_ids)
