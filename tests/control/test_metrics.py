"""The metrics of the public interface, rendered from pages that a test wrote."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnsguard.config import Source, parse
from dnsguard.control.counting import Page, Ranges
from dnsguard.control.loading import load_lists
from dnsguard.control.metrics import Events, MetricsCollector, Snapshot
from dnsguard.control.state import StateDirectory
from dnsguard.core import counters
from dnsguard.core.protocol import Rcode
from dnsguard.core.protocol import Source as AnswerSource
from dnsguard.net.worker import map_page
from tests.support.metrics import Samples, read_samples

CONFIG = """\
upstreams: ["udp://192.0.2.53", "udp://192.0.2.54"]
groups:
  staff: {subnets: [10.20.0.0/16]}
policies:
  ban: {groups: [staff], lists: ["builtin:tiktok"]}
  watch: {groups: [staff], lists: ["builtin:tiktok"], stage: shadow}
"""
URL = "udp://192.0.2.53"


class Exposition:
    """Two workers' pages, the ranges in them, and what is rendered."""

    def __init__(self, folder: Path) -> None:
        source = Source(str(folder / "dnsguard.yaml"), CONFIG)
        config = parse([source])
        self.pages = [Page(), Page()]
        self.written = [map_page(os.dup(page.descriptor)) for page in self.pages]
        self.ranges = Ranges()
        self.events = Events(reloads_ok=2, reloads_refused=1, last_reload=1_700_000_000.0)
        self.collector = MetricsCollector(self.pages, self.events)
        self.snapshot = Snapshot(
            config=config,
            lists=load_lists(config, (source,), StateDirectory(folder)),
            ranges=self.ranges,
            generation=7,
            enforcing={"ban": True, "watch": False},
            restarts=[0, 3],
            config_current=True,
        )

    def render(self) -> Samples:
        self.collector.snapshot = self.snapshot
        return read_samples(self.collector.render().decode())


@pytest.fixture
def exposition(tmp_path: Path) -> Iterator[Exposition]:
    made = Exposition(tmp_path)
    yield made
    for page in made.pages:
        page.close()


def test_nothing_before_a_generation_is_in_force(exposition: Exposition) -> None:
    assert exposition.collector.render() == b""


def test_counters_are_sums_over_the_workers(exposition: Exposition) -> None:
    staff = exposition.ranges.base("group", "staff")
    hits = exposition.ranges.base("blocked", "staff", "ban", "builtin:tiktok")
    for page in exposition.written:
        page[staff + 1] += 5
        page[hits + counters.hit_offset(0, 65)] += 2
        page[counters.response_index(AnswerSource.CACHE, Rcode.NXDOMAIN)] += 4
        page[counters.LIMITED + counters.LIMITS.index("tcp_idle")] += 1
        page[counters.INTERNAL_ERRORS] += 1
    samples = exposition.render()
    assert samples['dnsguard_queries_total{group="staff",transport="tcp"}'] == 10
    assert samples['dnsguard_queries_total{group="staff",transport="udp"}'] == 0
    labels = 'group="staff",list="builtin:tiktok",policy="ban"'
    assert samples[f'dnsguard_blocked_total{{{labels},qtype="HTTPS",trigger="name"}}'] == 4
    assert samples[f'dnsguard_blocked_total{{{labels},qtype="A",trigger="name"}}'] == 0
    assert samples['dnsguard_responses_total{rcode="NXDOMAIN",source="cache"}'] == 8
    assert samples['dnsguard_limited_total{limit="tcp_idle"}'] == 2
    assert samples["dnsguard_internal_errors_total"] == 2


def test_histograms_are_cumulative_with_count_and_sum(exposition: Exposition) -> None:
    for seconds in (0.00004, 0.00004, 0.002, 99.0):
        counters.observe(exposition.written[0], counters.RESPONSE_SECONDS, seconds)
    samples = exposition.render()
    bucket = 'dnsguard_response_seconds_bucket{{le="{}",source="cache"}}'
    assert samples[bucket.format("5e-05")] == 2
    assert samples[bucket.format("0.0025")] == 3
    assert samples[bucket.format("5.0")] == 3
    assert samples[bucket.format("+Inf")] == 4
    assert samples['dnsguard_response_seconds_count{source="cache"}'] == 4
    assert samples['dnsguard_response_seconds_sum{source="cache"}'] == pytest.approx(99.00208)


def test_an_upstream_is_up_while_no_worker_finds_it_down(exposition: Exposition) -> None:
    base = exposition.ranges.base("upstream", URL)
    exposition.ranges.base("upstream", "udp://198.51.100.1")  # of an earlier config
    up = f'dnsguard_upstream_up{{upstream="{URL}"}}'
    assert exposition.render()[up] == 1
    exposition.written[0][base + counters.UPSTREAM_UP] = 1
    exposition.written[1][base + counters.UPSTREAM_UP] = 2
    samples = exposition.render()
    assert samples[up] == 0
    assert 'dnsguard_upstream_up{upstream="udp://198.51.100.1"}' not in samples
    assert (
        samples['dnsguard_upstream_errors_total{reason="timeout",upstream="udp://198.51.100.1"}']
        == 0
    )


def test_gauges_of_each_worker(exposition: Exposition) -> None:
    exposition.written[1][counters.CACHE_ENTRIES] = 12
    samples = exposition.render()
    assert samples['dnsguard_cache_entries{worker="0"}'] == 0
    assert samples['dnsguard_cache_entries{worker="1"}'] == 12
    assert samples['dnsguard_worker_restarts_total{worker="1"}'] == 3


def test_what_the_control_plane_counts(exposition: Exposition) -> None:
    samples = exposition.render()
    assert samples["dnsguard_generation"] == 7
    assert samples['dnsguard_reloads_total{result="ok"}'] == 2
    assert samples['dnsguard_reloads_total{result="refused"}'] == 1
    assert samples["dnsguard_last_reload_timestamp_seconds"] == 1_700_000_000
    assert samples['dnsguard_policy_enforcing{policy="ban"}'] == 1
    assert samples['dnsguard_policy_enforcing{policy="watch"}'] == 0
    assert samples['dnsguard_policy_stage{policy="ban"}'] == 2
    assert samples['dnsguard_policy_stage{policy="watch"}'] == 1
    assert samples['dnsguard_list_names{list="builtin:tiktok"}'] > 50
    assert samples['dnsguard_list_age_seconds{list="builtin:tiktok"}'] == 0
    assert sum(name.startswith("dnsguard_build_info") for name in samples) == 1
