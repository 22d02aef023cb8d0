#!/usr/bin/env python3
"""Compare a bundle with published lists and print what a human should look at.

It never edits the bundle: a name goes in by the steps that the bundle's own .md asks for. Run it
with the project's environment: `.venv/bin/python blocklists/tools/compare.py vpn a.txt b.txt`.
"""

import argparse
import json
import signal
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.core.view import Effect
from dnsguard.lists import bundled, public_suffixes
from dnsguard.lists.compression import decompress
from dnsguard.lists.errors import ListError
from dnsguard.lists.formats import FORMATS, parse

MAX_SIZE = 2**30

ByKind = Mapping[Kind, frozenset[bytes]]
"""The wire names a list blocks, by how they match."""


class Candidate(NamedTuple):
    """A name the bundle does not block, and the lists that do."""

    name: bytes
    lists: tuple[str, ...]


class Comparison(NamedTuple):
    """What a bundle and some lists say of each other.

    `unnamed` are entries of the bundle that no list names, nor anything above or below them.
    `broader` counts the lists' names that the bundle blocks without naming them itself.
    """

    candidates: tuple[Candidate, ...]
    unnamed: tuple[bytes, ...]
    broader: int


class Rules:
    """The names of a list, asked one at a time."""

    def __init__(self, by_kind: ByKind) -> None:
        self._suffix = by_kind.get(Kind.SUFFIX, frozenset())
        self._embedded = by_kind.get(Kind.EMBEDDED, frozenset())
        self.names = frozenset().union(*by_kind.values())

    def match(self, name: bytes) -> bytes | None:
        """Return the most specific entry that blocks a name, or None."""
        if name in self.names:
            return name
        for suffix in names.suffixes(name):
            if suffix in self._suffix:
                return suffix
        return next((run for run in _label_runs(name) if run in self._embedded), None)


def compare(bundle: ByKind, lists: Mapping[str, ByKind], at_least: int) -> Comparison:
    """Compare a bundle with lists; candidates are named by `at_least` of them or more."""
    rules = Rules(bundle)
    others = {title: Rules(by_kind) for title, by_kind in lists.items()}
    named_by: dict[bytes, list[str]] = defaultdict(list)
    for title, other in others.items():
        for name in other.names:
            named_by[name].append(title)
    missing: list[Candidate] = []
    broader = 0
    touched: set[bytes] = set()
    for name, titles in named_by.items():
        entry = rules.match(name)
        if entry is None and len(titles) >= at_least:
            missing.append(Candidate(name, tuple(titles)))
        elif entry is not None:
            touched.add(entry)
            broader += entry != name
    unnamed = (
        entry
        for entry in rules.names - touched
        if not any(other.match(entry) for other in others.values())
    )
    return Comparison(
        tuple(sorted(missing, key=lambda each: (-len(each.lists), names.to_text(each.name)))),
        tuple(sorted(unnamed, key=names.to_text)),
        broader,
    )


def read(text: bytes, list_format: str = "auto") -> ByKind:
    """Return what a list blocks; what it allows and lines that are no entries are left out."""
    by_kind: dict[Kind, set[bytes]] = defaultdict(set)
    for rule_type, found in parse(text, format=list_format).names.items():
        if rule_type.action.effect in (Effect.BLOCK, Effect.BLOCK_IMPORTANT):
            by_kind[rule_type.kind].update(found)
    return {kind: frozenset(found) for kind, found in by_kind.items()}


def registrable(name: bytes) -> bytes:
    """Return the domain somebody registered: one label more than the longest public suffix."""
    known = (public_suffixes.icann(), public_suffixes.private())
    for child, parent in pairwise(names.suffixes(name)):
        if any(parent in suffixes for suffixes in known) or len(names.label_offsets(parent)) == 1:
            return child
    return name


def by_registrable(candidates: Iterable[Candidate]) -> dict[str, list[Candidate]]:
    """Group candidates by registrable domain, in the order of the first of each."""
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        groups[names.to_text(registrable(candidate.name))].append(candidate)
    return dict(groups)


def as_text(bundle: str, lists: int, found: Comparison) -> Iterator[str]:
    """Yield the lines of the report."""
    groups = by_registrable(found.candidates)
    yield f"# {len(found.candidates)} candidates in {len(groups)} domains, not blocked by {bundle}"
    for domain, members in groups.items():
        yield domain
        for name, titles in members:
            yield f"  {names.to_text(name)}  {len(titles)}/{lists}: {', '.join(titles)}"
    yield f"# {len(found.unnamed)} entries of {bundle} that no list names"
    yield from map(names.to_text, found.unnamed)
    yield f"# {found.broader} names of the lists are blocked by a broader entry of {bundle}"


def as_json(bundle: str, found: Comparison) -> str:
    """Return the report for a program."""
    groups = by_registrable(found.candidates)
    report = {
        "bundle": bundle,
        "candidates": [
            {
                "domain": domain,
                "names": [{"name": names.to_text(name), "lists": titles} for name, titles in each],
            }
            for domain, each in groups.items()
        ],
        "unnamed": [names.to_text(name) for name in found.unnamed],
        "broader": found.broader,
    }
    return json.dumps(report, indent=2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the comparison could be made, whatever it shows, else 1."""
    options = _parser().parse_args(arguments)
    try:
        bundle = read(_bundle_text(options.bundle))
        lists = {
            title: _read_list(Path(path), options.format)
            for title, path in _titles(options.lists).items()
        }
    except (ListError, OSError) as error:
        sys.stderr.write(f"compare: {error}\n")
        return 1
    found = compare(bundle, lists, options.at_least)
    if options.json:
        sys.stdout.write(as_json(options.bundle, found) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in as_text(options.bundle, len(lists), found))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="compare", description="Compare a bundle with published lists. Changes nothing."
    )
    parser.add_argument("bundle", help=f"one of {', '.join(bundled.BUILTIN)}, or a file")
    parser.add_argument("lists", nargs="+", metavar="LIST", help="a file, plain, gz, xz or zst")
    parser.add_argument(
        "--at-least", type=int, default=1, metavar="N", help="candidates named by N lists or more"
    )
    parser.add_argument(
        "--format",
        default="auto",
        choices=("auto", *FORMATS),
        help="the lists' format (default: told by their lines)",
    )
    parser.add_argument("--json", action="store_true", help="for a program")
    return parser


def _bundle_text(bundle: str) -> bytes:
    return bundled.text(bundle) if bundle in bundled.BUILTIN else _file_text(Path(bundle))


def _read_list(path: Path, list_format: str) -> ByKind:
    found = read(_file_text(path), list_format)
    if not found:
        raise ListError(f"{str(path)!a} blocks no name: is it a list, and --format right?")
    return found


def _file_text(path: Path) -> bytes:
    try:
        return decompress(path.read_bytes(), MAX_SIZE)
    except ListError as error:
        raise ListError(f"{str(path)!a}: {error}") from None


def _titles(paths: Sequence[str]) -> dict[str, str]:
    """Return a short title for each list: its file's name, or its path where two are alike."""
    shorts = [Path(path).name for path in paths]
    return {
        ascii(path if shorts.count(short) > 1 else short)[1:-1]: path
        for path, short in zip(paths, shorts, strict=True)
    }


def _label_runs(name: bytes) -> Iterator[bytes]:
    for suffix in names.suffixes(name):
        for end in [*names.label_offsets(suffix)[1:], len(suffix) - 1]:
            yield suffix[:end] + names.ROOT


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it without a traceback
    sys.exit(main())
