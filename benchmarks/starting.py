"""How long servers take from their start to the first blocked answer, and what memory they hold.

Run by `make bench`. One server at a time, with 100,000 and with 1,000,000 listed names. Memory is
the Pss of all its processes after blocked names from all over the list were asked for: pages of a
mapped file count only once they are touched. dnsguard starts twice: with the text of the list
only, and again with the image that the first start has saved.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks import loads, peers, report
from benchmarks.listed import listed_names
from benchmarks.loads import run_load
from benchmarks.measuring import WINDOW
from benchmarks.peers import guard
from benchmarks.peers.kind import Kind, Setting
from benchmarks.programs import compile_program
from benchmarks.serving import serving
from tests.support.dns_server import free_port

SIZES = {100_000: 3, 1_000_000: 2}
"""How many names, and how many rounds of them."""
ASKED = 100_000
ASKING_SECONDS = 2.0
SERVERS = ("dnsguard", "dnsdist", "pdns-recursor", "unbound", "bind", "dnsmasq")
NO_UPSTREAM = 9  # the discard port: nothing that is listed may get there
SMALL = guard.Shape(cache="2MiB")  # what is asked for must not be what is measured
AGAIN = "dnsguard, saved image"

Figures = dict[str, dict[str, list[float]]]
"""By server: seconds to start, and MB."""


def main() -> None:
    """Measure, print the tables, and write them below results/."""
    parser = argparse.ArgumentParser(description="Measure start and memory.")
    parser.add_argument("--quick", action="store_true", help="one round, 100,000 names")
    parser.add_argument("--servers", default=",".join(SERVERS), help="with commas between")
    options = parser.parse_args()
    kinds = [
        guard.compiled(shape=SMALL) if name == "dnsguard" else peers.find(name)
        for name in options.servers.split(",")
    ]
    versions = {kind.name: kind.version() for kind in kinds}
    figures: dict[int, Figures] = {}
    for size, rounds in ({100_000: 1} if options.quick else SIZES).items():
        of_size = figures.setdefault(size, {})
        for number in range(rounds):
            for kind in kinds:
                for name, start, memory in _start(kind, size):
                    of_server = of_size.setdefault(name, {"start": [], "memory": []})
                    of_server["start"].append(start)
                    of_server["memory"].append(memory)
                    what = f"{size:,} names, round {number + 1} of {rounds}, {name}"
                    print(f"{what}: {start:.2f} s, {memory:.0f} MB", file=sys.stderr)
    report.write(
        "starting", _compose(figures, versions), {"versions": versions, "figures": figures}
    )


def _start(kind: Kind, size: int) -> Iterator[tuple[str, float, float]]:
    """Yield name, seconds and MB of each start of a server."""
    names = listed_names(size)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        program = compile_program("steady", root)
        asked = random.Random(size).sample(names, min(ASKED, size))
        queries = loads.write_queries(root / "asked", asked)
        setting = Setting(root / "server", free_port(), NO_UPSTREAM, names)
        starts = [kind.name, AGAIN] if kind.name == "dnsguard" else [kind.name]
        for name in starts:
            with serving(kind, setting) as server:
                run_load(program, server.port, queries, ASKING_SECONDS, "window", WINDOW)
                yield name, server.start_seconds, server.memory()


def _compose(figures: dict[int, Figures], versions: dict[str, str]) -> str:
    parts = [
        f"{report.machine()}.",
        "; ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        (
            "Median (least to most). Each listed name stands for itself and all names below it, "
            "which takes two records of a response policy zone; those hold IPv4 addresses only. "
            "dnsguard runs a control plane and one worker, with a cache of 2 MiB."
        ),
    ]
    for size, of_size in figures.items():
        rounds = len(next(iter(of_size.values()))["start"])
        parts.append(f"### {size:,} names, {rounds} rounds")
        rows = [
            (name, report.spread(one["start"]), report.spread(one["memory"], 0))
            for name, one in of_size.items()
        ]
        head = ("server", "start to first blocked answer, s", "memory, MB")
        parts.append(report.table(head, rows))
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
