"""The policy of a config, built as `serve` builds it, without touching what runs."""

import os
from pathlib import Path

from dnsguard.config import Problem, parse, read_sources
from dnsguard.control.candidate import prepare
from dnsguard.control.counting import Ranges
from dnsguard.control.state import StateDirectory
from dnsguard.core.generation import Generation, parse_generation


def build(config_path: Path) -> tuple[Generation, tuple[Problem, ...]]:
    """Return the generation that the config would put in force, and the warnings.

    Raises ConfigError with every problem.
    """
    sources = read_sources(config_path)
    state, _ = parse(sources).directories.resolve(os.environ)
    candidate = prepare(sources, StateDirectory(state), number=0, ranges=Ranges(), workers=1)
    return parse_generation(candidate.buffer), candidate.warnings
