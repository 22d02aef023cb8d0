"""Response policy zones in dnsguard and in a real Unbound: the same verdicts, or why not.

They differ in one thing. In an RPZ `*.x` means what is below x, and of the rules that match a
name the most specific decides: so dnsguard reads it. To BIND and Unbound the closest encloser
ends a wildcard, as in other zones (RFC 4592 section 2.2.1): where the zone also names y.x or
a.y.x, what is below y.x passes; in Unbound only if the name before it in the zone is below y.x.
"""

import json
import random
from collections import Counter
from collections.abc import Sequence, Set
from contextlib import ExitStack
from pathlib import Path

import pytest

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.core.local import special_zone
from dnsguard.lists.formats import parse
from dnsguard.lists.rules import Names
from dnsguard.lists.versions import examine
from tests.support.beside import PASSED, running_dnsguard, running_unbound_rpz, running_upstream
from tests.support.data import needs_shared, read_shared
from tests.support.policy_zones import (
    ACTIONS,
    DATA,
    find_rule,
    generate_zone,
    is_below_nearer,
    names_around,
    write_zone,
)
from tests.support.verdicts import Question, Verdict, ask_verdicts

SEED = 20_260_301
DRAWN = 4_000  # of each zone's names, and as many others
NEARER = 1_000
OTHER_TYPES = 500  # of both together, for each type
TOPLISTS = ("queries/cisco-umbrella-top20k.json.xz", "queries/opendns-random-10k.txt")
ZONES = [f"lists/rpz/mullvad-{zone}.rpz.zone.xz" for zone in ("adblock", "privacy", "social")]
TYPES = ("A", "AAAA", "TXT", "MX", "HTTPS")
NXDOMAIN = Verdict("NXDOMAIN")


def ask_both(
    folder: Path, text: bytes, questions: Sequence[Question]
) -> list[tuple[Question, Verdict, Verdict]]:
    """Return what dnsguard and Unbound say to each question, with the same zone file."""
    zone = folder / "rpz.zone"
    zone.write_bytes(text)
    with ExitStack() as running:
        upstream = running.enter_context(running_upstream(folder / "upstream"))
        ours = running.enter_context(running_dnsguard(folder / "ours", zone, "rpz", upstream))
        theirs = running.enter_context(running_unbound_rpz(folder / "theirs", zone, upstream))
        return list(
            zip(
                questions,
                ask_verdicts(ours, questions),
                ask_verdicts(theirs, questions),
                strict=True,
            )
        )


class Owners:
    """The owners of a zone whose every action is NXDOMAIN."""

    def __init__(self, found: Names) -> None:
        self.exact: set[bytes] = set()
        self.below: set[bytes] = set()
        for rule_type, listed in found.items():
            assert rule_type.action.answer == "nxdomain"
            (self.below if rule_type.kind == Kind.BELOW else self.exact).update(listed)
        self.nodes = {node for owner in self.exact | self.below for node in names.suffixes(owner)}

    def blocks(self, name: bytes) -> bool:
        """Tell whether the zone's text blocks a name."""
        return name in self.exact or not self.below.isdisjoint(names.suffixes(name)[1:])

    def is_below_nearer(self, name: bytes) -> bool:
        """Tell whether something else in the zone is nearer to a name than its wildcard."""
        above = names.suffixes(name)
        wildcard = next((suffix for suffix in above[1:] if suffix in self.below), None)
        return wildcard is not None and any(
            suffix in self.nodes for suffix in above if len(suffix) > len(wildcard)
        )


def draw(owners: Owners) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Draw names that the zone lists, one below each wildcard, and names that it does not.

    The last are those that a wildcard reaches past a nearer name: Unbound stops there.
    """
    chosen = random.Random(SEED)
    listed = sorted(owners.exact) + [b"\x02w7" + name for name in sorted(owners.below)]
    drawn = chosen.sample([name for name in listed if not is_special(name)], DRAWN)
    others = {names.from_text(name) for name in popular_names()}
    for name in chosen.sample(sorted(owners.exact), DRAWN):
        others |= {b"\x03sub" + name, name[1 + name[0] :], name[:-1] + b"\x07example\x00"}
        if name[0] < 63:
            others.add(bytes([name[0] + 1]) + b"x" + name[1:])
    others = {name for name in others if len(name) <= names.MAX_NAME and not is_special(name)}
    unlisted = sorted(others - {names.ROOT} - set(listed))
    nearer = [name for name in unlisted if owners.is_below_nearer(name)]
    plain = [name for name in unlisted if not owners.is_below_nearer(name)]
    return drawn, chosen.sample(plain, DRAWN), nearer[:NEARER]


def is_special(name: bytes) -> bool:
    """Tell whether a name is of special use: each server answers those in its own way."""
    return special_zone(name) is not None


def popular_names() -> Set[str]:
    popular, visited = (read_shared(path) for path in TOPLISTS)
    return {*json.loads(popular)["list"], *visited.decode().split()}


def compose_questions(asked: Sequence[bytes]) -> list[Question]:
    chosen = random.Random(SEED)
    questions = [Question(name) for name in asked]
    for rdatatype in ("AAAA", "HTTPS", "MX"):
        questions += [Question(name, rdatatype) for name in chosen.sample(asked, OTHER_TYPES)]
    return questions


@needs_shared(*ZONES, *TOPLISTS)
@pytest.mark.parametrize("path", ZONES)
def test_real_zones(tmp_path: Path, path: str) -> None:
    text = read_shared(path)
    written = Owners(parse(text, format="rpz").names)
    taken = Owners(examine(text, format="rpz").names)
    drawn, others, nearer = draw(written)
    kept_out = sorted(written.exact - taken.exact)
    print(f"seed {SEED}")
    counts = Counter[str]()
    questions = compose_questions([*drawn, *others, *nearer, *kept_out])
    for question, ours, theirs in ask_both(tmp_path, text, questions):
        name, passed = question.name, PASSED[question.rdatatype]
        assert ours == (NXDOMAIN if taken.blocks(name) else passed), question
        counts[ours.rcode] += 1
        if written.is_below_nearer(name):
            assert theirs in (NXDOMAIN, passed), question
            counts["below a nearer name"] += ours != theirs
        elif written.blocks(name) and not taken.blocks(name):
            assert theirs == NXDOMAIN, question
            counts["kept out by the guards"] += 1
        else:
            assert ours == theirs, question
    print(dict(counts))
    assert counts["NXDOMAIN"] >= DRAWN - len(kept_out)
    assert counts["NOERROR"] >= DRAWN // 2
    assert counts["kept out by the guards"] >= len(kept_out)


@pytest.mark.parametrize("seed", range(4))
def test_generated_zones(tmp_path: Path, seed: int) -> None:
    zone = generate_zone(random.Random(seed), 150)
    text = write_zone(random.Random(seed), zone)
    questions = [
        Question(names.from_text(name), rdatatype)
        for name in names_around(zone)
        for rdatatype in TYPES
    ]
    triggered = set()
    for question, ours, theirs in ask_both(tmp_path, text.encode(), questions):
        name, passed = names.to_text(question.name), PASSED[question.rdatatype]
        rule = find_rule(zone, name)
        assert ours == (rule.verdict(question) if rule else passed), (question, rule)
        if theirs != ours:
            assert rule is not None, question
            assert is_below_nearer(zone, rule, name), (question, rule, ours, theirs)
            assert theirs == passed, question
        elif rule:
            triggered.add(rule.records)
    assert triggered == {*ACTIONS, *DATA}


# An RPZ's `CNAME *.garden.` puts the queried name in the place of the asterisk, and a CNAME to
# the owner itself is how its first version wrote rpz-passthru.
OWN_WAYS = """\
$ORIGIN rpz.test.
@ 300 SOA localhost. root.localhost. 1 2 3 4 300
 300 NS localhost.
garden.example.org 300 CNAME *.example.net.
itself.example.org 300 CNAME itself.example.org.
data.example.org 300 A 198.51.100.1
data.example.org 300 AAAA 2001:db8::2
"""


OWN_WAYS_SAID = {
    ("garden", "CNAME"): ({"CNAME garden.example.org.example.net."}, {"CNAME *.example.net."}),
    ("itself", "A"): ({"A 192.0.2.1"}, {"A 192.0.2.1", "CNAME itself.example.org."}),
    ("data", "ANY"): ({"A 198.51.100.1", "AAAA 2001:db8::2"}, set[str]()),
}


def test_where_unbound_goes_its_own_way(tmp_path: Path) -> None:
    questions = [
        Question(names.from_text(f"{label}.example.org"), rdatatype)
        for label, rdatatype in OWN_WAYS_SAID
    ]
    said = ask_both(tmp_path, OWN_WAYS.encode(), questions)
    assert [(ours, theirs) for _, ours, theirs in said] == [
        (Verdict("NOERROR", frozenset(ours)), Verdict("NOERROR", frozenset(theirs)))
        for ours, theirs in OWN_WAYS_SAID.values()
    ]
