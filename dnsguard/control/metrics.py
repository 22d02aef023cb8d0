"""The metrics, rendered from the counters when they are asked for."""

import platform
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from dnsguard import __version__
from dnsguard.build import BUILD
from dnsguard.config import Config
from dnsguard.control.counting import Page, Ranges
from dnsguard.control.loading import Lists
from dnsguard.core import counters
from dnsguard.core.protocol import Source, Transport
from dnsguard.core.view import REBINDING, Stage
from dnsguard.lists.errors import REASONS
from dnsguard.lists.records import Result

_SOURCES = [source.name.lower() for source in Source]
_TRANSPORTS = [transport.name.lower() for transport in Transport]


@dataclass
class Events:
    """What the control plane counts itself; times in epoch seconds."""

    reloads_ok: int = 0
    reloads_refused: int = 0
    last_reload: float = 0.0
    """When the config in force was accepted."""
    list_updates: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By list and result."""
    list_refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By list and reason."""
    log_dropped: int = 0
    """Lines of the control plane's log that are lost."""

    def count_log_dropped(self) -> None:
        """Count a line of the log that is lost."""
        self.log_dropped += 1

    def count_files(self, lists: Lists) -> None:
        """Count what reading the file lists anew came to."""
        kept = {accepted.name for accepted in lists.accepted}
        for found in lists.loaded:
            if found.kind != "file":
                continue
            if found.refused:
                self.count_update(found.name, "refused", found.refused)
            elif found.problem:
                self.count_update(found.name, "failed")
            else:
                self.count_update(found.name, "ok" if found.name in kept else "unchanged")

    def count_update(self, name: str, result: str, reason: str = "") -> None:
        """Count an update of a list; `reason` says why it was refused."""
        self.list_updates[name, result] += 1
        if reason:
            self.list_refused[name, reason] += 1


@dataclass(frozen=True)
class Snapshot:
    """What is in force while metrics are rendered."""

    config: Config
    lists: Lists
    ranges: Ranges
    generation: int
    enforcing: dict[str, bool]
    restarts: Sequence[int]
    config_current: bool
    """Whether the config file, when last read, is what is in force."""
    list_ages: dict[str, float]
    """See `status.list_age`."""
    udp_dropped: int
    """Datagrams that the kernel did not keep for us, since our sockets were made."""


class MetricsCollector(Collector):
    """Yields every series of the public interface from the workers' pages."""

    def __init__(self, pages: Sequence[Page], events: Events) -> None:
        self._pages = pages
        self._ranges = Ranges()
        self._events = events
        self._registry = CollectorRegistry(auto_describe=False)
        self.snapshot: Snapshot | None = None
        self._registry.register(self)

    def render(self) -> bytes:
        """Return the Prometheus text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; empty until a generation is in force."""
        if self.snapshot is None:
            return
        self._ranges = self.snapshot.ranges
        pages = [page.read(self._ranges.end) for page in self._pages]
        totals = array("Q", map(sum, zip(*pages, strict=True)))
        yield from self._traffic(totals)
        yield from self._losses(totals, self.snapshot.udp_dropped)
        yield from self._upstreams(pages, totals)
        yield from _worker_gauges(pages)
        yield from _control(self.snapshot, self._events)

    def _traffic(self, totals: "array[int]") -> Iterator[Metric]:
        queries = CounterMetricFamily(
            "dnsguard_queries", "Queries received", labels=["group", "transport"]
        )
        signals = CounterMetricFamily(
            "dnsguard_bypass_signals",
            "Queries that look like a way round the ban",
            labels=["group", "signal"],
        )
        for (group,), base in self._ranges.items("group"):
            for offset, transport in enumerate(_TRANSPORTS):
                queries.add_metric([group, transport], totals[base + offset])
            for offset, signal in enumerate(counters.SIGNALS, counters.GROUP_SIGNALS):
                signals.add_metric([group, signal], totals[base + offset])
        yield queries
        yield signals
        responses = CounterMetricFamily(
            "dnsguard_responses", "Responses sent", labels=["rcode", "source"]
        )
        for number, source in enumerate(_SOURCES):
            for column, rcode in enumerate(counters.RCODES):
                index = counters.RESPONSES + number * len(counters.RCODES) + column
                responses.add_metric([rcode, source], totals[index])
        yield responses
        yield self._hits(totals, "blocked", "Answers replaced by a policy's")
        yield self._hits(totals, "shadow", "Answers a policy in shadow would have replaced")
        seconds = HistogramMetricFamily(
            "dnsguard_response_seconds", "Time from query to response", labels=["source"]
        )
        for number, source in enumerate(_SOURCES):
            index = counters.RESPONSE_SECONDS + number * counters.HISTOGRAM_SIZE
            seconds.add_metric([source], *_histogram(totals, index))
        yield seconds
        limited = CounterMetricFamily(
            "dnsguard_limited", "Queries and connections a limit refused", labels=["limit"]
        )
        for offset, limit in enumerate(counters.LIMITS):
            limited.add_metric([limit], totals[counters.LIMITED + offset])
        yield limited

    def _losses(self, totals: "array[int]", udp_dropped: int) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "dnsguard_internal_errors",
            "Queries lost to a fault of dnsguard's own; the log has the details",
            value=totals[counters.INTERNAL_ERRORS],
        )
        yield CounterMetricFamily(
            "dnsguard_udp_dropped",
            "Queries over UDP that the kernel dropped since they were not taken in time",
            value=udp_dropped,
        )
        yield CounterMetricFamily(
            "dnsguard_log_dropped",
            "Lines of the log that were lost since nobody read it in time",
            value=totals[counters.LOG_DROPPED] + self._events.log_dropped,
        )

    def _hits(self, totals: "array[int]", kind: str, text: str) -> Metric:
        family = CounterMetricFamily(
            f"dnsguard_{kind}", text, labels=["group", "policy", "list", "trigger", "qtype"]
        )
        for labels, base in self._ranges.items(kind):
            likely = "address" if labels[1] == REBINDING else "name"
            for number, trigger in enumerate(counters.TRIGGERS):
                for column, qtype in enumerate(counters.QTYPES):
                    value = totals[base + number * len(counters.QTYPES) + column]
                    # A zero is worth a series where it can soon be more: rates start from it.
                    if value or trigger == likely:
                        family.add_metric([*labels, trigger, qtype], value)
        return family

    def _upstreams(self, pages: Sequence["array[int]"], totals: "array[int]") -> Iterator[Metric]:
        seconds = HistogramMetricFamily(
            "dnsguard_upstream_seconds", "Time an upstream took to respond", labels=["upstream"]
        )
        errors = CounterMetricFamily(
            "dnsguard_upstream_errors", "Messages an upstream failed", labels=["upstream", "reason"]
        )
        up = GaugeMetricFamily(
            "dnsguard_upstream_up", "1 while no worker finds it down", labels=["upstream"]
        )
        for (url,), base in self._ranges.items("upstream"):
            seconds.add_metric([url], *_histogram(totals, base + counters.UPSTREAM_SECONDS))
            for offset, reason in enumerate(counters.UPSTREAM_ERRORS):
                errors.add_metric([url, reason], totals[base + offset])
            if upstream_is_configured(self.snapshot, url):
                up.add_metric([url], float(upstream_is_up(pages, base)))
        yield seconds
        yield errors
        yield up


def upstream_is_up(pages: Sequence["array[int]"], base: int) -> bool:
    """Tell whether no worker finds the upstream of a range down."""
    return all(page[base + counters.UPSTREAM_STATE] in (0, counters.UP) for page in pages)


def upstream_loops(pages: Sequence["array[int]"], base: int) -> bool:
    """Tell whether a worker got back what it asked the upstream of a range."""
    return any(page[base + counters.UPSTREAM_STATE] == counters.LOOPING for page in pages)


def upstream_is_configured(snapshot: Snapshot | None, url: str) -> bool:
    """Tell whether an upstream is one of the config in force: counters outlive it."""
    if snapshot is None:
        return False
    config = snapshot.config
    used = [*config.upstreams, *(u for zone in config.forward_zones.values() for u in zone)]
    return any(upstream.url == url for upstream in used)


def _histogram(totals: "array[int]", index: int) -> tuple[list[tuple[str, float]], float]:
    buckets = []
    cumulative = 0
    for offset, bound in enumerate([*counters.BUCKETS, None]):
        cumulative += totals[index + offset]
        buckets.append(("+Inf" if bound is None else str(bound / 1e6), float(cumulative)))
    return buckets, totals[index + counters.HISTOGRAM_SIZE - 1] / 1e6


def _worker_gauges(pages: Sequence["array[int]"]) -> Iterator[Metric]:
    for name, text, index in (
        ("cache_entries", "Entries in the cache", counters.CACHE_ENTRIES),
        ("cache_bytes", "Octets the cache takes", counters.CACHE_BYTES),
        ("pending_queries", "Questions in flight to upstreams", counters.PENDING),
    ):
        family = GaugeMetricFamily(f"dnsguard_{name}", text, labels=["worker"])
        for number, page in enumerate(pages):
            family.add_metric([str(number)], page[index])
        yield family


def _control(snapshot: Snapshot, events: Events) -> Iterator[Metric]:
    enforcing = GaugeMetricFamily(
        "dnsguard_policy_enforcing", "1 while the policy blocks what it names", labels=["policy"]
    )
    stage = GaugeMetricFamily(
        "dnsguard_policy_stage", "0 off, 1 shadow, 2 enforce", labels=["policy"]
    )
    for name, policy in snapshot.config.policies.items():
        enforcing.add_metric([name], float(snapshot.enforcing[name]))
        stage.add_metric([name], Stage[policy.stage.upper()])
    yield enforcing
    yield stage
    yield GaugeMetricFamily(
        "dnsguard_generation", "Number of the generation in force", value=snapshot.generation
    )
    reloads = CounterMetricFamily("dnsguard_reloads", "Reloads by result", labels=["result"])
    reloads.add_metric(["ok"], events.reloads_ok)
    reloads.add_metric(["refused"], events.reloads_refused)
    yield reloads
    yield GaugeMetricFamily(
        "dnsguard_last_reload_timestamp_seconds",
        "When a config was last put in force",
        value=events.last_reload,
    )
    yield GaugeMetricFamily(
        "dnsguard_config_current",
        "1 while the config file as last read is in force, 0 after it was refused",
        value=float(snapshot.config_current),
    )
    yield from _lists(snapshot, events)
    restarts = CounterMetricFamily(
        "dnsguard_worker_restarts", "Workers replaced after they died", labels=["worker"]
    )
    for number, count in enumerate(snapshot.restarts):
        restarts.add_metric([str(number)], count)
    yield restarts
    build = GaugeMetricFamily(
        "dnsguard_build_info", "Always 1", labels=["version", "python", "build"]
    )
    build.add_metric([__version__, platform.python_version(), BUILD], 1)
    yield build


def _lists(snapshot: Snapshot, events: Events) -> Iterator[Metric]:
    names = GaugeMetricFamily("dnsguard_list_names", "Names in the list", labels=["list"])
    age = GaugeMetricFamily(
        "dnsguard_list_age_seconds",
        "How long ago the source last confirmed the version in force; 0 for a local list that is "
        "as its file, +Inf for one that was never had",
        labels=["list"],
    )
    updates = CounterMetricFamily(
        "dnsguard_list_updates", "Updates of the list by result", labels=["list", "result"]
    )
    refused = CounterMetricFamily(
        "dnsguard_list_refused", "Versions refused by reason", labels=["list", "reason"]
    )
    for found in snapshot.lists.loaded:
        names.add_metric([found.name], found.compiled.version["names"] if found.compiled else 0)
        age.add_metric([found.name], snapshot.list_ages[found.name])
        if found.kind == "builtin":
            continue
        for result in get_args(Result):
            updates.add_metric([found.name, result], events.list_updates[found.name, result])
        for reason in REASONS:
            refused.add_metric([found.name, reason], events.list_refused[found.name, reason])
    yield from (names, age, updates, refused)
