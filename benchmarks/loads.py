"""What the servers are asked: files of queries, and the program that asks them."""

import json
import random
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from benchmarks.cores import LOAD_CORE, on_cores
from benchmarks.upstream import ZONE

POPULAR = 10_000  # different names in a load of cached or blocked ones
MISSES_IN_MIXED = 0.1
FASTEST = 500_000  # queries a second that a file of fresh names is long enough for
FASTEST_MISS = 400_000


@dataclass(frozen=True)
class Outcome:
    """What became of a load; latencies in µs, from when each query was due.

    Those of a `stamped` load are from when it went until the kernel had its answer.
    """

    seconds: float
    sent: int
    answered: int
    lost: int
    stray: int
    unsent: int
    rcodes: dict[str, int]
    latency_us: dict[str, float]


def run_load(
    program: Path,
    port: int,
    queries: Path,
    seconds: float,
    mode: Literal["rate", "stamped", "window"],
    number: int,
    sockets: int = 1,
) -> Outcome:
    """Ask a server on loopback: `number` queries a second, or in a `window` always under way."""
    arguments = ["127.0.0.1", str(port), str(queries), str(seconds), mode]
    command = [str(program), *arguments, str(number), str(sockets)]
    done = subprocess.run(on_cores([LOAD_CORE], command), stdout=subprocess.PIPE, check=True)
    return Outcome(**json.loads(done.stdout))


def cached_names() -> list[str]:
    """Return the names that the upstream has and that every cache holds soon."""
    chosen = random.Random(POPULAR)
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [
        f"{''.join(chosen.choices(letters, k=chosen.randrange(3, 12)))}{n}.cached.{ZONE}"
        for n in range(POPULAR)
    ]


def blocked_names(listed: Sequence[str]) -> list[str]:
    """Return listed names and, as many, names below listed ones."""
    chosen = random.Random(POPULAR).sample(listed, min(POPULAR, len(listed)))
    return [f"www.{name}" if n % 2 else name for n, name in enumerate(chosen)]


def fresh_names(tag: str, count: int) -> Iterable[str]:
    """Return names that no server has been asked for, if the tag is new."""
    return (f"n{n:x}{tag}.miss.{ZONE}" for n in range(count))


def mixed_names(tag: str, listed: Sequence[str], count: int) -> Iterable[str]:
    """Return cached and blocked names in equal parts, and the share of fresh ones, shuffled."""
    chosen = random.Random(tag)
    popular = cached_names(), blocked_names(listed)
    fresh = iter(fresh_names(tag, count))
    return (
        next(fresh)
        if chosen.random() < MISSES_IN_MIXED
        else chosen.choice(popular[chosen.randrange(2)])
        for _ in range(count)
    )


def write_queries(path: Path, names: Iterable[str], count: int | None = None) -> Path:
    """Write a file of questions for IPv4 addresses; return its path."""
    with path.open("w", encoding="ascii") as file:
        file.writelines(f"{name} A\n" for name in islice(names, count))
    return path
