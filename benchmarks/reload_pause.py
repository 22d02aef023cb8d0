"""How long answers wait while dnsguard reloads, against how long they wait anyway.

Run by `make bench`. A steady load, once undisturbed and once while the policy is changed and
reloaded again and again. Control plane and worker share one core, the worst case.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, socket

sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks import loads, report
from benchmarks.listed import listed_names
from benchmarks.loads import Outcome, run_load
from benchmarks.measuring import warm_up
from benchmarks.peers.guard import CONFIG, Shape, compiled, config
from benchmarks.peers.kind import Setting
from benchmarks.programs import compile_program
from benchmarks.serving import serving
from benchmarks.upstream import running_upstream
from tests.support.dns_server import free_port

ROUNDS, QUICK_ROUNDS = 8, 2
RATE = 20_000
RELOADS = 20
SECONDS = 4.0
LISTED = 100_000
PERCENTILES = ("p50", "p99", "p99.9", "max")


def main() -> None:
    """Measure, print the table, and write it below results/."""
    parser = argparse.ArgumentParser(description="Measure the pause of a reload.")
    parser.add_argument("--quick", action="store_true", help="few rounds")
    rounds = QUICK_ROUNDS if parser.parse_args().quick else ROUNDS
    undisturbed, reloading, took = [], [], []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        program = compile_program("steady", root)
        upstream = stack.enter_context(running_upstream(root / "upstream"))
        setting = Setting(root / "server", free_port(), upstream.port, listed_names(LISTED))
        kind = compiled()
        kind.version()
        server = stack.enter_context(serving(kind, setting))
        queries = loads.write_queries(root / "cached", loads.cached_names())
        warm_up(program, server, upstream, queries)
        texts = [config(setting, Shape(stage=stage)) for stage in ("shadow", "enforce")]
        for number in range(rounds):
            undisturbed.append(_load(program, setting, queries))
            thread = _Reloads(setting.folder, texts)
            thread.start()
            reloading.append(_load(program, setting, queries))
            took += thread.finish()
            longest = reloading[-1].latency_us["max"] / 1000
            print(f"round {number + 1} of {rounds}: {longest:.1f} ms", file=sys.stderr)
    figures = {"undisturbed": undisturbed, "reloading": reloading}
    raw = {name: [vars(one) for one in many] for name, many in figures.items()}
    report.write("reload_pause", _compose(figures, took), {**raw, "reloads": took})


def _load(program: Path, setting: Setting, queries: Path) -> Outcome:
    return run_load(program, setting.port, queries, SECONDS, "rate", RATE)


class _Reloads(threading.Thread):
    """Changes the stage of the policy and reloads, as often as fits evenly into the load."""

    def __init__(self, folder: Path, texts: Sequence[str]) -> None:
        super().__init__()
        self._folder = folder
        self._texts = texts
        self._took: list[float] = []
        self._fault: Exception | None = None

    def run(self) -> None:
        try:
            started = time.monotonic()
            for number in range(RELOADS):
                due = started + SECONDS * (number + 0.5) / RELOADS
                time.sleep(max(0.0, due - time.monotonic()))
                self._reload(self._texts[number % len(self._texts)])
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            self._fault = error

    def finish(self) -> list[float]:
        """Wait for the last one; return the seconds that each took."""
        self.join()
        if self._fault is not None:
            raise self._fault
        return self._took

    def _reload(self, text: str) -> None:
        (self._folder / CONFIG).write_text(text, "ascii")
        before = time.monotonic()
        _post(self._folder / "run" / "control.sock", "/api/v1/reload")
        self._took.append(time.monotonic() - before)


def _post(control: Path, path: str) -> None:
    connection = HTTPConnection("localhost")
    with socket(AF_UNIX) as connection.sock:
        connection.sock.connect(str(control))
        connection.request("POST", path, "{}", {"Connection": "close"})
        response = connection.getresponse()
        text = response.read().decode("utf-8", "backslashreplace")
    if response.status != HTTPStatus.OK:
        raise RuntimeError(f"the reload was refused: {text}")


def _compose(figures: dict[str, list[Outcome]], took: list[float]) -> str:
    rows = [
        [
            name,
            *(report.spread([one.latency_us[p] / 1000 for one in many]) for p in PERCENTILES),
            f"{sum(one.lost + one.unsent for one in many)} of {sum(one.sent for one in many):,}",
        ]
        for name, many in figures.items()
    ]
    parts = [
        f"{report.machine()}.",
        (
            f"{len(figures['reloading'])} interleaved rounds of {SECONDS:g} s at {RATE:,} cached "
            f"queries a second, with {RELOADS} reloads in each disturbed one: median (least to "
            f"most) of a round. {LISTED:,} listed names; control plane and worker share a core."
        ),
        report.table(["", *(f"{p}, ms" for p in PERCENTILES), "lost"], rows),
        f"A reload takes {report.spread([one * 1000 for one in took], 0)} ms.",
    ]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
