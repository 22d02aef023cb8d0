"""An HTTP exporter with one sample of every public series: a stand-in for a busy dnsguard."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from tests.support.series import SERIES, Series

_VALUES = {"source": "cache", "policy": "tiktok-ban", "group": "staff-mobile", "result": "refused"}


class _Everything(Collector):
    def __init__(self) -> None:
        self._scrapes = itertools.count(1)

    def collect(self) -> Iterable[Metric]:
        scrapes = next(self._scrapes)
        for name, series in SERIES.items():
            yield _family(name, series, scrapes)


@contextmanager
def exporter() -> Iterator[str]:
    """Serve the series on loopback and give host:port; counters grow with every scrape."""
    registry = CollectorRegistry()
    registry.register(_Everything())
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _family(name: str, series: Series, scrapes: int) -> Metric:
    values = [_VALUES.get(label, "example") for label in series.labels]
    if series.kind == "histogram":
        histogram = HistogramMetricFamily(name, "An example", labels=series.labels)
        buckets = [("0.001", float(scrapes)), ("+Inf", float(2 * scrapes))]
        histogram.add_metric(values, buckets, sum_value=float(scrapes))
        return histogram
    if series.kind == "counter":
        counter = CounterMetricFamily(name, "An example", labels=series.labels)
        counter.add_metric(values, scrapes)
        return counter
    gauge = GaugeMetricFamily(name, "An example", labels=series.labels)
    gauge.add_metric(values, 1)
    return gauge
