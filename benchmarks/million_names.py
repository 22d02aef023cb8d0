"""What a million names cost: memory, time until they are active, time to start with them.

Run by `make bench`. The same server once with the bundled list only and once with a million
names more; two workers. While the list is compiled and swapped in, a client asks every
millisecond and the slowest answer counts. Memory is that of the whole process tree after names
from all over the list were asked for: what no process has touched would not be counted. The
names are real where the shared data are, else made up with the same lengths.
"""

import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.append(str(CHECKOUT))

import dns.message

from benchmarks import accounting, report
from dnsguard.build import BUILD
from tests.support.data import SHARED, read_shared
from tests.support.server import Server

ROUNDS = 8
NAMES = 1_000_000
UNION = "lists/union-1m/union-1000000.domains.txt.xz"
ASKING_PERIOD = 0.001

ASKED = 100_000

BUNDLED: dict[str, Any] = {
    "cache": {"size": "2MiB"},  # what is asked for must not be what is measured
    "groups": {"bench": {"subnets": ["127.0.0.1/32"]}},
    "policies": {"ban": {"groups": ["bench"], "lists": ["builtin:tiktok"]}},
}


@dataclass
class Figures:
    """One value a round; times in seconds, memory in MB."""

    active: list[float] = field(default_factory=list)
    slowest_idle: list[float] = field(default_factory=list)
    slowest: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    restart: list[float] = field(default_factory=list)
    toggle: list[float] = field(default_factory=list)


def main() -> None:
    """Measure, print a table, and write it below results/."""
    if BUILD != "compiled":
        raise SystemExit("run this by `make bench`: it needs the compiled build installed")
    figures = Figures()
    text, kind = _text()
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            _round(Path(folder), text, figures)
    table = _table(figures, kind)
    report.write("million_names", table, vars(figures))


def _text() -> tuple[bytes, str]:
    if SHARED is not None and (SHARED / UNION).exists():
        return read_shared(UNION), "real names"
    chosen = random.Random(NAMES)

    def letters(count: int) -> str:
        return "".join(chosen.choices("abcdefghijklmnopqrstuvwxyz", k=count))

    lines = (f"{letters(6)}{n}.{letters(4)}.example" for n in range(NAMES))
    return "\n".join(lines).encode(), "made-up names"


def _round(folder: Path, text: bytes, figures: Figures) -> None:
    server = Server(folder, BUNDLED)
    try:
        (folder / "asked").write_bytes(_asked(text))
        server.start()
        bundled = _used_memory(server, folder)
        figures.slowest_idle.append(_slowest(server.port, lambda: time.sleep(3)))
        (folder / "million.txt").write_bytes(text)
        config = _with_million(folder)
        server.write(config)
        started = 0.0

        def reload() -> None:
            nonlocal started
            before = time.monotonic()
            server.reload().raise_for_status()
            started = time.monotonic() - before

        figures.slowest.append(_slowest(server.port, reload))
        figures.active.append(started)
        figures.memory.append(_used_memory(server, folder) - bundled)
        server.write(_with_million(folder, stage="off"))
        before = time.monotonic()
        server.reload().raise_for_status()
        figures.toggle.append(time.monotonic() - before)
        server.write(config)
        server.reload().raise_for_status()
        server.stop()
        before = time.monotonic()
        server.launch()
        server.wait_for(lambda: not server.unready())
        figures.restart.append(time.monotonic() - before)
    finally:
        server.stop()


def _with_million(folder: Path, stage: str = "enforce") -> dict[str, Any]:
    ban = {"groups": ["bench"], "lists": ["builtin:tiktok", "million"], "stage": stage}
    million = {"source": str(folder / "million.txt")}
    return {**BUNDLED, "lists": {"million": million}, "policies": {"ban": ban}}


def _asked(text: bytes) -> bytes:
    lines = random.Random(ASKED).sample(text.splitlines(), ASKED)
    return b"".join(line + b" A\n" for line in lines)


def _used_memory(server: Server, folder: Path) -> float:
    """Return the memory of a server that has been asked for many names, in MB."""
    command = ["dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", str(folder / "asked")]
    # As many sockets as spread over both workers; what is not listed fails at once upstream.
    subprocess.run([*command, "-n", "1", "-c", "20"], capture_output=True, check=True)
    _settle(server)
    return accounting.memory(accounting.tree(server.pid))


def _settle(server: Server) -> None:
    """Wait until no child but the workers is left."""
    server.wait_for(lambda: len(accounting.tree(server.pid)) == 1 + len(server.status()["workers"]))


def _slowest(port: int, work: Callable[[], None]) -> float:
    """Return the slowest answer while some work is done, in seconds."""
    finished = threading.Event()

    def run() -> None:
        try:
            work()
        finally:
            finished.set()

    query = dns.message.make_query("www.tiktok.com", "A").to_wire()
    slowest = 0.0
    thread = threading.Thread(target=run)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(5)
        thread.start()
        while not finished.is_set():
            before = time.monotonic()
            client.send(query)
            client.recv(4096)
            slowest = max(slowest, time.monotonic() - before)
            time.sleep(ASKING_PERIOD)
    thread.join()
    return slowest


def _table(figures: Figures, kind: str) -> str:
    rows = [
        ("memory above the bundled list only, MB", figures.memory, 1, "48"),
        ("text to active, s", figures.active, 1, "5"),
        ("slowest answer meanwhile, ms", figures.slowest, 1000, "20"),
        ("slowest answer of an idle server, ms", figures.slowest_idle, 1000, ""),
        ("start to ready with the saved image, s", figures.restart, 1, "0.5"),
        ("reload that changes a stage, s", figures.toggle, 1, ""),
    ]
    lines = [
        (title, report.spread([value * factor for value in values]), target)
        for title, values, factor, target in rows
    ]
    parts = [
        f"{NAMES:,} {kind}; {report.machine()}; 2 workers, compiled build.",
        f"{ROUNDS} rounds: median (least to most).",
        report.table(("what", "measured", "target, at most"), lines),
    ]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
