"""List texts to rules: dnsguard's own syntax and the hosts format (blocklists/README.md).

Nothing here raises on what a list contains: a line that gives no rule is counted with its
reason. Which rules are too broad to let in is decided in `guards`.
"""

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple

import idna

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.lists.detection import (
    MAX_LINE,
    detect_format,
    foreign_format,
    is_address,
    significant_lines,
    without_comment,
)

ADDRESS = "address"
MAX_SAMPLES = 10

_IS_ADDRESS = "an IP address where a name should be"
_TOO_LONG = f"a line longer than {MAX_LINE} characters"
_OWN_NAMES = frozenset(
    b"localhost localhost.localdomain localhost4 localhost4.localdomain4 localhost6"
    b" localhost6.localdomain6 local broadcasthost ip6-localhost ip6-loopback ip6-localnet"
    b" ip6-mcastprefix ip6-allnodes ip6-allrouters ip6-allhosts 0.0.0.0".split()
)
_SINKHOLES = frozenset((b"0.0.0.0", b"127.0.0.1", b"::", b"::1"))

# Lines of lower-case names are nearly all there is: they skip the careful path.
_is_plain = re.compile(rb"(?=.{1,253}\Z)(?:[a-z0-9_-]{1,63}+\.)*+[a-z_][a-z0-9_-]{0,62}").fullmatch
_has_name_characters = re.compile(r"[A-Za-z0-9_.-]*").fullmatch
_LENGTH = [bytes([length]) for length in range(64)]


class Rule(NamedTuple):
    """One entry of a list: a lower-case wire name and how it matches."""

    name: bytes
    kind: Kind


@dataclass(frozen=True, slots=True)
class Parsed:
    """A list's text as rules: distinct, in file order.

    `skipped` counts the entries that gave no rule, by reason; `samples` has the line number
    and reason of the first ten, with an escaped excerpt that is safe in logs and terminals.
    """

    format: str
    rules: tuple[Rule, ...]
    skipped: Mapping[str, int]
    samples: tuple[tuple[int, str], ...]


def parse(
    text: bytes,
    *,
    format: str = "auto",  # noqa: A002 (the config's own word)
    match: str | None = None,
) -> Parsed:
    """Return the rules of a list; never raises on content.

    `format` is auto, domains or hosts; a list in another format gives no rules and has all
    its lines skipped. `match` (exact or suffix) replaces the format's own match for entries
    that carry no mark of their own.
    """
    text = text.removeprefix(codecs.BOM_UTF8)
    found = detect_format(text) if format == "auto" else format
    problems = _Problems()
    rules: dict[Rule, None] = {}
    if found == "domains":
        rules = dict.fromkeys(_read_domains(text, _kind(match, Kind.SUFFIX), problems))
    elif found == "hosts":
        rules = dict.fromkeys(_read_hosts(text, _kind(match, Kind.EXACT), problems))
    else:
        for number, line in significant_lines(text):
            problems.add(number, _not_in_this_version(found), line)
    return Parsed(found, tuple(rules), dict(problems.counts), tuple(problems.samples))


def parse_line(line: str) -> Rule:
    """Return the rule of one entry in dnsguard's own syntax; ValueError gives a plain reason."""
    return _parse_entry(line.strip(" \t\r\n"), Kind.SUFFIX)


class _Problems:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.samples: list[tuple[int, str]] = []

    def add(self, number: int, reason: str, raw: bytes) -> None:
        if reason == _IS_ADDRESS:
            reason = ADDRESS
        self.counts[reason] += 1
        if len(self.samples) < MAX_SAMPLES:
            excerpt = ascii(raw[:60].decode("utf-8", "replace"))
            self.samples.append((number, f"{reason}: {excerpt}"))


def _kind(match: str | None, default: Kind) -> Kind:
    return default if match is None else Kind[match.upper()]


def _read_domains(text: bytes, kind: Kind, problems: _Problems) -> Iterator[Rule]:
    for number, line in enumerate(BytesIO(text), 1):
        entry = line.strip()
        if _is_plain(entry):
            yield Rule(_compose(entry), kind)
        elif entry and entry[0] not in b"#!":
            try:
                yield _parse_entry(without_comment(_decode(entry)), kind)
            except ValueError as error:
                problems.add(number, str(error), entry)


def _read_hosts(text: bytes, kind: Kind, problems: _Problems) -> Iterator[Rule]:
    for number, line in enumerate(BytesIO(text), 1):
        if len(line) > MAX_LINE:
            problems.add(number, _TOO_LONG, line)
            continue
        fields = line.split()
        if len(fields) == 2 and fields[0] in _SINKHOLES and _is_plain(fields[1]):
            if fields[1] not in _OWN_NAMES:
                yield Rule(_compose(fields[1]), kind)
        elif fields and fields[0][0] not in b"#!":
            yield from _parse_hosts_line(number, line, kind, problems)


def _parse_hosts_line(number: int, line: bytes, kind: Kind, problems: _Problems) -> Iterator[Rule]:
    try:
        found = _host_names(line)
    except ValueError as error:
        problems.add(number, str(error), line)
        return
    for field in found:
        if field.lower() in _OWN_NAMES:
            continue
        try:
            yield Rule(_parse_name(_decode(field)), kind)
        except ValueError as error:
            problems.add(number, str(error), field)


def _host_names(line: bytes) -> list[bytes]:
    fields = line.partition(b"#")[0].split()
    if not fields or not is_address(_decode(fields[0])):
        other = foreign_format(_decode(line.strip()))
        raise ValueError(_not_in_this_version(other) if other else "no address before the name")
    if len(fields) == 1:
        raise ValueError("no name after the address")
    return fields[1:]


def _parse_entry(entry: str, kind: Kind) -> Rule:
    if entry.startswith("="):
        return Rule(_parse_name(entry[1:]), Kind.EXACT)
    if entry.startswith("*.") and entry.endswith(".*"):
        return Rule(_parse_name(entry[2:-2]), Kind.EMBEDDED)
    if entry.startswith("*."):
        return Rule(_parse_name(entry[2:]), Kind.SUFFIX)
    return Rule(_parse_name(entry), kind)


def _parse_name(text: str) -> bytes:
    if other := foreign_format(text):
        raise ValueError(_not_in_this_version(other))
    if " " in text or "\t" in text:
        raise ValueError("more than one word where a name should be")
    if not text.isascii():
        text = _to_a_labels(text)
    if is_address(text):
        raise ValueError(_IS_ADDRESS)
    if not _has_name_characters(text):
        raise ValueError("a character that no domain name has")
    return names.from_text(text)


def _to_a_labels(text: str) -> str:
    try:
        mapped = idna.uts46_remap(text, std3_rules=False, transitional=False)
        return ".".join(
            label if label.isascii() else idna.alabel(label).decode("ascii")
            for label in mapped.split(".")
        )
    except UnicodeError:
        raise ValueError("not an internationalised domain name (UTS 46)") from None


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_LINE:
        raise ValueError(_TOO_LONG)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None


def _compose(plain: bytes) -> bytes:
    return b"".join([_LENGTH[len(label)] + label for label in plain.split(b".")]) + names.ROOT


def _not_in_this_version(format_name: str) -> str:
    return f"not in this version: {format_name}"
