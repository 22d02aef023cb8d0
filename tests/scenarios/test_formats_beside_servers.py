"""One list in the formats of other servers: dnsguard's verdicts beside those servers' own.

dnsmasq reads hosts files and its own options, Unbound its local zones. For domains and adblock
lists, which no server at hand reads, a plain model stands beside.
"""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from dnsguard.core import names
from tests.support.beside import (
    PASSED,
    forward_to,
    running_dnsguard,
    running_upstream,
)
from tests.support.dnsmasq import running_dnsmasq
from tests.support.unbound import running_unbound
from tests.support.verdicts import SILENCE, Question, Verdict, ask_verdicts

LABELS = ("a", "b", "c", "deep-1", "_dmarc")
BASES = ("example.org", "example.net", "shop.example.com")
MAX_DEPTH = 4
SIZE = 120
NXDOMAIN = Verdict("NXDOMAIN")

seeds = pytest.mark.parametrize("seed", range(3))


def draw(chosen: random.Random, size: int = SIZE) -> list[str]:
    """Return names above, below and beside each other."""
    drawn: dict[str, None] = {}
    while len(drawn) < size:
        labels = chosen.choices(LABELS, k=chosen.randint(1, MAX_DEPTH))
        drawn[".".join([*labels, chosen.choice(BASES)])] = None
    return list(drawn)


def questions_around(listed: Iterable[str]) -> list[Question]:
    """Return questions for names, and for some below, above and beside each."""
    around = set()
    for name in listed:
        parent = name.partition(".")[2]
        around |= {name, f"a.{name}", f"z.z.{name}", f"x{name}", f"z.{parent}", parent}
    return [
        Question(names.from_text(name), rdatatype)
        for name in sorted(around)
        for rdatatype in ("A", "AAAA")
    ]


def spell(chosen: random.Random, name: str) -> str:
    return chosen.choice((name, name, name.upper(), name.title()))


def ask_dnsguard(
    folder: Path, text: str, list_format: str, questions: Sequence[Question]
) -> list[Verdict]:
    """Return what dnsguard says with a list of a text."""
    source = folder / "list"
    source.write_text(text, "utf-8")
    with (
        running_upstream(folder / "upstream") as upstream,
        running_dnsguard(folder / "ours", source, list_format, upstream) as place,
    ):
        return ask_verdicts(place, questions)


def ask_dnsmasq(folder: Path, settings: str, questions: Sequence[Question]) -> list[Verdict]:
    with (
        running_upstream(folder / "theirs") as upstream,
        running_dnsmasq(folder, settings, upstream) as port,
    ):
        return ask_verdicts(("127.0.0.1", port), questions)


def ask_unbound(folder: Path, settings: str, questions: Sequence[Question]) -> list[Verdict]:
    with (
        running_upstream(folder / "theirs") as upstream,
        running_unbound(folder, clauses=f"server:\n{settings}{forward_to(upstream)}") as port,
    ):
        return ask_verdicts(("127.0.0.1", port), questions)


def check_same(
    questions: Sequence[Question], ours: Sequence[Verdict], theirs: Sequence[Verdict]
) -> None:
    for question, our, their in zip(questions, ours, theirs, strict=True):
        assert our == their, str(question)


@seeds
def test_hosts_beside_dnsmasq(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    listed = draw(chosen)
    lines = []
    for first, second in zip(listed[::2], listed[1::2], strict=True):
        both = f"{spell(chosen, first)} {spell(chosen, second)}"
        lines += [f"0.0.0.0 {both}", f"::\t{both} # why"]
    chosen.shuffle(lines)
    text = "\n".join(lines)
    questions = questions_around(listed)
    ours = ask_dnsguard(tmp_path, text, "hosts", questions)
    theirs = ask_dnsmasq(tmp_path, f"addn-hosts={tmp_path / 'list'}\n", questions)
    check_same(questions, ours, theirs)


DNSMASQ = (
    "address=/{}/#",
    "address=/.{}/#",
    "address=/{}/",
    "local=/{}/",
    "server=/{}/",
    "server=/{}/#",
    "address=/{}/0.0.0.0\naddress=/{}/::",
    "address=/{}/198.51.100.1\naddress=/{}/2001:db8::5",
    "address=/{}/198.51.100.1\naddress=/{}/198.51.100.2\naddress=/{}/2001:db8::5",
)


@seeds
def test_dnsmasq_beside_dnsmasq(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    listed = draw(chosen)
    text = "# a comment\n"
    for name in listed:
        text += chosen.choice(DNSMASQ).replace("{}", spell(chosen, name)) + "\n"
    questions = questions_around(listed)
    ours = ask_dnsguard(tmp_path, text, "dnsmasq", questions)
    check_same(questions, ours, ask_dnsmasq(tmp_path, text, questions))


# An entry of a list is about a name, not about one type of it, and its own address is used only
# where it leads somewhere. `*.x` is x too, as in all formats but RPZ.
DNSMASQ_DIFFERS = {
    "address=/four.example.org/0.0.0.0": ("four", "AAAA", "AAAA ::", "AAAA 2001:db8::1"),
    "address=/six.example.org/::": ("six", "A", "A 0.0.0.0", "A 192.0.2.1"),
    "address=/real.example.org/198.51.100.1": ("real", "AAAA", "", "AAAA 2001:db8::1"),
    "address=/loop.example.org/127.0.0.1": ("loop", "A", "A 0.0.0.0", "A 127.0.0.1"),
    "address=/*.star.example.org/#": ("star", "A", "A 0.0.0.0", "A 192.0.2.1"),
}


def test_where_dnsmasq_goes_its_own_way(tmp_path: Path) -> None:
    text = "".join(f"{line}\n" for line in DNSMASQ_DIFFERS)
    cases = list(DNSMASQ_DIFFERS.values())
    questions = [
        Question(names.from_text(f"{label}.example.org"), rdatatype)
        for label, rdatatype, _, _ in cases
    ]
    ours = ask_dnsguard(tmp_path, text, "dnsmasq", questions)
    theirs = ask_dnsmasq(tmp_path, text, questions)
    assert ours == [Verdict("NOERROR", frozenset({said} - {""})) for _, _, said, _ in cases]
    assert theirs == [Verdict("NOERROR", frozenset({said})) for _, _, _, said in cases]


ZONE_TYPES = (
    *("static", "always_nxdomain", "always_nodata", "refuse", "always_refuse", "deny"),
    *("always_deny", "inform_deny", "always_null", "redirect", "inform_redirect", "inform"),
    *("transparent", "typetransparent", "always_transparent"),
)
LOCAL_DATA = (
    ("A 0.0.0.0",),
    ("AAAA ::1",),
    ("A 198.51.100.1",),
    ("A 198.51.100.1", "AAAA 2001:db8::5"),
    ("TXT hello",),
)


def zone_above(zones: dict[str, str], name: str) -> str:
    labels = name.split(".")
    above = (".".join(labels[first:]) for first in range(len(labels)))
    return next((zone for zone in above if zone in zones), "")


@seeds
def test_unbound_beside_unbound(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    listed = draw(chosen)
    zones = {name: chosen.choice(ZONE_TYPES) for name in listed[: SIZE // 2]}
    data = {}
    for name in chosen.sample(listed, SIZE // 2):
        above = zone_above(zones, name)
        # Unbound has no data below a redirected zone, and gives none in most of always_*.
        if not zones.get(above, "").startswith("always_") and (
            above == name or "redirect" not in zones.get(above, "")
        ):
            data[name] = chosen.choice(LOCAL_DATA)
    lines = [f'local-zone: "{spell(chosen, zone)}" {zones[zone]}' for zone in zones]
    lines += [f'local-data: "{name}. {record}"' for name in data for record in data[name]]
    chosen.shuffle(lines)
    text = "".join(f"    {line}\n" for line in lines)
    questions = questions_around(listed)
    ours = ask_dnsguard(tmp_path, text, "unbound", questions)
    theirs = ask_unbound(tmp_path, text, questions)
    for question, our, their in zip(questions, ours, theirs, strict=True):
        name, passed = names.to_text(question.name), PASSED[question.rdatatype]
        zone_type = zones.get(zone_above(zones, name))
        # Such a zone passes the types that its data has not: a rule is about all of a name.
        if zone_type == "typetransparent" and name in data and their == passed:
            assert our != passed, str(question)
        else:
            assert (our == passed) == (their == passed), str(question)
        # How else a name is blocked is the policy's, and types that data has not are NODATA.
        if their == SILENCE and name not in data:
            assert our == SILENCE, str(question)
        elif their == NXDOMAIN or "A 198.51.100.1" in their.records:
            assert our == their, str(question)


@seeds
def test_domains_beside_a_model(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    listed = draw(chosen)
    marks = {name: chosen.choice(("", "", "*.", "=")) for name in listed}
    text = "".join(f"{marks[name]}{spell(chosen, name)}\n" for name in listed)
    questions = questions_around(listed)
    for question, verdict in zip(
        questions, ask_dnsguard(tmp_path, text, "domains", questions), strict=True
    ):
        name = names.to_text(question.name)
        blocked = any(
            name == entry or (mark != "=" and is_below(name, entry))
            for entry, mark in marks.items()
        )
        assert (verdict != PASSED[question.rdatatype]) == blocked, str(question)


class AdblockRule:
    """A rule of an adblock list, written by AdGuard's syntax and judged by the design."""

    def __init__(self, chosen: random.Random, name: str, others: Sequence[str]) -> None:
        self.name = name
        self.exception = chosen.random() < 0.3
        self.important = chosen.random() < 0.2
        self.exempt: list[str] = []
        if not self.exception and not self.important and chosen.random() < 0.3:
            below = [f"a.{name}", *(other for other in others if is_below(other, name))]
            self.exempt = chosen.sample(below, min(2, len(below)))
        mark = "@@" if self.exception else ""
        modifier = "$important" if self.important else ""
        if self.exempt:
            modifier = "$denyallow=" + "|".join(self.exempt)
        self.text = f"{mark}||{spell(chosen, name)}^{modifier}"

    def matches(self, name: str) -> bool:
        return is_at_or_below(name, self.name) and not self.frees(name)

    def frees(self, name: str) -> bool:
        return any(is_at_or_below(name, other) for other in self.exempt)

    @property
    def order(self) -> tuple[bool, int, bool]:
        return self.important, self.name.count("."), self.exception


@seeds
def test_adblock_beside_a_model(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    listed = draw(chosen)
    rules = [AdblockRule(chosen, name, listed) for name in listed]
    text = "! a comment\n" + "".join(f"{rule.text}\n" for rule in rules)
    questions = questions_around(listed)
    for question, verdict in zip(
        questions, ask_dnsguard(tmp_path, text, "adblock", questions), strict=True
    ):
        name = names.to_text(question.name)
        matching = sorted(
            (rule for rule in rules if rule.matches(name)), key=lambda rule: rule.order
        )
        expected = bool(matching) and not matching[-1].exception
        blocked = verdict != PASSED[question.rdatatype]
        # A name that $denyallow frees stays blocked if another rule blocks what is above it,
        # even where an exception would free it from that rule.
        if blocked and not expected:
            assert any(rule.frees(name) for rule in rules), str(question)
            assert any(not rule.exception for rule in matching), str(question)
        else:
            assert blocked == expected, str(question)


def is_below(name: str, other: str) -> bool:
    return name.endswith(f".{other}")


def is_at_or_below(name: str, other: str) -> bool:
    return name == other or is_below(name, other)
