"""From the files of a config to something that can be put in force, or every reason why not."""

from collections.abc import Sequence
from dataclasses import dataclass

from dnsguard.config import Config, ConfigError, Problem, Source, lint, parse
from dnsguard.control.build import build_generation
from dnsguard.control.counting import Ranges
from dnsguard.control.loading import Lists, find_missing_lists, load_lists
from dnsguard.control.state import StateDirectory


@dataclass(frozen=True)
class Candidate:
    """A config that can be put in force: parsed, its lists loaded, its generation built."""

    config: Config
    sources: tuple[Source, ...]
    lists: Lists
    ranges: Ranges
    number: int
    buffer: bytes
    warnings: tuple[Problem, ...]


def parse_whole(sources: tuple[Source, ...], state: StateDirectory) -> Config:
    """Parse a config; raises ConfigError with every problem, lists that are gone included."""
    try:
        return parse(sources)
    except ConfigError as error:
        problems = [*error.problems, *find_missing_lists(sources, state)]
        files = [source.path for source in sources]
        problems.sort(key=lambda problem: (files.index(problem.file), problem.line))
        raise ConfigError(problems) from None


def prepare(
    sources: Sequence[Source],
    state: StateDirectory,
    *,
    number: int,
    ranges: Ranges,
    workers: int,
) -> Candidate:
    """Build a candidate; what it counts comes behind what `ranges` has, which stays as it is.

    Raises ConfigError with every problem.
    """
    sources = tuple(sources)
    config = parse_whole(sources, state)
    lists = load_lists(config, sources, state)
    if lists.problems:
        raise ConfigError(lists.problems)
    extended = ranges.copy()
    try:
        buffer = build_generation(config, lists, number=number, ranges=extended, workers=workers)
    except ValueError as error:
        raise ConfigError([Problem("", str(error), sources[0].path, 0)]) from None
    warnings = (*lint(config, sources), *lists.warnings)
    return Candidate(config, sources, lists, extended, number, buffer, warnings)
