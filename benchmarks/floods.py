"""What floods cost those who do not flood: the latency of a client whose names are cached.

Run by `make bench`. A round asks at a low rate in calm and then under the flood. In calm the
same flood goes to a socket that nobody reads, so that what sending costs is on both sides. The
server's core is kept awake, and latencies are by the kernel's stamps: what is compared is the
server, not the machine. At the end two servers forward to each other, and what goes between
them is counted.
"""

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks import accounting, loads, report
from benchmarks.cores import LOAD_CORE, SERVER_CORE, awake, on_cores
from benchmarks.listed import listed_names
from benchmarks.loads import Outcome, run_load
from benchmarks.measuring import warm_up
from benchmarks.peers.guard import CONFIG, Shape, compiled, config
from benchmarks.peers.kind import Kind, Launch, Setting
from benchmarks.programs import compile_program
from benchmarks.serving import Serving, serving
from benchmarks.upstream import running_upstream
from benchmarks.waiting import ask
from tests.support.dns_server import free_port
from tests.support.tap import Tap

ROUNDS, QUICK_ROUNDS = 12, 1
SECONDS = 2.0
SETTLED = 0.02  # of its core, at most, is what a server uses that has got over a flood
SETTLE_SECONDS = 0.5  # over which that is measured
RATE = 1_000  # queries a second of the client that is measured
NAMES = 1_000  # that it asks for in turn, each once a second
LISTED = 100_000
FLOODER = Path(__file__).parent / "flooder.py"
FLOODS = {
    "one zone": (5_000, "names below one zone, 5,000 q/s"),
    "many zones": (5_000, "names below as many zones, unanswered, 5,000 q/s"),
    "one client": (10 * RATE, "one client at ten times the rate"),
    "stalled": (12_000, "an upstream that is silent, 50 clients, 12,000 q/s"),
    "idle TCP": (1_000, "1,000 idle TCP connections"),
    "slow TCP": (200, "200 TCP connections, an octet each 0.5 s"),
}
"""The rate of each flood, or how many connections it has, and its name in the table."""
LOOP_QUERIES = 8
_SHAPE = Shape(cache="8MiB")


@dataclass
class Figures:
    """What was measured of one flood, round by round; memory and descriptors before and in it."""

    calm: list[Outcome] = field(default_factory=list)
    flooded: list[Outcome] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    """How much of its core the server used under the flood."""


def main() -> None:
    """Measure, print the table, and write it below results/."""
    parser = argparse.ArgumentParser(description="Measure what floods cost others.")
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--floods", default=",".join(FLOODS), help="which, with commas between")
    options = parser.parse_args()
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    figures = {name: Figures() for name in options.floods.split(",")}
    if unknown := figures.keys() - FLOODS:
        parser.error(f"no flood named {unknown.pop()!a}: there are {', '.join(FLOODS)}")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        program = compile_program("steady", root)
        upstream = stack.enter_context(running_upstream(root / "upstream"))
        setting = Setting(root / "server", free_port(), upstream.port, listed_names(LISTED))
        silent = stack.enter_context(_unread_port())
        kind = _forwarding({"stalled": silent})
        kind.version()
        server = stack.enter_context(serving(kind, setting))
        queries = loads.write_queries(root / "cached", loads.cached_names()[:NAMES])
        warm_up(program, server, upstream, queries)
        stack.enter_context(awake(SERVER_CORE))
        for _ in range(rounds):
            for name, found in figures.items():
                _measure_round(name, found, server, program, queries)
        loops = _measure_loop(root, listed_names(LISTED))
    raw = {
        name: {key: [*map(_plain, many)] for key, many in vars(f).items()}
        for name, f in figures.items()
    }
    report.write("floods", _compose(figures, rounds, loops), {**raw, "loops": loops})


def _measure_round(
    name: str, found: Figures, server: Serving, program: Path, queries: Path
) -> None:
    _settle(server)
    _note_state(found, server)
    with _unread_port() as unread, _flooding(name, unread if "TCP" not in name else 0):
        found.calm.append(run_load(program, server.port, queries, SECONDS, "stamped", RATE))
    with _flooding(name, server.port):
        spent, started = server.cpu_seconds(), time.monotonic()
        found.flooded.append(run_load(program, server.port, queries, SECONDS, "stamped", RATE))
        found.busy.append((server.cpu_seconds() - spent) / (time.monotonic() - started))
        _note_state(found, server)
    calm, flooded = found.calm[-1].latency_us["p99"], found.flooded[-1].latency_us["p99"]
    print(
        f"{name}: p99 {calm:.0f} µs in calm, {flooded:.0f} µs flooded, core {found.busy[-1]:.0%}",
        file=sys.stderr,
    )


def _settle(server: Serving) -> None:
    """Wait until a server is through with what the last flood has left."""
    end = time.monotonic() + 30.0
    spent = 1.0
    while spent > SETTLED * SETTLE_SECONDS and time.monotonic() < end:
        before = server.cpu_seconds()
        time.sleep(SETTLE_SECONDS)
        spent = server.cpu_seconds() - before


def _note_state(found: Figures, server: Serving) -> None:
    found.megabytes.append(server.memory())
    pids = accounting.tree(server.pid)
    found.descriptors.append(sum(len([*Path(f"/proc/{pid}/fd").iterdir()]) for pid in pids))


@contextmanager
def _flooding(name: str, port: int) -> Iterator[None]:
    """Flood a port for the length of a block; no port, no flood."""
    if not port:
        yield
        return
    rate, _ = FLOODS[name]
    command = [sys.executable, "-P", str(FLOODER), name, str(port), str(rate)]
    with subprocess.Popen(on_cores([LOAD_CORE], command), stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != b"on\n":
                raise SystemExit(f"the flood {name!r} did not begin")
            yield
        finally:
            process.kill()


@contextmanager
def _unread_port() -> Iterator[int]:
    """Give a UDP port that takes everything and says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unread:
        unread.bind(("127.0.0.1", 0))
        yield unread.getsockname()[1]


def _forwarding(zones: dict[str, int], upstream: int | None = None) -> Kind:
    """Return dnsguard with zones whose upstream is another port, or all at another."""
    usual = compiled(shape=_SHAPE)

    def prepare(setting: Setting) -> Launch:
        launch = usual.prepare(setting)
        document = yaml.safe_load(config(setting, _SHAPE))
        document["forward_zones"] = {z: [f"udp://127.0.0.1:{port}"] for z, port in zones.items()}
        if upstream is not None:
            document["upstreams"] = [f"udp://127.0.0.1:{upstream}"]
        setting.write(CONFIG, [yaml.safe_dump(document)])
        return launch

    return Kind(usual.name, usual.version, prepare)


def _measure_loop(root: Path, listed: Sequence[str]) -> dict[str, list[int]]:
    """Return how many queries and messages one query costs two servers that ask each other."""
    with ExitStack() as stack:
        taps = [stack.enter_context(Tap()) for _ in range(2)]
        places = []
        for number, tap in enumerate(taps):
            setting = Setting(root / f"loop{number}", free_port(), 0, listed[:1_000])
            stack.enter_context(serving(_forwarding({}, tap.port), setting))
            places.append(("127.0.0.1", setting.port))
        taps[0].target, taps[1].target = places[1], places[0]
        names = [f"loop{number}.example.org" for number in range(LOOP_QUERIES)]
        for name in names:
            ask(places[0][1], name, patience=10.0)
        return {
            "queries": [sum(tap.queried(name) for tap in taps) for name in names],
            "messages": [sum(tap.packets(name) for tap in taps) for name in names],
        }


def _plain(value: object) -> object:
    return vars(value) if isinstance(value, Outcome) else value


def _compose(figures: dict[str, Figures], rounds: int, loops: dict[str, list[int]]) -> str:
    rows = []
    for name, found in figures.items():
        calm = [one.latency_us["p99"] for one in found.calm]
        flooded = [one.latency_us["p99"] for one in found.flooded]
        ratio = statistics.median(b / a for a, b in zip(calm, flooded, strict=True))
        lost = sum(one.lost for one in found.flooded)
        rows.append(
            [
                FLOODS[name][1],
                report.spread(calm, 0),
                report.spread(flooded, 0),
                f"{ratio:.2f}",
                f"{statistics.median(found.busy):.0%}",
                f"{lost} of {sum(one.sent for one in found.flooded):,}",
                f"{found.megabytes[0]:.1f} to {found.megabytes[-1]:.1f}",
                f"{found.descriptors[0]} to {found.descriptors[-1]}",
            ]
        )
    head = [
        "flood",
        "p99 calm, µs",
        "p99 flooded, µs",
        "ratio",
        "core",
        "lost",
        "MB",
        "descriptors",
    ]
    parts = [
        f"{report.machine()}.",
        (
            f"{rounds} rounds of {SECONDS:g} s in calm and {SECONDS:g} s flooded, at {RATE:,} "
            "cached queries a second: median (least to most) of a round, the median of the "
            "rounds' ratios, and the state before the first flood and in the last. One worker "
            "on a core kept awake, a cache of 8 MiB; latencies from when a query went until the "
            "kernel had its answer, since who measures and who floods share the other core."
        ),
        report.table(head, rows),
        (
            f"Two servers that forward to each other: {loops['queries']} queries and "
            f"{loops['messages']} messages there and back for {LOOP_QUERIES} questions in turn."
        ),
    ]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
