import subprocess
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIServer

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from tests.support.prometheus import Prometheus


@pytest.fixture
def target() -> Iterator[str]:
    registry = CollectorRegistry()
    Gauge("answer", "An example", ["unit"], registry=registry).labels("one").set(42)
    server: WSGIServer
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_scraped_value_comes_back(tmp_path: Path, target: str) -> None:
    with Prometheus(tmp_path, [target], job="example") as prometheus:
        (sample,) = prometheus.wait_for("answer")
        assert sample["metric"]["unit"] == "one"
        assert sample["metric"]["job"] == "example"
        assert sample["value"][1] == "42"
        assert prometheus.query("answer > 100") == []
        assert prometheus.query("scalar(answer)")[0]["value"][1] == "42"


def test_a_query_that_is_not_promql_is_a_value_error(tmp_path: Path, target: str) -> None:
    with (
        Prometheus(tmp_path, [target]) as prometheus,
        pytest.raises(ValueError, match="parse error"),
    ):
        prometheus.query("sum by (")


def test_nothing_runs_on_after_the_block(tmp_path: Path, target: str) -> None:
    with Prometheus(tmp_path, [target]) as prometheus:
        process: subprocess.Popen[bytes] = prometheus._process
        assert process.poll() is None
    assert process.poll() is not None


def test_a_config_it_refuses_is_reported_with_its_own_words(tmp_path: Path, target: str) -> None:
    rules = tmp_path / "broken.yml"
    rules.write_text("groups: [{name: example, rules: [{alert: Example, expr: 'sum('}]}]")
    with (
        pytest.raises(RuntimeError, match=r"broken\.yml"),
        Prometheus(tmp_path, [target], rules=[rules]),
    ):
        pass
