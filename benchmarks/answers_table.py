"""The report of answers.py: a table for each load, and what its figures are worth."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks import report
from benchmarks.loads import MISSES_IN_MIXED, POPULAR
from benchmarks.measuring import WINDOW, Measured
from benchmarks.turns import LISTED, RATE

OURS, LIMIT = "dnsguard", "echo"
SATURATED = 0.95
DISTURBED = 0.05

Figures = Mapping[str, dict[str, list[Measured]]]
"""By load and server; one a round."""

TITLES = {
    "cached": f"Cached: {POPULAR:,} names, as fast as the server answers",
    "blocked": f"Blocked: {POPULAR:,} listed names and names below them",
    "mixed": f"Mixed: cached and blocked in equal parts, {MISSES_IN_MIXED:.0%} misses",
    "miss": "Miss: every name asked once only, which the upstream's own count proves",
    "steady": f"Cached at {RATE:,} queries a second; latency from when each query was due",
}


def compose_report(
    figures: Figures, versions: Mapping[str, str], rounds: int, seconds: float
) -> str:
    """Return Markdown text."""
    parts = [
        f"{report.machine()}.",
        "; ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        (
            f"{rounds} interleaved rounds of {seconds:g} s: median (least to most); ratios are "
            f"within a round. {LISTED:,} listed names. The server has a core to itself; what asks "
            "and the upstream (NSD) share another. CPU is that of all processes and threads of a "
            f"server. Outside the steady load {WINDOW} queries are always under way."
        ),
        "Not measured: a network card, IPv6, TCP, EDNS, types other than A.",
    ]
    for load, by_server in figures.items():
        parts += [f"### {TITLES[load]}", _table(load, by_server), *_doubts(load, by_server)]
    return "\n\n".join(parts)


def _table(load: str, by_server: Mapping[str, Sequence[Measured]]) -> str:
    peer = best_peer(by_server)
    head = ["server", "µs CPU per answer"]
    head += [f"x {other}" for other in (peer, LIMIT) if other in by_server]
    head += ["answers/s", "its core"]
    if load == "steady":
        head += ["p50 µs", "p99 µs", "p99.9 µs", "lost"]
    rows = []
    for name, many in sorted(by_server.items(), key=lambda item: cost(item[1])):
        row = [name, report.spread([one.cost for one in many])]
        row += [
            report.spread(ratios(many, by_server[other]))
            for other in (peer, LIMIT)
            if other in by_server
        ]
        row += [f"{median(one.rate for one in many):,.0f}"]
        row += [f"{median(one.share for one in many):.0%}"]
        if load == "steady":
            row += [report.spread([getattr(one, p) for one in many], 0) for p in ("p50", "p99")]
            row += [report.spread([one.p999 for one in many], 0)]
            row += [f"{median(one.lost for one in many):.2%}"]
        rows.append(row)
    return report.table(head, rows)


def best_peer(by_server: Mapping[str, Sequence[Measured]]) -> str:
    """Return which of the others' servers takes the least CPU; empty if none was measured."""
    others = [name for name in by_server if name != LIMIT and not name.startswith(OURS)]
    return min(others, key=lambda name: cost(by_server[name]), default="")


def cost(many: Sequence[Measured]) -> float:
    """Return the median of what an answer cost, in µs of CPU."""
    return median(one.cost for one in many)


def ratios(ours: Sequence[Measured], theirs: Sequence[Measured]) -> list[float]:
    """Return what an answer cost relative to another server's, round by round."""
    return [one.cost / other.cost for one, other in zip(ours, theirs, strict=True)]


def _doubts(load: str, by_server: Mapping[str, Sequence[Measured]]) -> Iterator[str]:
    idle = [n for n, many in by_server.items() if median(one.share for one in many) < SATURATED]
    if idle and load != "steady":
        yield (
            f"Not saturated, so that answers/s is not their limit: {', '.join(idle)}; the "
            "generator or the upstream is."
        )
    losing = [n for n, many in by_server.items() if median(one.lost for one in many) > 0.001]
    if losing:
        yield f"Lost more than 0.1 % of the queries: {', '.join(losing)}."
    others = max(median(one.others for one in many) for many in by_server.values())
    if others > DISTURBED:
        yield f"Disturbed: other processes used up to {others:.0%} of the server's core."
