"""The dashboard and the metrics of a dnsguard that serves, scraped by a real Prometheus."""

import itertools
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.asking import ask_tcp, ask_udp
from tests.support.dashboard import queries
from tests.support.gateway import said
from tests.support.nginx import running_nginx
from tests.support.nsd import running_nsd
from tests.support.prometheus import Prometheus
from tests.support.series import SERIES, find
from tests.support.server import Server, running

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards" / "dnsguard.json"
QUERIES = queries(DASHBOARD, interval="5s", span="5s")

STAFF, TRIAL, OTHER, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"
TRAFFIC = [
    (STAFF, "www.tiktok.com A", "udp", "0.0.0.0"),
    (STAFF, "www.tiktok.com HTTPS", "tcp", "NODATA"),
    (TRIAL, "www.tiktok.com A", "udp", "198.51.100.80"),
    (OTHER, "www.tiktok.com A", "tcp", "198.51.100.80"),
    (OTHER, "n{number}.example.org A", "udp", "198.51.100.10"),
    (OTHER, "localhost A", "udp", "127.0.0.1"),
    (STRANGER, "www.example.org A", "udp", "REFUSED"),
]
NOT_YET = {
    "dnsguard_query_log_dropped_total",
    "dnsguard_audit_failures_total",
}
BESIDES = {"dnsguard_internal_errors_total"}

_SOA = "@ 3600 IN SOA ns.example. admin.example. 1 3600 600 86400 60\n@ 3600 IN NS ns.example.\n"
_ZONES = {
    "example.org": f"{_SOA}* 300 IN A 198.51.100.10\n",
    "tiktok.com": f"{_SOA}* 300 IN A 198.51.100.80\n",
}


@dataclass(frozen=True)
class Live:
    server: Server
    prometheus: Prometheus


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    (folder / "own.txt").write_text("blocked.example.net\n", "utf-8")
    with running_nsd(folder, _ZONES) as port, running_nginx(folder) as nginx:
        nginx.serve("/partner.txt", b"example.net\n")
        config = {
            "allow_clients": [STAFF, TRIAL, OTHER],
            "upstreams": [f"udp://127.0.0.1:{port}"],
            "groups": {"staff": {"subnets": [STAFF]}, "trial": {"subnets": [TRIAL]}},
            "lists": {
                "own": {"source": str(folder / "own.txt")},
                "partner": {"source": nginx.url("/partner.txt")},
                "missing": {"source": nginx.url("/missing.txt")},
            },
            "policies": {
                "ban": {"groups": ["staff"], "lists": ["builtin:tiktok", "own", "partner"]},
                "shadow": {
                    "groups": ["trial"],
                    "lists": ["builtin:tiktok", "missing"],
                    "stage": "shadow",
                },
            },
        }
        with (
            running(folder, config) as server,
            traffic(server),
            Prometheus(folder / "prometheus", [server.status()["admin"]]) as prometheus,
        ):
            assert prometheus.wait_for(
                'dnsguard_list_updates_total{list="partner", result="ok"} == 1'
            )
            nginx.serve("/partner.txt", b"<html>sold</html>\n")
            assert server.command("lists", "update", "partner").returncode == 1
            yield Live(server, prometheus)


@contextmanager
def traffic(server: Server) -> Iterator[None]:
    """Keep asking for the length of a block; every answer must be the expected one."""
    over = threading.Event()
    wrong: list[object] = []

    def keep_asking() -> None:
        for number in itertools.count():
            for client, text, transport, expected in TRAFFIC:
                try:
                    answer = ask(server, client, text.format(number=number), transport)
                except OSError as error:
                    answer = repr(error)
                if answer != expected:
                    wrong.append((client, text, transport, answer))
            if over.wait(0.02):
                return

    thread = threading.Thread(target=keep_asking)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert wrong == []


def ask(server: Server, client: str, text: str, transport: str) -> str:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as asking:
        asking.bind((client, 0))
        response, _ = (ask_udp if transport == "udp" else ask_tcp)(
            asking, text, ("127.0.0.1", server.port)
        )
    return said(response)


@pytest.mark.parametrize(
    ("title", "expression"), QUERIES, ids=[title.split(" / ")[0] for title, _ in QUERIES]
)
def test_every_panel_shows_numbers(title: str, expression: str, live: Live) -> None:
    assert live.prometheus.wait_for(f"({expression}) == ({expression})")  # NaN equals nothing


@pytest.mark.parametrize(
    "expression",
    [
        'dnsguard_queries_total{group="staff", transport="udp"} > 0',
        'dnsguard_queries_total{group="staff", transport="tcp"} > 0',
        'dnsguard_queries_total{group="unregistered", transport="tcp"} > 0',
        'dnsguard_responses_total{source="policy", rcode="NOERROR"} > 0',
        'dnsguard_responses_total{source="cache", rcode="NOERROR"} > 0',
        'dnsguard_responses_total{source="upstream", rcode="NOERROR"} > 0',
        'dnsguard_responses_total{source="local", rcode="NOERROR"} > 0',
        'dnsguard_responses_total{source="refused", rcode="REFUSED"} > 0',
        'dnsguard_blocked_total{group="staff", policy="ban", trigger="name", qtype="HTTPS"} > 0',
        'dnsguard_shadow_total{group="trial", policy="shadow", trigger="name", qtype="A"} > 0',
        'absent(dnsguard_blocked_total{policy="shadow"} > 0)',
        "sum(dnsguard_cache_entries) > 0",
        "dnsguard_upstream_seconds_count > 0",
        "dnsguard_upstream_up == 1",
        'dnsguard_policy_enforcing{policy="ban"} == 1',
        'dnsguard_policy_enforcing{policy="shadow"} == 0',
        'dnsguard_list_updates_total{list="partner", result="refused"} == 1',
        'dnsguard_list_updates_total{list="missing", result="failed"} > 0',
        'dnsguard_list_refused_total{list="partner", reason="html"} == 1',
        'increase(dnsguard_list_refused_total{list="partner", reason="html"}[1m]) > 0',
        'absent(dnsguard_list_refused_total{list="builtin:tiktok"})',
        'dnsguard_list_names{list="partner"} == 1',
        'dnsguard_list_age_seconds{list="partner"} < +Inf',
        'dnsguard_list_age_seconds{list="missing"} == +Inf',
        "dnsguard_internal_errors_total == 0",
        'dnsguard_list_names{list="own"} == 1',
        'dnsguard_list_updates_total{list="own", result="ok"} == 1',
        'sum(dnsguard_list_refused_total{list="own"}) == 0',
    ],
)
def test_the_traffic_is_counted_where_it_belongs(expression: str, live: Live) -> None:
    assert live.prometheus.wait_for(expression)


def test_promtool_finds_nothing_to_say_about_the_metrics(live: Live) -> None:
    run = subprocess.run(
        ["promtool", "check", "metrics"],
        input=live.server.metrics(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_the_public_series_and_their_labels_are_exposed_and_no_others(live: Live) -> None:
    families = set()
    for family in text_string_to_metric_families(live.server.metrics()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        families.add(name)
        for sample in family.samples:
            if name in SERIES:
                assert family.type == SERIES[name].kind
                assert set(sample.labels) == set(find(sample.name).labels)
            else:
                assert not sample.labels
    assert families == SERIES.keys() - NOT_YET | BESIDES


def test_labels_hold_names_of_the_config_and_fixed_words_never_a_domain_or_an_address(
    live: Live,
) -> None:
    of_the_config = {
        "group": {"staff", "trial", "unregistered"},
        "policy": {"ban", "shadow", "rebinding"},
        "list": {
            *("builtin:tiktok", "builtin:off-switches", "ban.block", "shadow.block"),
            *("own", "partner", "missing", "rebinding"),
        },
        "upstream": {upstream["url"] for upstream in live.server.status()["upstreams"]},
    }
    for family in text_string_to_metric_families(live.server.metrics()):
        for sample in family.samples:
            for label, value in sample.labels.items():
                if label in of_the_config:
                    assert value in of_the_config[label]
                elif label not in {"le", "version", "python"}:
                    assert re.fullmatch(r"[\w-]+", value)
