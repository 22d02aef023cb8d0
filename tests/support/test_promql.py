import pytest

from tests.support.promql import check, metrics


@pytest.mark.parametrize(
    "expression",
    [
        'sum by (group) (rate(dnsguard_queries_total{group=~".*", job="dnsguard"}[1m]))',
        "histogram_quantile(0.5, sum by (le, source) (rate(dnsguard_response_seconds_bucket[1m])))",
        "dnsguard_policy_enforcing == 0 and on (job, policy) dnsguard_policy_stage == 2",
        'absent(up{job="dnsguard"})',
    ],
)
def test_right_expressions_pass(expression: str) -> None:
    assert check(expression) == []


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("dnsguard_querys_total", "no series dnsguard_querys_total"),
        ("dnsguard_queries_total_bucket", "no series dnsguard_queries_total_bucket"),
        ('dnsguard_generation{policy="x"}', "dnsguard_generation has no label policy"),
        (
            "sum by (list) (rate(dnsguard_queries_total[1m])) + sum(dnsguard_list_names)",
            "dnsguard_queries_total is grouped by list, which it does not have",
        ),
        (
            "sum by (le) (rate(dnsguard_response_seconds_count[1m]))",
            "dnsguard_response_seconds_count is grouped by le, which it does not have",
        ),
        (
            "dnsguard_generation and on (policy) dnsguard_build_info",
            "nothing here has the label policy to match on",
        ),
    ],
)
def test_wrong_ones_are_named(expression: str, problem: str) -> None:
    assert problem in check(expression)


def test_metrics_are_found_in_order() -> None:
    assert metrics("a + dnsguard_generation{} / up") == ["dnsguard_generation", "up"]
