"""The lists of a config: the current version of each, or the last good one with the reason."""

import time
from dataclasses import dataclass
from pathlib import Path

from dnsguard.config import Config, ConfigError, ListSource, Problem, Source
from dnsguard.config.document import Document
from dnsguard.config.load import read_documents
from dnsguard.control.state import StateDirectory
from dnsguard.lists.loading import ListError, ListVersion, examine, read_builtin, read_file

BUILTIN = "builtin:"
_NO_EARLIER = "and there is no earlier version of it to fall back on"


@dataclass(frozen=True)
class LoadedList:
    """A list in force; `problem` says why it is not the current version, if it is not.

    `confirmed` is when its source last confirmed it, in epoch seconds.
    """

    name: str
    source: str
    version: ListVersion
    confirmed: float
    problem: str | None = None


@dataclass(frozen=True)
class Lists:
    """The lists that the policies of a config use, and what an admin should know of them."""

    loaded: tuple[LoadedList, ...]
    warnings: tuple[Problem, ...]
    problems: tuple[Problem, ...]


def load_lists(config: Config, sources: tuple[Source, ...], state: StateDirectory) -> Lists:
    """Load every list that a policy names. With `problems`, nothing must be built from it."""
    loaded = []
    warnings = []
    problems = []
    place = read_documents(sources).place
    for name in _used(config):
        where = place(("lists", name, "source"))
        try:
            found = _load(config, name, state)
        except ListError as error:
            message = f"{error}; {_NO_EARLIER}"
            problems.append(Problem(f"lists.{name}.source", message, where.file, where.line))
            continue
        loaded.append(found)
        notes = ((found.problem,) if found.problem else ()) + found.version.notes
        warnings += [Problem(f"lists.{name}", note, where.file, where.line) for note in notes]
    return Lists(tuple(loaded), tuple(warnings), tuple(problems))


def keep_lists(lists: Lists, state: StateDirectory) -> None:
    """Keep the text of each list that its source confirmed. Raises OSError."""
    for found in lists.loaded:
        if found.problem is None and not found.source.startswith(BUILTIN):
            state.keep_list(found.name, found.version.text)


def find_missing_lists(sources: tuple[Source, ...], state: StateDirectory) -> list[Problem]:
    """Return the lists of a config with other errors that are files and neither there nor kept."""
    try:
        document = read_documents(sources)
    except ConfigError:
        return []
    used = {name for policy in _mappings(document, "policies") for name in _items(policy[1])}
    problems = []
    for name, section in _mappings(document, "lists"):
        source = section.get("source")
        if name not in used or "/" in name or not isinstance(source, str) or ":" in source:
            continue
        if state.last_list(name) is None and not (Path(sources[0].path).parent / source).is_file():
            where = document.place(("lists", name, "source"))
            message = f"the file cannot be read (No such file or directory); {_NO_EARLIER}"
            problems.append(Problem(f"lists.{name}.source", message, where.file, where.line))
    return problems


def _mappings(document: Document, section: str) -> list[tuple[str, dict[str, object]]]:
    entries = document.data.get(section)
    named = entries.items() if isinstance(entries, dict) else ()
    return [(name, entry) for name, entry in named if isinstance(entry, dict)]


def _items(policy: dict[str, object]) -> tuple[object, ...]:
    lists = policy.get("lists")
    return lists if isinstance(lists, tuple) else ()


def _used(config: Config) -> list[str]:
    names = [name for policy in config.policies.values() for name in policy.lists]
    return list(dict.fromkeys(names))


def _load(config: Config, name: str, state: StateDirectory) -> LoadedList:
    settings = config.lists.get(name) or ListSource(source=(name,))
    source = settings.source[0]

    def version(text: bytes) -> ListVersion:
        return examine(text, settings.format, settings.match, config.never_block)

    if source.startswith(BUILTIN):
        text = read_builtin(source.removeprefix(BUILTIN))
        return LoadedList(name, source, version(text), time.time())
    try:
        text = read_file(Path(source), settings.max_size)
        return LoadedList(name, source, version(text), time.time())
    except ListError as error:
        kept = state.last_list(name)
        if kept is None:
            raise
        problem = f"{error}; its last good version goes on serving"
        return LoadedList(name, source, version(kept.text), kept.confirmed, problem)
