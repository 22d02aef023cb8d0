"""The lists of a config, compiled in the test's own process."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from dnsguard.config import Config, Source
from dnsguard.control.compiling import CompileError, anonymous_file
from dnsguard.control.loading import Lists, LoadedList, Shelf, load_lists
from dnsguard.control.selection import Offer
from dnsguard.lists.compile import Job, ListOutcome, compile_lists
from dnsguard.lists.compiled import Compiled
from dnsguard.lists.generations import GenerationStore


async def compile_here(job: Job, _: Sequence[int]) -> list[ListOutcome]:
    """Do a job; raises CompileError."""
    try:
        return compile_lists(job)
    except (ValueError, OSError) as error:
        raise CompileError(str(error)) from None


def load(
    config: Config,
    source: Source,
    folder: Path,
    *,
    compiled: Compiled | None = None,
    stay: Mapping[str, LoadedList] | None = None,
    offers: Mapping[str, Offer] | None = None,
) -> Lists:
    """Load the lists of a config; the kept generations are in a folder."""
    shelf = Shelf(GenerationStore(folder), compile_here, compiled, stay or {})
    return asyncio.run(load_lists(config, (source,), shelf, offers))


def text_file(text: bytes) -> int:
    """Return the descriptor of a text in memory."""
    descriptor = anonymous_file("test")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(text)
    return descriptor


def image_of(compiled: Compiled) -> bytes:
    """Return the octets of an image."""
    with open(compiled.descriptor, "rb", closefd=False) as file:
        file.seek(0)
        return file.read()
