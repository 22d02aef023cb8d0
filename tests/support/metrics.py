"""Reads what /metrics says."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

Samples = dict[str, float]
"""Values by series, written as in PromQL with the labels sorted: name{a="1",b="2"}."""


def read_samples(text: str) -> Samples:
    """Return the value of every series."""
    return {
        series(sample.name, sample.labels): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def series(name: str, labels: Mapping[str, str]) -> str:
    """Return a series as `Samples` writes it."""
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inside}}}" if inside else name


def gone_backwards(before: Samples, after: Samples) -> list[str]:
    """Return the counters and histogram series that are lower or gone."""
    return [
        f"{name}: {value} -> {after.get(name)}"
        for name, value in before.items()
        if name.partition("{")[0].endswith(("_total", "_bucket", "_count", "_sum"))
        and after.get(name, -1) < value
    ]
