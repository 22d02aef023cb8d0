"""The Public Suffix List that the publicsuffixlist package carries, keyed by wire names.

The package's own look-up costs microseconds a name; a list has a million.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from dnsguard.lists.formats import parse_line

_PRIVATE_SECTION = "// ===BEGIN PRIVATE DOMAINS==="


@dataclass(frozen=True, slots=True)
class Suffixes:
    """One section of the list; `name in suffixes` follows publicsuffix.org's algorithm.

    The parent of a wildcard rule is a public suffix too, as the list's own tests have it.
    """

    names: frozenset[bytes]
    wildcards: frozenset[bytes]
    exceptions: frozenset[bytes]

    def __contains__(self, name: bytes) -> bool:
        if name in self.names:
            return True
        parent = name[1 + name[0] :]
        return parent in self.wildcards and name not in self.exceptions


@cache
def icann() -> Suffixes:
    """Return the section of suffixes that registries delegate, such as `co.uk`."""
    return _section(_sections()[0])


@cache
def private() -> Suffixes:
    """Return the section of suffixes that companies asked for, such as `blogspot.com`."""
    return _section(_sections()[1])


def text() -> str:
    """Return the list as it is."""
    return (files("publicsuffixlist") / "public_suffix_list.dat").read_text("utf-8")


def _sections() -> tuple[str, str]:
    before, _, after = text().partition(_PRIVATE_SECTION)
    return before, after


def _section(section: str) -> Suffixes:
    lines = section.splitlines()
    rules = [line.split()[0] for line in lines if line and not line.startswith("//")]
    wildcards = _wire_names(rule[2:] for rule in rules if rule.startswith("*."))
    exceptions = _wire_names(rule[1:] for rule in rules if rule.startswith("!"))
    plain = _wire_names(rule for rule in rules if rule[0] not in "*!")
    return Suffixes(plain | wildcards, wildcards, exceptions)


def _wire_names(texts: Iterable[str]) -> frozenset[bytes]:
    return frozenset(parse_line(text).name for text in texts)
