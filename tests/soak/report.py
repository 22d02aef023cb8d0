"""The figures of a soak, as a text for the terminal and for docs/promises.md."""

import os
import platform
from collections import Counter
from dataclasses import dataclass

from tests.soak.answers import CUT_OFF, LOST, SERVFAIL, STALE, TRUNCATED
from tests.soak.oracle import Oracle
from tests.soak.vitals import Vitals


@dataclass(frozen=True)
class Run:
    """What a soak was: how long it took, of which build, and which faults it went through."""

    seed: int
    seconds: float
    rate: float
    build: str
    beside: float
    """How busy the machine was before it began: the load average."""


def compose(run: Run, oracle: Oracle, vitals: Vitals) -> str:
    """Return the figures as Markdown."""
    return "\n".join(
        [
            "## Measured",
            "",
            _introduction(run, oracle),
            "",
            *_table(("queries", ""), _query_rows(oracle)),
            "",
            *_table(("time to the answer", "p50", "p99", "worst"), _latency_rows(oracle)),
            "",
            *_table(
                ("process", "lived", "memory", "at its end", "slope after warm-up"),
                _memory_rows(vitals),
            ),
            "",
            *_table(("descriptors open between faults", "first", "last", "most"), _open(vitals)),
            "",
            *_table(("fault", "times", "seen of it besides right answers"), _faults(oracle)),
            "",
        ]
    )


def _introduction(run: Run, oracle: Oracle) -> str:
    return (
        f"One run of `make soak`, seed {run.seed}: {run.seconds / 60:.0f} minutes, the "
        f"{run.build} build, 2 workers, {run.rate:.0f} queries a second, {oracle.times.total()} "
        "faults in turn. Clients, upstreams, list server and what is measured share one machine "
        f"with {os.cpu_count()} cores (Linux {platform.release()}, Python "
        f"{platform.python_version()}; load average {run.beside:.1f} before it began). The right "
        "answer to every query is known beforehand. The process that asks was itself held up for "
        f"up to {1000 * oracle.pause:.0f} ms; the longest times contain that."
    )


def _query_rows(oracle: Oracle) -> list[tuple[str, ...]]:
    counts = oracle.counts
    wrong = sum(
        n for what, n in counts.items() if what == "wrong" or what.startswith("unexplained")
    )
    return [
        ("asked", f"{oracle.asked.total():,}"),
        ("answered rightly", f"{counts['right']:,}"),
        ("stale, labelled, while a fault explains it", f"{counts[STALE]:,}"),
        ("SERVFAIL while a fault explains it", f"{counts[SERVFAIL]:,}"),
        ("sent to TCP while a fault explains it", f"{counts[TRUNCATED]:,}"),
        ("lost over UDP while a fault explains it", f"{counts[LOST]:,}"),
        ("TCP connections cut off while a fault explains it", f"{counts[CUT_OFF]:,}"),
        ("wrong, or not explained", f"{wrong:,}"),
        ("anything else that must not be", f"{counts['violations'] - wrong:,}"),
    ]


def _latency_rows(oracle: Oracle) -> list[tuple[str, ...]]:
    return [
        (
            f"{whence}, {when}",
            *(f"{1000 * one.quantile(share):.1f} ms" for share in (0.5, 0.99)),
            f"{1000 * one.worst:.0f} ms",
        )
        for (whence, when), one in oracle.latencies.histograms.items()
        if len(one)
    ]


def _memory_rows(vitals: Vitals) -> list[tuple[str, ...]]:
    lives = sorted(vitals.lives(), key=lambda one: -one.seconds)[:3]
    return [
        (
            one.process,
            f"{one.seconds / 60:.0f} min",
            f"{one.start:.1f} MiB",
            f"{one.end:.1f} MiB",
            f"{one.slope:+.2f} MiB an hour",
        )
        for one in lives
    ]


def _open(vitals: Vitals) -> list[tuple[str, ...]]:
    return [
        (name, f"{counts[0]}", f"{counts[-1]}", f"{max(counts)}")
        for name, counts in vitals.descriptors.items()
    ]


def _faults(oracle: Oracle) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for fault, times in sorted(oracle.times.items()):
        seen = oracle.excused.get(fault, Counter())
        rows.append((fault, f"{times}", ", ".join(f"{n:,} {what}" for what, n in seen.items())))
    return rows


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table whose cells are padded, to be read as it is as well."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]

    def line(cells: tuple[str, ...]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    return [line(head), f"|{'|'.join('-' * (width + 2) for width in widths)}|", *map(line, rows)]
