"""The policy of a config, built as `serve` builds it, without touching what runs."""

import asyncio
import mmap
import os
from collections.abc import Sequence
from pathlib import Path

from dnsguard.config import Problem, parse, read_sources
from dnsguard.control.candidate import prepare
from dnsguard.control.compiling import CompileError
from dnsguard.control.counting import Ranges
from dnsguard.control.loading import Shelf
from dnsguard.control.state import StateDirectory
from dnsguard.core.generation import Generation, parse_generation
from dnsguard.lists.compile import Job, ListOutcome, compile_lists


def build(config_path: Path) -> tuple[Generation, tuple[Problem, ...]]:
    """Return the generation that the config would put in force, and the warnings.

    Lists that are fetched are those that are kept. Raises ConfigError with every problem.
    """
    sources = read_sources(config_path)
    state, _ = parse(sources).directories.resolve(os.environ)
    shelf = Shelf(StateDirectory(state).lists, _compile)
    candidate = asyncio.run(prepare(sources, shelf, number=0, ranges=Ranges(), workers=1))
    try:
        image = memoryview(mmap.mmap(candidate.lists.compiled.descriptor, 0, prot=mmap.PROT_READ))
        return parse_generation(candidate.buffer, image), candidate.warnings
    finally:
        candidate.discard(None)


async def _compile(job: Job, _: Sequence[int]) -> list[ListOutcome]:
    try:
        return compile_lists(job)
    except (ValueError, OSError) as error:
        raise CompileError(str(error)) from None
