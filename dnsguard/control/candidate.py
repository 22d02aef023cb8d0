"""From the files of a config to something that can be put in force, or every reason why not."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dnsguard.config import Config, ConfigError, Problem, Source, lint, parse
from dnsguard.config.document import Document
from dnsguard.config.load import read_documents
from dnsguard.control.build import build_generation
from dnsguard.control.compiling import CompileError
from dnsguard.control.counting import Ranges
from dnsguard.control.loading import NO_EARLIER, Lists, Shelf, discard, load_lists
from dnsguard.control.selection import Offer
from dnsguard.lists.compiled import Compiled
from dnsguard.lists.generations import GenerationStore


@dataclass(frozen=True)
class Candidate:
    """A config that can be put in force: parsed, its lists loaded, its generation built.

    Its lists hold descriptors: whoever does not put it in force discards it.
    """

    config: Config
    sources: tuple[Source, ...]
    lists: Lists
    ranges: Ranges
    number: int
    buffer: bytes = field(repr=False)
    """What workers are sent: it holds the secrets of cookies."""
    warnings: tuple[Problem, ...]

    def discard(self, in_force: Compiled | None) -> None:
        """Give up what is held, but for the image in force."""
        discard(self.lists, in_force)


def parse_whole(sources: tuple[Source, ...], store: GenerationStore) -> Config:
    """Parse a config; raises ConfigError with every problem, lists that are gone included."""
    try:
        return parse(sources)
    except ConfigError as error:
        problems = [*error.problems, *_find_missing_lists(sources, store)]
        files = [source.path for source in sources]
        problems.sort(key=lambda problem: (files.index(problem.file), problem.line))
        raise ConfigError(problems) from None


async def prepare(
    sources: Sequence[Source],
    shelf: Shelf,
    *,
    number: int,
    ranges: Ranges,
    workers: int,
    cookie_secrets: Iterable[bytes] = (),
    offers: Mapping[str, Offer] | None = None,
) -> Candidate:
    """Build a candidate; what it counts comes behind what `ranges` has, which stays as it is.

    Raises ConfigError with every problem, and ListError when an offer is refused.
    """
    sources = tuple(sources)
    config = await asyncio.to_thread(parse_whole, sources, shelf.store)
    try:
        lists = await load_lists(config, sources, shelf, offers)
    except CompileError as error:
        raise ConfigError([Problem("lists", str(error), sources[0].path, 0)]) from None
    try:
        extended = ranges.copy()
        buffer = build_generation(
            config,
            lists,
            number=number,
            ranges=extended,
            workers=workers,
            cookie_secrets=cookie_secrets,
        )
        warnings = (*lint(config, sources), *lists.warnings)
        return Candidate(config, sources, lists, extended, number, buffer, warnings)
    except BaseException as error:
        discard(lists, shelf.compiled)
        if isinstance(error, ValueError):
            raise ConfigError([Problem("", str(error), sources[0].path, 0)]) from None
        raise


def _find_missing_lists(sources: tuple[Source, ...], store: GenerationStore) -> list[Problem]:
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
        kept = store.record(name).current
        if kept is None and not (Path(sources[0].path).parent / source).is_file():
            where = document.place(("lists", name, "source"))
            message = f"the file cannot be read (No such file or directory); {NO_EARLIER}"
            problems.append(Problem(f"lists.{name}.source", message, where.file, where.line))
    return problems


def _mappings(document: Document, section: str) -> list[tuple[str, dict[str, object]]]:
    entries = document.data.get(section)
    named = entries.items() if isinstance(entries, dict) else ()
    return [(name, entry) for name, entry in named if isinstance(entry, dict)]


def _items(policy: dict[str, object]) -> tuple[object, ...]:
    lists = policy.get("lists")
    return lists if isinstance(lists, tuple) else ()
