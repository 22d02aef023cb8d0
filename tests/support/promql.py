"""Compares PromQL with the public series: unknown metrics, and labels a metric does not have."""

import re

from tests.support.series import find

_TARGET_LABELS = ("job", "instance")  # set by Prometheus on every scraped series
_FOREIGN = ("up",)  # made by Prometheus itself
_SELECTOR = re.compile(r"\b(dnsguard_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\bby\s*\(([^)]*)\)\s*\(")
_MATCHING = re.compile(r"\bon\s*\(([^)]*)\)")


def check(expression: str) -> list[str]:
    """Return what is wrong with the metrics and labels of an expression, as sentences."""
    problems = [
        f"{name} has no label {label}"
        for name, matchers in _SELECTOR.findall(expression)
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)
        if label not in _labels(name)
    ]
    for grouping in _GROUPING.finditer(expression):
        inside = _balanced(expression, grouping.end())
        problems += [
            f"{name} is grouped by {label}, which it does not have"
            for name in metrics(inside)
            for label in _names(grouping[1])
            if label not in _labels(name)
        ]
    known = {label for name in metrics(expression) for label in _labels(name)}
    problems += [
        f"nothing here has the label {label} to match on"
        for labels in _MATCHING.findall(expression)
        for label in _names(labels)
        if label not in known
    ]
    return problems + [f"no series {name}" for name in metrics(expression) if not _labels(name)]


def metrics(expression: str) -> list[str]:
    """Return the metric names of an expression in the order they stand."""
    return [name for name, _ in _SELECTOR.findall(expression)]


def _labels(name: str) -> tuple[str, ...]:
    if name in _FOREIGN:
        return _TARGET_LABELS
    try:
        return find(name).labels + _TARGET_LABELS
    except KeyError:
        return ()


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _balanced(text: str, start: int) -> str:
    depth = 1
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return text[start:position]
    raise ValueError(f"a parenthesis stays open: {text}")
