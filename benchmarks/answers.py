"""What an answer costs, beside other servers on the same loads.

Run by `make bench`. All servers are up at once and take turns: a round gives every load to every
server. Ratios are made within a round, so that what the machine does meanwhile meets both sides.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks import peers, report
from benchmarks.answers_table import Figures, compose_report
from benchmarks.measuring import Measured
from benchmarks.turns import LOADS, Turns

ROUNDS, SECONDS = 10, 0.7
QUICK_ROUNDS, QUICK_SECONDS = 3, 0.5


def main() -> None:
    """Measure, print the tables, and write them below results/."""
    options = _options()
    kinds = [peers.find(name) for name in options.servers.split(",")]
    versions = {kind.name: kind.version() for kind in kinds}
    figures: Figures = {load: {} for load in options.loads.split(",")}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        turns = Turns(Path(folder), stack, kinds, options.seconds)
        for number in range(options.rounds):
            for load, by_server in figures.items():
                for name, measured in turns.round(number, load):
                    by_server.setdefault(name, []).append(measured)
                    _tell(f"round {number + 1} of {options.rounds}, {load}, {name}", measured)
    raw = {
        load: {name: [asdict(one) for one in many] for name, many in by_server.items()}
        for load, by_server in figures.items()
    }
    text = compose_report(figures, versions, options.rounds, options.seconds)
    report.write("answers", text, {"versions": versions, "figures": raw})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what an answer costs.")
    parser.add_argument("--quick", action="store_true", help="few short rounds")
    parser.add_argument(
        "--servers",
        default=",".join(peers.NAMES),
        help="which ones, with commas between; dnsguard@FOLDER is a checkout compiled in place",
    )
    parser.add_argument("--loads", default=",".join(LOADS), help="which ones, with commas between")
    parser.add_argument("--rounds", type=int, help="how often")
    parser.add_argument("--seconds", type=float, help="how long each load lasts")
    options = parser.parse_args()
    options.rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    options.seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    for load in options.loads.split(","):
        if load not in LOADS:
            parser.error(f"no load named {load!a}: there are {', '.join(LOADS)}")
    return options


def _tell(what: str, measured: Measured) -> None:
    print(
        f"{what}: {measured.rate:,.0f}/s, {measured.cost:.2f} µs, core {measured.share:.0%}, "
        f"others {measured.others:.0%}, lost {measured.lost:.2%}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
