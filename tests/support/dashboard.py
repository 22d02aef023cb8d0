"""Reads a Grafana dashboard as a browser does: the queries of its panels, variables filled in."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def panels(path: Path) -> list[dict[str, Any]]:
    """Return every panel of the dashboard, rows and panels inside folded rows included."""
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    return list(_flatten(dashboard["panels"]))


def queries(path: Path, *, interval: str = "1m", span: str = "1h") -> list[tuple[str, str]]:
    """Return (panel title, PromQL) for every query, with each variable set to All.

    `interval` stands for Grafana's rate interval, `span` for the time range of the page.
    """
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    values = {"__rate_interval": interval, "__range": span}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            values[variable["name"]] = variable["allValue"]
    return [
        (panel["title"], _fill_in(target["expr"], values))
        for panel in _flatten(dashboard["panels"])
        for target in panel.get("targets", [])
    ]


def _flatten(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in found:
        yield panel
        yield from _flatten(panel.get("panels", []))


def _fill_in(expression: str, values: dict[str, str]) -> str:
    for name in sorted(values, key=len, reverse=True):
        expression = expression.replace(f"${{{name}}}", values[name])
        expression = expression.replace(f"${name}", values[name])
    if "$" in expression:
        raise ValueError(f"a variable without a value in the query: {expression}")
    return expression
