from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.answers_table import best_peer, compose_report, ratios
from benchmarks.measuring import Measured

ONE = Measured(
    rate=100_000,
    cost=2.0,
    share=0.99,
    others=0.0,
    lost=0.0,
    failed=0.0,
    upstream=0.0,
    p50=10,
    p99=20,
    p999=30,
    longest=40,
)


def costing(*costs: float) -> list[Measured]:
    return [replace(ONE, cost=cost) for cost in costs]


ROUNDS = {
    "dnsguard": costing(2.0, 4.0, 3.0),
    "dnsguard-plain": costing(1.0, 1.0, 1.0),
    "dnsdist": costing(4.0, 8.0, 3.0),
    "unbound": costing(5.0, 9.0, 4.0),
    "echo": costing(1.0, 2.0, 1.0),
}


def test_a_spread_is_the_median_the_least_and_the_most() -> None:
    assert report.spread([3.0, 1.0, 20.0]) == "3.00 (1.00 to 20.00)"
    assert report.spread([1234.4, 1234.4], 0) == "1,234 (1,234 to 1,234)"


def test_a_table_is_markdown() -> None:
    assert report.table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_the_machine_is_named(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("vendor_id : x\nmodel name : Fast CPU\n", "utf-8")
    assert report.machine(tmp_path / "cpuinfo").startswith("Fast CPU, ")


def test_a_machine_without_a_model_has_its_architecture(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\n", "utf-8")
    assert " cores, " in report.machine(tmp_path / "cpuinfo")


def test_ratios_are_made_within_a_round() -> None:
    assert ratios(ROUNDS["dnsguard"], ROUNDS["dnsdist"]) == [0.5, 0.5, 1.0]


def test_the_best_peer_is_neither_ours_nor_the_echo() -> None:
    assert best_peer(ROUNDS) == "dnsdist"
    assert best_peer({"dnsguard": ROUNDS["dnsguard"], "echo": ROUNDS["echo"]}) == ""


@pytest.mark.parametrize("load", ["cached", "blocked", "mixed", "miss", "steady"])
def test_a_report_has_a_row_for_each_server(load: str) -> None:
    text = compose_report({load: ROUNDS}, {"dnsdist": "1.7.3"}, 3, 0.7)
    assert "dnsdist 1.7.3" in text
    assert "| dnsguard | 3.00 (2.00 to 4.00) | 0.50 (0.50 to 1.00) | 2.00 (2.00 to 3.00) |" in text
    assert all(f"\n| {name} | " in text for name in ROUNDS)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"share": 0.5}, "Not saturated, so that answers/s is not their limit: dnsdist;"),
        ({"lost": 0.01}, "Lost more than 0.1 % of the queries: dnsdist."),
        ({"others": 0.3}, "Disturbed: other processes used up to 30% of the server's core."),
    ],
)
def test_a_report_tells_what_its_figures_are_not_worth(
    change: dict[str, float], expected: str
) -> None:
    doubtful = [replace(one, **change) for one in ROUNDS["dnsdist"]]
    assert expected not in compose_report({"cached": ROUNDS}, {}, 3, 0.7)
    assert expected in compose_report({"cached": {**ROUNDS, "dnsdist": doubtful}}, {}, 3, 0.7)
