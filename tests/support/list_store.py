"""A list in a store of generations: what tests put there and look at."""

import random
from dataclasses import replace
from pathlib import Path

from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.records import LastResult, ListGeneration, ListRecord

NAME = "partner"
MIRROR, OTHER = "https://lists.example/tiktok.txt", "https://mirror.example/tiktok.txt"
MAX_SIZE = 1_000_000
PAGE = 4_096
FIRST, SECOND, THIRD = (random.Random(seed).randbytes(5 * PAGE) for seed in range(3))
REFUSED = LastResult(7.0, "refused", "shrink", "it lost 60 % of its names", MIRROR)


def generation(**facts: object) -> ListGeneration:
    base = ListGeneration(
        source=MIRROR,
        accepted=1_000.0,
        format="domains",
        names=2,
        addresses=0,
        dropped={"top-level": 1},
        added=None,
        removed=None,
    )
    return replace(base, **facts)  # type: ignore[arg-type]


def accept(store: GenerationStore, data: bytes, keep: int = 10, mirror: str = MIRROR) -> ListRecord:
    validators = {mirror: (f'"{len(data)}"', None)}
    return store.accept(NAME, generation(), data, keep=keep, validators=validators)


def numbers(record: ListRecord) -> list[int]:
    return [found.number for found in record.generations]


def contents(store: GenerationStore) -> list[bytes]:
    return [store.read(NAME, found, MAX_SIZE) for found in store.record(NAME).generations]


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / NAME).iterdir()}
