"""The cases of chains.txt: the gateway and the reference model must both see them that way."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dnsguard.core.view import Stage
from tests.support.chains import Record, Told
from tests.support.generations import Ban, Setup
from tests.support.reference import Hit
from tests.support.watched import PASSED, Watched, expected

GROUP = "staff"


@dataclass
class Case:
    """One case as it is written."""

    lists: dict[str, list[str]] = field(default_factory=dict)
    policies: dict[str, Ban] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    question: tuple[str, str] = ("", "")
    records: list[Record] = field(default_factory=list)
    verdict: str = ""

    @property
    def setup(self) -> Setup:
        """The setup that its rules make."""
        policies = self.policies or {"ban": Ban()}
        return Setup(lists=self.lists, policies=policies, off_switches={}, **self.others)

    @property
    def hits(self) -> dict[Hit, int]:
        """Who blocks or would have, as `-> POLICY by LIST, TRIGGER` says."""
        found = re.findall(r"([\w-]+) (?:would )?by ([\w-]+), (\w+)", self.verdict)
        return {Hit(*words): 1 for words in found}


def read_cases() -> list[Case]:
    text = (Path(__file__).parent / "chains.txt").read_text("utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    return [read_case(paragraph) for paragraph in text.split("\n\n") if paragraph.strip()]


def read_case(paragraph: str) -> Case:
    case = Case()
    for line in paragraph.strip().splitlines():
        word, *rest = line.split()
        if line.startswith(" "):
            case.records.append(Record.parse(line))
        elif word == "list":
            case.lists[rest[0]] = rest[1:]
        elif word == "policy":
            case.policies[rest[0]] = read_policy(rest[1:])
        elif word == "ask":
            case.question = (rest[0], rest[1])
        elif word == "->":
            case.verdict = " ".join(rest)
        elif word == "forward_zones":
            case.others[word] = {apex: ["udp://192.0.2.54:53"] for apex in rest}
        else:
            case.others[word] = True if word == "rebinding" else rest
    return case


def read_policy(words: list[str]) -> Ban:
    given = dict(word.split("=", 1) for word in words)
    lists = given["lists"].split(",") if "lists" in given else None
    allow = given["allow"].split(",") if "allow" in given else []
    return Ban(lists=lists, allow=allow, stage=Stage[given.get("stage", "enforce").upper()])


CASES = read_cases()


@pytest.mark.parametrize("case", CASES, ids=[f"{c.question[0]}-{c.verdict}" for c in CASES])
def test_case(case: Case) -> None:
    told = Told(*case.question, case.records)
    watched = Watched(case.setup, told)
    seen = watched.ask(GROUP)
    assert seen == expected(case.setup, GROUP, told)
    assert seen.hits == case.hits
    outcome = case.verdict.partition(";")[0]
    assert (seen.gist == PASSED) == (outcome == "passes")
    assert (seen.gist == "SERVFAIL") == (outcome == "SERVFAIL")
