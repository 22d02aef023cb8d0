"""The part of adblock syntax that says something to a resolver (AdGuard's DNS filtering syntax).

A rule that a resolver cannot apply as it is meant is passed over, so that it never blocks
more. The exceptions of `denyallow` free from their own rule: where another rule of the list
blocks the name too, there is none.
"""

import re

from dnsguard.core.image import Kind
from dnsguard.core.view import Effect
from dnsguard.lists.formats import hosts
from dnsguard.lists.formats.denyallow import DenyAllow
from dnsguard.lists.formats.detection import is_address, without_comment
from dnsguard.lists.formats.entry import MAX_PLAIN, compose, parse_name
from dnsguard.lists.formats.findings import Findings
from dnsguard.lists.formats.lines import PLAIN_NAME, decode, find_lines, plain_lines
from dnsguard.lists.rules import ALLOW, BLOCK, Action, Rule, RuleType

_LINES = plain_lines(rb"(@@)?+\|\|(" + PLAIN_NAME + rb")\^(\$important)?+")
_COSMETIC = re.compile(r"#@?[$?%]*#|\$@?\$").search
_PATTERN = re.compile(r"(\|\|?)?(\*\.)?([^|^*/:$]+)(\^|\|)?").fullmatch
_HEADER = re.compile(r"\[[^\]$]*\]").fullmatch

_ACTIONS = {
    ("", False): BLOCK,
    ("", True): Action(Effect.BLOCK_IMPORTANT),
    ("@@", False): ALLOW,
    ("@@", True): Action(Effect.ALLOW_IMPORTANT),
}
_MODIFIERS = {
    name: f"the modifier ${name}"
    for name in ("badfilter", "client", "ctag", "dnsrewrite", "dnstype")
}
_is_regex = re.compile(r"/.+/(\$|\Z)").match
_OTHER_MODIFIER = "a modifier that is not for resolvers"
_COSMETIC_RULE = "a cosmetic rule"
_REGEX = "a regular expression"
_URL = "a rule for a path or a port"
_OPEN = "a pattern that begins or ends within a name"
_FOR_ADDRESS = "a rule for an address"


class _PassedOverError(Exception):
    """The rule is right, and says nothing that a resolver can do; the message is the reason."""


def read(text: bytes, match: Kind | None, findings: Findings) -> None:
    """Read an adblock list: `||x^` is a suffix rule, unless the config says otherwise."""
    _Reader(match, findings).read(text)


class _Reader:
    def __init__(self, match: Kind | None, findings: Findings) -> None:
        self._findings = findings
        self._suffix = match or Kind.SUFFIX
        self._exact = match or Kind.EXACT
        self._disabled: list[tuple[RuleType, bytes]] = []
        self._deny_allow = DenyAllow()

    def read(self, text: bytes) -> None:
        by_marks = {
            (exception.encode(), b"$important" if important else b""): self._findings.names[
                RuleType(self._suffix, action)
            ]
            for (exception, important), action in _ACTIONS.items()
        }
        for number, (exception, plain, modifier, line) in enumerate(find_lines(_LINES, text), 1):
            if plain and len(plain) <= MAX_PLAIN:
                by_marks[exception, modifier][compose(plain)] = None
            else:
                entry = line.strip() or (exception + b"||" + plain + b"^" if plain else b"")
                if entry and entry[0] not in b"#!":
                    self._read_line(number, entry)
        for rule_type, name in self._disabled:
            self._findings.names[rule_type].pop(name, None)
        self._deny_allow.write(self._findings)

    def _read_line(self, number: int, raw: bytes) -> None:
        try:
            entry = decode(raw)
            if _HEADER(entry):
                return
            if _COSMETIC(entry):
                raise _PassedOverError(_COSMETIC_RULE)
            entry = without_comment(entry)
            if len(fields := entry.split()) > 1 and is_address(fields[0]):
                hosts.read_line(number, raw, self._exact, self._findings)
            else:
                self._read_rule(entry)
        except _PassedOverError as reason:
            self._findings.pass_over(str(reason))
        except ValueError as error:
            self._findings.add_bad(number, str(error), raw)

    def _read_rule(self, entry: str) -> None:
        exception = "@@" if entry.startswith("@@") else ""
        pattern = entry.removeprefix("@@")
        if pattern.startswith("/"):
            raise _PassedOverError(_REGEX if _is_regex(pattern) else _URL)
        pattern, _, modifiers = pattern.partition("$")
        important, disabling, exempt = _parse_modifiers(modifiers)
        rule = self._parse_pattern(pattern)
        rule_type = RuleType(rule.kind, _ACTIONS[exception, important])
        if disabling and not exempt:
            self._disabled.append((rule_type, rule.name))
        elif exempt and (exception or disabling or rule.kind != Kind.SUFFIX):
            raise _PassedOverError("the modifier $denyallow where it frees nothing")
        elif exempt:
            # Not $important: its exceptions would have to be, and would free from other rules.
            self._deny_allow.add(rule.name, exempt)
        else:
            self._findings.names[rule_type][rule.name] = None

    def _parse_pattern(self, pattern: str) -> Rule:
        parts = _PATTERN(pattern)
        if parts is None:
            raise _PassedOverError(_URL if "/" in pattern or ":" in pattern else _OPEN)
        start, wildcard, text, end = parts.groups()
        if is_address(text):
            raise _PassedOverError(_FOR_ADDRESS)
        if text.startswith(".") or (end is None and (text.endswith(".") or "." not in text)):
            raise _PassedOverError(_OPEN)
        if start == "|" and end is None:
            raise _PassedOverError(_OPEN)
        kind = self._suffix
        if wildcard:
            kind = Kind.SUFFIX
        elif start == "|":
            kind = Kind.EXACT
        elif start is None and end is None:
            kind = self._exact
        return Rule(parse_name(text), kind)


def _parse_modifiers(text: str) -> tuple[bool, bool, frozenset[bytes]]:
    important = disabling = False
    exempt: frozenset[bytes] = frozenset()
    for modifier in text.split(",") if text else ():
        name, _, value = modifier.strip().partition("=")
        if name == "important":
            important = True
        elif name == "badfilter":
            disabling = True
        elif name == "denyallow":
            exempt = frozenset(parse_name(domain) for domain in value.split("|"))
        else:
            raise _PassedOverError(_MODIFIERS.get(name, _OTHER_MODIFIER))
    return important, disabling, exempt
