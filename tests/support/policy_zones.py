"""Response policy zones made at random: rules, a text of them, and what they say of a name."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from dnsguard.core import names
from tests.support.beside import PASSED
from tests.support.verdicts import SILENCE, Question, Verdict

ORIGIN = "rpz.test"
BASES = ("example.org", "example.net", "shop.example.com")
LABELS = ("a", "b", "c", "deep-1", "_dmarc", "x" * 63)
MAX_DEPTH = 5
SUFFIX = "*."
GARDEN = "garden.example.com."

ACTIONS: dict[tuple[str, ...], Verdict | None] = {
    ("CNAME .",): Verdict("NXDOMAIN"),
    ("CNAME *.",): Verdict("NOERROR"),
    ("CNAME rpz-passthru.",): None,
    ("CNAME rpz-drop.",): SILENCE,
}
DATA = (
    ("A 198.51.100.1",),
    ("A 198.51.100.2", "A 198.51.100.3", "AAAA 2001:db8::2"),
    ('TXT "two words" "semi;colon"',),
    ("MX 10 mail.example.com.", "AAAA 2001:db8::3"),
    (f"CNAME {GARDEN}",),
    (f"CNAME *.{GARDEN}",),
)


class Rule(NamedTuple):
    """A trigger, `x` or `*.x` as lower-case text, and its records."""

    trigger: str
    records: tuple[str, ...]

    def verdict(self, question: Question) -> Verdict:
        """Return what is said of a name that triggers this."""
        if self.records in ACTIONS:
            verdict = ACTIONS[self.records]
            return PASSED[question.rdatatype] if verdict is None else verdict
        own = f"CNAME {names.to_text(question.name)}"
        return Verdict(
            "NOERROR",
            frozenset(
                record.replace("CNAME *", own)
                for record in self.records
                if record.split()[0] in (question.rdatatype, "CNAME")
            ),
        )


Zone = dict[str, Rule]
"""Rules by trigger."""


def generate_zone(chosen: Random, size: int) -> Zone:
    """Return a zone with rules above, below and beside each other, of every action."""
    zone: Zone = {}
    actions = [*ACTIONS, *DATA]
    while len(zone) < size:
        labels = chosen.choices(LABELS, (4, 4, 4, 1, 1, 0.1), k=chosen.randrange(1, MAX_DEPTH))
        trigger = chosen.choice(("", SUFFIX)) + ".".join([*labels, chosen.choice(BASES)])
        if len(trigger) <= 200:
            zone[trigger] = Rule(trigger, actions[len(zone) % len(actions)])
    return zone


def find_rule(zone: Zone, name: str) -> Rule | None:
    """Return the rule that a name triggers: its own, or else the longest wildcard above it."""
    labels = name.split(".")
    wildcards = (SUFFIX + ".".join(labels[first:]) for first in range(1, len(labels)))
    return next((zone[trigger] for trigger in (name, *wildcards) if trigger in zone), None)


def is_below_nearer(zone: Zone, rule: Rule, name: str) -> bool:
    """Tell whether another trigger shares more labels with a name than the wildcard of a rule."""
    if not rule.trigger.startswith(SUFFIX):
        return False
    above = rule.trigger.removeprefix(SUFFIX)
    return any(
        f".{name}".endswith(f".{shared}") and len(shared) > len(above)
        for trigger in zone
        for shared in _ancestors(trigger.removeprefix(SUFFIX))
    )


def names_around(zone: Zone) -> list[str]:
    """Return the names of a zone's triggers, and some below, above and beside each."""
    around = set()
    for trigger in zone:
        name = trigger.removeprefix(SUFFIX)
        first, _, parent = name.partition(".")
        around |= {name, f"a.{name}", f"z9.{name}", f"z.c.{name}", parent, f"z{first[1:]}.{parent}"}
        around |= {f"a{name}" if len(first) < 63 else parent, f"{name}.example.test.example.com"}
    return sorted(around)


def write_zone(chosen: Random, zone: Zone) -> str:
    """Return a zone file, each record in one of the ways in which it can be written."""
    origin = ORIGIN
    lines = [f"$ORIGIN {ORIGIN}.", "$TTL 1h", "@ SOA localhost. root.localhost. (", " 1 2 ; first"]
    lines += ["  3 4 300 ) ; last", "\tIN NS localhost."]
    for trigger in chosen.sample(sorted(zone), len(zone)):
        if chosen.random() < 0.1:
            origin = chosen.choice((ORIGIN, *(f"{base}.{ORIGIN}" for base in BASES)))
            lines.append(f"$ORIGIN {origin}.")
        lines += _records(chosen, zone[trigger], origin)
    return "".join(f"{line}\n" for line in lines)


def _records(chosen: Random, rule: Rule, origin: str) -> Iterator[str]:
    owner = _spell(chosen, f"{rule.trigger}.{ORIGIN}", origin)
    for number, record in enumerate(rule.records):
        before = "" if number and chosen.random() < 0.5 else owner
        rdatatype, _, rdata = record.partition(" ")
        # RFC 1035 also allows the class before the TTL, which Unbound does not read.
        settings = chosen.choice(("", "300 ", "IN ", "1h IN ", "5m "))
        end = chosen.choice(("", " ; why", "\t", "  "))
        space = chosen.choice((" ", "\t"))
        yield f"{before}{space}{settings}{_letters(chosen, rdatatype)} {rdata}{end}"


def _spell(chosen: Random, name: str, origin: str) -> str:
    relative = name.removesuffix(f".{origin}")
    text = f"{name}." if relative == name or chosen.random() < 0.2 else relative
    text = _letters(chosen, text)
    place = chosen.randrange(len(text))
    if chosen.random() < 0.2 and text[place].isalnum():
        text = f"{text[:place]}\\{ord(text[place]):03}{text[place + 1 :]}"
    return text


def _letters(chosen: Random, text: str) -> str:
    return chosen.choice((text, text, text.upper(), text.title()))


def _ancestors(name: str) -> Sequence[str]:
    labels = name.split(".")
    return [".".join(labels[first:]) for first in range(len(labels))]
