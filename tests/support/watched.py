"""What clients see of an answer that an upstream tells, and what the reference model expects."""

from collections import Counter
from typing import NamedTuple

import dns.edns
import dns.message
import dns.rcode

from dnsguard.core import counters
from dnsguard.core.protocol import Transport
from tests.support.chains import Told
from tests.support.gateway import Gateway, question, said
from tests.support.generations import Setup
from tests.support.reference import NOBODY, Hit, Hop, judge

CLIENTS = {"staff": "10.20.0.7", "visitors": "10.30.0.7", "unregistered": "192.168.1.5"}
PASSED = "passed"
SAID = {
    "sinkhole": {"A": "0.0.0.0", "AAAA": "::"},
    "nxdomain": {"": "NXDOMAIN"},
    "refused": {"": "REFUSED"},
    "nodata": {},
}
"""What the answers of a policy say by type; NODATA where nothing is said here."""


class Seen(NamedTuple):
    """The gist of what a client is told, the policy named in it, and the hits counted for it."""

    gist: str
    policy: str
    hits: dict[Hit, int]


def expected(setup: Setup, group: str, told: Told) -> Seen:
    """Return what a client of a group must see of an answer."""
    hops = told.hops
    hit, shadow = judge(setup, group, hops or [Hop("name", told.qname)])
    hits = {one: 1 for one in (hit, shadow) if one != NOBODY}
    if hit == NOBODY:
        return Seen("SERVFAIL" if hops is None else PASSED, "", hits)
    if hit.policy == "rebinding":
        return Seen("NODATA", "", hits)
    off_switch = hit.list.partition("off-switches-")[2]
    by_type = SAID[off_switch or setup.policies[hit.policy].answer]
    return Seen(by_type.get(told.rdatatype, by_type.get("", "NODATA")), hit.policy, hits)


class Watched:
    """A gateway whose upstream tells one answer, and what its clients see of it."""

    def __init__(self, setup: Setup, told: Told) -> None:
        self.told = told
        self.gateway = Gateway(setup.generation(), told.serve)

    def ask(self, group: str) -> Seen:
        """Return what a client sees that asks."""
        before = self.counted(group)
        response = self.gateway.ask(CLIENTS[group], question(self.told.question), Transport.TCP)
        return self.see(group, response, before)

    def see(self, group: str, response: dns.message.Message | None, before: Counter[Hit]) -> Seen:
        """Return what a client sees in a response, and check that what passes is what was told."""
        assert response is not None
        hits = dict(self.counted(group) - before)
        for option in response.options:
            if isinstance(option, dns.edns.EDEOption) and option.code == dns.edns.EDECode.BLOCKED:
                return Seen(said(response), (option.text or "").partition(": ")[2], hits)
        if response.rcode() != dns.rcode.NOERROR:
            return Seen(said(response), "", hits)
        records = {record.parsed() for record in self.told.records}
        assert {rdata for rrset in response.answer for rdata in rrset} <= records
        return Seen(PASSED, "", hits)

    def counted(self, group: str) -> Counter[Hit]:
        """Return the hits that were counted for a group."""
        view = next(v for v in self.gateway.generation.policy.views if v.group == group)
        ranges = [
            (policy.name, self.gateway.lists[number], start)
            for policy in view.policies
            for number, start in policy.counters.items()
        ]
        if view.rebinding >= 0:
            ranges.append(("rebinding", "rebinding", view.rebinding))
        columns = len(counters.QTYPES)
        found: Counter[Hit] = Counter()
        for policy, known, start in ranges:
            for row, trigger in enumerate(counters.TRIGGERS):
                first = start + row * columns
                found[Hit(policy, known, trigger)] += sum(
                    self.gateway.page[first : first + columns]
                )
        return found
