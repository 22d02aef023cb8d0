"""The metrics of the public interface, rendered from pages that a test wrote."""

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dnsguard.config import Source, parse
from dnsguard.control.counting import Page, Ranges
from dnsguard.control.loading import Accepted, Lists, LoadedList, discard
from dnsguard.control.metrics import Events, MetricsCollector, Snapshot
from dnsguard.core import counters
from dnsguard.core.protocol import Rcode
from dnsguard.core.protocol import Source as AnswerSource
from dnsguard.core.view import Trigger
from dnsguard.lists.errors import REASONS
from dnsguard.net.worker import map_page
from tests.support.compiling import load
from tests.support.metrics import Samples, read_samples

CONFIG = """\
upstreams: ["udp://192.0.2.53", "udp://192.0.2.54"]
groups:
  staff: {subnets: [10.20.0.0/16]}
lists:
  own: {source: own.txt}
  partner: {source: "https://lists.example/tiktok.txt"}
policies:
  ban: {groups: [staff], lists: ["builtin:tiktok", own, partner]}
  watch: {groups: [staff], lists: ["builtin:tiktok"], stage: shadow}
"""
URL = "udp://192.0.2.53"


class Exposition:
    """Two workers' pages, the ranges in them, and what is rendered."""

    def __init__(self, folder: Path) -> None:
        source = Source(str(folder / "dnsguard.yaml"), CONFIG)
        (folder / "own.txt").write_text("example.org\nexample.net\n")
        config = parse([source])
        self.pages = [Page(), Page()]
        self.written = [map_page(os.dup(page.descriptor)) for page in self.pages]
        self.ranges = Ranges()
        self.events = Events(reloads_ok=2, reloads_refused=1, last_reload=1_700_000_000.0)
        self.collector = MetricsCollector(self.pages, self.events)
        self.snapshot = Snapshot(
            config=config,
            lists=load(config, source, folder / "state"),
            ranges=self.ranges,
            generation=7,
            enforcing={"ban": True, "watch": False},
            restarts=[0, 3],
            config_current=True,
            list_ages={"builtin:tiktok": 0.0, "own": 90.0, "partner": math.inf},
            udp_dropped=5,
        )

    def render(self) -> Samples:
        self.collector.snapshot = self.snapshot
        return read_samples(self.collector.render().decode())


@pytest.fixture
def exposition(tmp_path: Path) -> Iterator[Exposition]:
    made = Exposition(tmp_path)
    yield made
    discard(made.snapshot.lists, None)
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
        page[counters.LOG_DROPPED] += 1
    exposition.events.count_log_dropped()
    samples = exposition.render()
    assert samples['dnsguard_queries_total{group="staff",transport="tcp"}'] == 10
    assert samples['dnsguard_queries_total{group="staff",transport="udp"}'] == 0
    labels = 'group="staff",list="builtin:tiktok",policy="ban"'
    assert samples[f'dnsguard_blocked_total{{{labels},qtype="HTTPS",trigger="name"}}'] == 4
    assert samples[f'dnsguard_blocked_total{{{labels},qtype="A",trigger="name"}}'] == 0
    assert samples['dnsguard_responses_total{rcode="NXDOMAIN",source="cache"}'] == 8
    assert samples['dnsguard_limited_total{limit="tcp_idle"}'] == 2
    assert samples["dnsguard_internal_errors_total"] == 2
    assert samples["dnsguard_log_dropped_total"] == 3
    assert samples["dnsguard_udp_dropped_total"] == 5


def test_rebinding_is_counted_as_a_policy_that_addresses_trigger(exposition: Exposition) -> None:
    hits = exposition.ranges.base("blocked", "staff", "rebinding", "rebinding")
    exposition.written[0][hits + counters.hit_offset(Trigger.HINT, 65)] += 3
    samples = exposition.render()
    start = 'dnsguard_blocked_total{group="staff",list="rebinding",policy="rebinding",qtype='
    assert {series: value for series, value in samples.items() if series.startswith(start)} == {
        f'{start}"HTTPS",trigger="hint"}}': 3,
        **{f'{start}"{qtype}",trigger="address"}}': 0 for qtype in counters.QTYPES},
    }


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
    exposition.written[0][base + counters.UPSTREAM_STATE] = 1
    exposition.written[1][base + counters.UPSTREAM_STATE] = 2
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
    assert samples['dnsguard_list_names{list="own"}'] == 2
    assert samples['dnsguard_list_age_seconds{list="own"}'] == 90
    assert samples['dnsguard_list_names{list="partner"}'] == 0
    assert samples['dnsguard_list_age_seconds{list="partner"}'] == math.inf
    assert sum(name.startswith("dnsguard_build_info") for name in samples) == 1


def test_updates_are_counted_by_result_and_refusals_by_reason(exposition: Exposition) -> None:
    exposition.events.count_update("partner", "refused", "shrink")
    exposition.events.count_update("partner", "failed")
    samples = exposition.render()
    updates = {
        (name, result): samples[f'dnsguard_list_updates_total{{list="{name}",result="{result}"}}']
        for name in ("own", "partner")
        for result in ("ok", "unchanged", "refused", "failed")
    }
    assert {key for key, count in updates.items() if count} == {
        ("partner", "refused"),
        ("partner", "failed"),
    }
    refused = 'dnsguard_list_refused_total{{list="partner",reason="{}"}}'
    assert {reason: samples[refused.format(reason)] for reason in REASONS} == {
        **dict.fromkeys(REASONS, 0),
        "shrink": 1,
    }
    assert 'dnsguard_list_updates_total{list="builtin:tiktok",result="ok"}' not in samples


def test_what_reading_the_files_came_to_is_counted(exposition: Exposition) -> None:
    read = exposition.snapshot.lists
    own = next(found for found in read.loaded if found.name == "own")
    events = Events()

    def count(found: LoadedList, accepted: tuple[Accepted, ...] = ()) -> None:
        events.count_files(Lists((found,), read.compiled, accepted))

    count(own, read.accepted)
    count(own)
    count(replace(own, problem="the file cannot be read"))
    count(replace(own, problem="it is empty", refused="empty"))
    for found in read.loaded:
        if found.name != "own":
            count(found)
    assert events.list_updates == {
        ("own", "ok"): 1,
        ("own", "unchanged"): 1,
        ("own", "failed"): 1,
        ("own", "refused"): 1,
    }
    assert events.list_refused == {("own", "empty"): 1}
