"""Reading what /metrics says."""

from prometheus_client.parser import text_string_to_metric_families


def value(text: str, series: str, **labels: str) -> float:
    """Return the sum of a series over all samples that have these labels; 0 when none has."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == series and labels.items() <= sample.labels.items()
    )
