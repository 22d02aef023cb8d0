"""Policy: who a client is, what the lists say of a name or an answer, and the verdict of the two.

The lists that match a name, in order of how specific they are, are its *signature*, interned
to a small integer. A *view* is what one group sees: an array of verdicts by signature. A
`Policy` is never changed once built, but for what it remembers; a reload builds a new one.
"""

from collections.abc import Iterable
from itertools import count

from dnsguard.core.clients import AddressTable, unmap
from dnsguard.core.image import Image, Kind, Match, specificity
from dnsguard.core.judge import Judge
from dnsguard.core.networks import Networks
from dnsguard.core.view import ListInfo, Ranked, Role, Signature, Trigger, Verdict, View

MAX_CLIENTS = 65_536  # spoofed source addresses cannot grow the memory of who is who
MAX_SIGNATURES = 65_536  # crafted names cannot grow the table of signatures
PASS = 0  # the signature of a name that no list matches

UNREGISTERED = 0  # the number of the view of clients outside every group
STRANGERS = 1  # the number of the view of those who may not ask

_ADDRESS = int(Trigger.ADDRESS)  # from here on triggers are addresses, before they are names
_epochs = count(1)
_NOTHING: list[Match] = []


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
        judge: Judge,
    ) -> None:
        self.generation = generation
        self.lists = lists
        self.judge = judge
        self._images = images
        self._networks = networks
        self.views = views
        self._subnets = subnets
        self._allowed = allowed
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
        for match in matches:
            if self.lists[match.list_id].role == Role.NO_EMBEDDED:
                return [match for match in matches if self._is_not_embedded(match)]
        return matches

    def address_matches(self, address: bytes) -> list[Match]:
        """Return the rules that hold for a packed address, 4 or 16 octets; not to be changed."""
        matches = _NOTHING
        for networks in self._networks:
            found = networks.find(address)
            if found:
                matches = sorted(matches + found, key=specificity) if matches else found
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
        verdict = self.judge.judge(view, self._signatures[signature])
        verdicts[signature] = verdict
        return verdict


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
