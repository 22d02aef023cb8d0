"""What an answer costs: CPU per query, beside Unbound on the same load.

Run by `make bench`. The server under test is pinned to one core and dnsperf to the other;
CPU time is what the kernel accounts to the serving process. Rounds are interleaved and the
medians of ratios count: absolute figures move with the machine.
"""

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.append(str(CHECKOUT))

from dnsguard.build import BUILD
from tests.support.nsd import running_nsd
from tests.support.server import running
from tests.support.unbound import running_unbound

ROUNDS = 8
SECONDS = 3
NAMES = 1000
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Served:
    """A server under test; by kind of load, its µs of CPU per query and its queries per second."""

    name: str
    port: int
    pid: int
    cost: dict[str, list[float]] = field(default_factory=dict)
    rate: dict[str, list[float]] = field(default_factory=dict)


def main() -> None:
    """Measure, print a table, and write it below results/."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        loads = _write_loads(root)
        servers = [stack.enter_context(start(root)) for start in _servers(root, stack)]
        for server in servers:
            os.sched_setaffinity(server.pid, {0})
            for load in loads.values():
                _dnsperf(server.port, load, 1)
        for _ in range(ROUNDS):
            for server in servers:
                for kind, load in loads.items():
                    before = _cpu_seconds(server.pid)
                    completed, rate = _dnsperf(server.port, load, SECONDS)
                    spent = _cpu_seconds(server.pid) - before
                    server.cost.setdefault(kind, []).append(spent / completed * 1e6)
                    server.rate.setdefault(kind, []).append(rate)
    table = _table(servers, list(loads))
    print(table)
    results = CHECKOUT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    (results / "answers.md").write_text(table + "\n", "utf-8")
    (results / "answers.json").write_text(
        json.dumps({s.name: {"cost": s.cost, "rate": s.rate} for s in servers}, indent=1), "utf-8"
    )


def _write_loads(folder: Path) -> dict[str, Path]:
    loads = {
        "cached": [f"host{n}.bench.example A" for n in range(NAMES)],
        "blocked": [f"host{n}.tiktok.com A" for n in range(NAMES)],
    }
    for kind, lines in loads.items():
        (folder / kind).write_text("\n".join(lines) + "\n", "utf-8")
    return {kind: folder / kind for kind in loads}


_Start = Callable[[Path], AbstractContextManager[Served]]


def _servers(folder: Path, stack: ExitStack) -> list[_Start]:
    zone = "$TTL 86400\n@ SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n"
    zone += "* A 192.0.2.2\n"
    upstream = stack.enter_context(running_nsd(folder, {"bench.example": zone}))

    def dnsguard(build: str) -> _Start:
        return lambda root: _dnsguard(root / build, build, upstream)

    return [dnsguard("compiled"), dnsguard("plain"), lambda root: _unbound(root, upstream)]


@contextmanager
def _dnsguard(folder: Path, build: str, upstream: int) -> Iterator[Served]:
    if BUILD != "compiled":
        raise SystemExit("run this by `make bench`: it needs the compiled build installed")
    folder.mkdir()
    config = {
        "upstreams": [f"udp://127.0.0.1:{upstream}"],
        "workers": 1,
        "groups": {"bench": {"subnets": ["127.0.0.1/32"]}},
        "policies": {"ban": {"groups": ["bench"], "lists": ["builtin:tiktok"]}},
    }
    environ = {"PYTHONPATH": str(CHECKOUT) if build == "plain" else ""}
    with running(folder, config, environ=environ) as server:
        status = server.status()
        if status["build"] != build:
            raise SystemExit(f"expected the {build} build, got {status['build']}")
        yield Served(f"dnsguard, {build}", server.port, status["workers"][0]["pid"])


@contextmanager
def _unbound(folder: Path, upstream: int) -> Iterator[Served]:
    with running_unbound(
        folder,
        zones=['local-zone: "tiktok.com." always_null'],
        stubs=[("bench.example", upstream)],
    ) as port:
        pid = int(subprocess.check_output(["pgrep", "-n", "-x", "unbound"]))
        yield Served("unbound", port, pid)


def _dnsperf(port: int, load: Path, seconds: int) -> tuple[int, float]:
    command = ["taskset", "-c", "1", "dnsperf", "-s", "127.0.0.1", "-p", str(port)]
    command += ["-d", str(load), "-l", str(seconds), "-q", "200"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    completed = re.search(r"Queries completed:\s+(\d+)", text)
    rate = re.search(r"Queries per second:\s+([\d.]+)", text)
    if completed is None or rate is None:
        raise SystemExit(f"dnsperf said:\n{text}")
    return int(completed[1]), float(rate[1])


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _table(servers: list[Served], kinds: list[str]) -> str:
    peer = servers[-1]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        f"{machine}; {ROUNDS} interleaved rounds of {SECONDS} s; server and load have a core each.",
        "Costs and ratios are medians (least to most).",
        "",
        f"| server | load | µs CPU per query | ratio to {peer.name} | queries/s |",
        "|---|---|---|---|---|",
    ]
    for server in servers:
        for kind in kinds:
            ratios = [a / b for a, b in zip(server.cost[kind], peer.cost[kind], strict=True)]
            lines.append(
                f"| {server.name} | {kind} | {_spread(server.cost[kind])} | {_spread(ratios)} | "
                f"{statistics.median(server.rate[kind]):,.0f} |"
            )
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
