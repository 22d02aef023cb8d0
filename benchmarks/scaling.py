"""What an answer of dnsguard costs with more lists, names, groups and workers: it should not grow.

Run by `make bench`. All variants are up at once and take turns. New names below listed ones have
no entry in the cache: they cost the look-up in the lists, wherever in memory that leads.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks import loads, report
from benchmarks.cores import server_cores
from benchmarks.listed import listed_names
from benchmarks.measuring import Measured, measure, warm_up
from benchmarks.peers.guard import Shape, compiled
from benchmarks.peers.kind import Setting
from benchmarks.programs import compile_program
from benchmarks.serving import Serving, serving
from benchmarks.upstream import running_upstream
from tests.support.dns_server import free_port

ROUNDS, SECONDS = 8, 0.4
QUICK_ROUNDS = 2
SOCKETS = 16  # of the load, so that it meets every worker
NEW_RATE = 300_000  # new names a second that their file is long enough for
LOADS = ("cached", "blocked", "new")


@dataclass(frozen=True)
class Variant:
    """One row of the table."""

    title: str
    names: int = 100_000
    shape: Shape = field(default_factory=Shape)


VARIANTS = (
    Variant("100,000 names in 1 list, 1 group, 1 worker"),
    Variant("10 lists", shape=Shape(lists=10)),
    Variant("100 lists", shape=Shape(lists=100)),
    Variant("1,000 names", names=1_000),
    Variant("1,000,000 names", names=1_000_000),
    Variant("10 groups", shape=Shape(groups=10)),
    Variant("1,000 groups", shape=Shape(groups=1_000)),
    Variant("2 workers", shape=Shape(workers=2)),
)
LEAST = min(variant.names for variant in VARIANTS)

Figures = dict[str, dict[str, list[Measured]]]
"""By variant and load; one a round."""


def main() -> None:
    """Measure, print the table, and write it below results/."""
    parser = argparse.ArgumentParser(description="Measure how the cost of an answer grows.")
    parser.add_argument("--quick", action="store_true", help="few rounds")
    rounds = QUICK_ROUNDS if parser.parse_args().quick else ROUNDS
    figures: Figures = {each.title: {load: [] for load in LOADS} for each in VARIANTS}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench = _Bench(Path(folder), stack)
        for number in range(rounds):
            for load in LOADS:
                for title, measured in bench.round(number, load):
                    figures[title][load].append(measured)
                    what = f"round {number + 1} of {rounds}, {load}, {title}"
                    print(f"{what}: {measured.cost:.2f} µs", file=sys.stderr)
    raw = {
        title: {load: [vars(one) for one in many] for load, many in by_load.items()}
        for title, by_load in figures.items()
    }
    report.write("scaling", _compose(figures, rounds), raw)


class _Bench:
    """Every variant, running."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._program = compile_program("steady", folder)
        self._upstream = stack.enter_context(running_upstream(folder / "upstream"))
        self._servers = [
            stack.enter_context(self._serving(number)) for number in range(len(VARIANTS))
        ]
        popular = loads.blocked_names(listed_names(LEAST))
        self._queries = {
            "cached": loads.write_queries(folder / "cached", loads.cached_names()),
            "blocked": loads.write_queries(folder / "blocked", popular),
        }

    def round(self, number: int, load: str) -> Iterator[tuple[str, Measured]]:
        """Give a load to every variant, each round in another order."""
        pairs = [*zip(VARIANTS, self._servers, strict=True)]
        first = number % len(pairs)
        for variant, server in [*pairs[first:], *pairs[:first]]:
            if load == "new":
                queries = self._write_new(variant, number)
            else:
                queries = self._queries[load]
                warm_up(self._program, server, self._upstream, queries, SOCKETS)
            yield (
                variant.title,
                measure(self._program, server, self._upstream, queries, SECONDS, sockets=SOCKETS),
            )

    @contextmanager
    def _serving(self, number: int) -> Iterator[Serving]:
        variant = VARIANTS[number]
        names = listed_names(variant.names)
        setting = Setting(self._folder / str(number), free_port(), self._upstream.port, names)
        kind = compiled(variant.title, variant.shape)
        kind.version()  # ends the run if it is not the compiled build
        with serving(kind, setting, variant.shape.workers) as server:
            yield server

    def _write_new(self, variant: Variant, number: int) -> Path:
        count = int(SECONDS * NEW_RATE)
        chosen = random.Random(number).choices(listed_names(variant.names), k=count)
        new = (f"n{number}x{n}.{name}" for n, name in enumerate(chosen))
        return loads.write_queries(self._folder / "new", new)


def _compose(figures: Figures, rounds: int) -> str:
    base = VARIANTS[0]
    workers = max(variant.shape.workers for variant in VARIANTS)
    shared = len(server_cores(workers)) < workers
    parts = [
        f"{report.machine()}.",
        (
            f"{rounds} interleaved rounds of {SECONDS:g} s: µs of CPU per answer, median (least to "
            f"most), and the ratio to the first row within a round. Every row has {base.title} "
            "where it says nothing else; `new` are names below listed ones, not asked before."
        ),
    ]
    if shared:
        parts.append(f"Not measured: {workers} workers on cores of their own; they share one here.")
    head = ["", *(f"{load}{what}" for load in LOADS for what in (", µs", ", ratio"))]
    rows = []
    for variant in VARIANTS:
        row = [variant.title]
        for load in LOADS:
            many, first = figures[variant.title][load], figures[base.title][load]
            ratios = [one.cost / other.cost for one, other in zip(many, first, strict=True)]
            row += [report.spread([one.cost for one in many]), report.spread(ratios)]
        rows.append(row)
    return "\n\n".join([*parts, report.table(head, rows)])


if __name__ == "__main__":
    main()
