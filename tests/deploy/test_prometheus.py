import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.promql import check

DEPLOY = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = DEPLOY / "dnsguard.rules.yml"


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments],
        cwd=DEPLOY,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint=all", "--lint-fatal", "dnsguard.rules.yml"),
        ("test", "rules", "dnsguard.test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(arguments: tuple[str, ...]) -> None:
    run = promtool(*arguments)
    assert run.returncode == 0, run.stdout + run.stderr


def alerts() -> list[dict[str, object]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_the_rules_name_only_series_and_labels_that_exist() -> None:
    for alert in alerts():
        assert check(str(alert["expr"])) == []


def test_every_alert_speaks_both_languages_and_has_firing_and_silent_cases() -> None:
    cases = yaml.safe_load((DEPLOY / "dnsguard.test.yml").read_text())["tests"]
    tried = [case for test in cases for case in test["alert_rule_test"]]
    for alert in alerts():
        annotations = alert["annotations"]
        assert isinstance(annotations, dict)
        assert " / " in annotations["summary"]
        assert re.match(r"EN: .* FR : ", annotations["description"])
        outcomes = [bool(c["exp_alerts"]) for c in tried if c["alertname"] == alert["alert"]]
        assert set(outcomes) == {True, False}


def test_the_job_of_the_scrape_config_is_the_one_the_alerts_look_for() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "dnsguard"
    assert f'up{{job="{job["job_name"]}"}}' in RULES.read_text()
