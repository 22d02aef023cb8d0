import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.dashboard import panels, queries
from tests.support.exporter import exporter
from tests.support.prometheus import Prometheus
from tests.support.promql import check, metrics

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
DASHBOARD = GRAFANA / "dashboards" / "dnsguard.json"
PANELS = panels(DASHBOARD)
QUERIES = queries(DASHBOARD, interval="5s", span="5s")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    directory = tmp_path_factory.mktemp("prometheus")
    with exporter() as target, Prometheus(directory, [target]) as running:
        yield running


def panel_id(value: object) -> str:
    return str(value).split(" / ")[0]


each_query = pytest.mark.parametrize(
    ("title", "expression"), QUERIES, ids=[panel_id(title) for title, _ in QUERIES]
)


@each_query
def test_a_query_names_only_series_and_labels_that_exist(title: str, expression: str) -> None:
    assert check(expression) == []
    assert metrics(expression)


@each_query
def test_a_query_is_promql_and_returns_numbers(
    title: str, expression: str, prometheus: Prometheus
) -> None:
    assert prometheus.wait_for(f"({expression}) == ({expression})")  # NaN equals nothing


@pytest.mark.parametrize(
    ("stage", "enforcing", "shown"),
    [(0, 0, 0), (1, 0, 1), (1, 1, 1), (2, 0, 2), (2, 1, 3)],
)
def test_the_ban_panel_tells_four_states_apart(
    stage: int, enforcing: int, shown: int, prometheus: Prometheus
) -> None:
    (expression,) = [e for title, e in QUERIES if title.startswith("Enforced now")]
    prometheus.wait_for("dnsguard_policy_stage")
    expression = re.sub(r"dnsguard_policy_stage(\{[^}]*\})?", rf"(\g<0> * 0 + {stage})", expression)
    expression = expression.replace(
        "dnsguard_policy_enforcing", f"(dnsguard_policy_enforcing * 0 + {enforcing})"
    )
    assert [float(sample["value"][1]) for sample in prometheus.query(expression)] == [shown]


def test_every_panel_has_an_id_of_its_own() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len(ids) == len(set(ids))


def test_panels_fill_the_page_without_overlap() -> None:
    cells = [cell for panel in PANELS for cell in _cells(panel["gridPos"])]
    assert len(cells) == len(set(cells))
    assert set(cells) == set(itertools.product(range(24), range(max(y for _, y in cells) + 1)))


def _cells(position: dict[str, int]) -> Iterator[tuple[int, int]]:
    columns = range(position["x"], position["x"] + position["w"])
    return itertools.product(columns, range(position["y"], position["y"] + position["h"]))


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel_id(panel["title"]))
def test_a_panel_speaks_both_languages_and_asks_the_chosen_prometheus(
    panel: dict[str, Any],
) -> None:
    assert " / " in panel["title"]
    if panel["type"] == "row":
        return
    assert " / " in panel["description"]
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


def test_provisioning_finds_the_dashboard_where_the_readme_puts_it() -> None:
    provisioning = GRAFANA / "provisioning"
    providers = yaml.safe_load((provisioning / "dashboards" / "dnsguard.yml").read_text())
    (provider,) = providers["providers"]
    readme = (GRAFANA.parent / "README.md").read_text()
    assert f"{provider['options']['path']}/" in readme
    sources = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())
    assert [source["type"] for source in sources["datasources"]] == ["prometheus"]
