import json
from pathlib import Path

import pytest

from dnsguard.cli.why import render
from tests.support.api import FakePlane, served
from tests.support.command import CONFIG, dnsguard, write_config

EXPLANATION = {
    "name": "www.tiktok.com",
    "client": "10.20.0.7",
    "type": "A",
    "group": "staff",
    "hops": [
        {
            "trigger": "name",
            "name": "www.tiktok.com",
            "matches": [
                {"list": "builtin:tiktok", "rule": "tiktok.com", "kind": "suffix", "labels": 2}
            ],
        }
    ],
    "policies": [
        {
            "policy": "tiktok-ban",
            "stage": "enforce",
            "outcome": "blocks",
            "list": "builtin:tiktok",
            "rule": "tiktok.com",
        }
    ],
    "verdict": "blocked",
    "policy": "tiktok-ban",
    "answer": "www.tiktok.com. 30 IN A 0.0.0.0\nEDE: 15 (Blocked)",
}
SHOWN = """\
www.tiktok.com A asked by 10.20.0.7, group staff
  name www.tiktok.com
    on list builtin:tiktok by tiktok.com (suffix)
  policy tiktok-ban (enforce): blocks, list builtin:tiktok, rule tiktok.com
verdict: blocked by policy tiktok-ban
answer:
  www.tiktok.com. 30 IN A 0.0.0.0
  EDE: 15 (Blocked)
"""


def test_the_running_server_is_asked(tmp_path: Path) -> None:
    plane = FakePlane(explanation=EXPLANATION)
    config = write_config(tmp_path)
    with served(plane, runtime=tmp_path / "runtime"):
        arguments: list[str | Path] = [
            "why",
            "WWW.tiktok.com",
            "--client",
            "10.20.0.7",
            "--type",
            "A",
            "-c",
            config,
        ]
        result = dnsguard(*arguments)
        document = json.loads(dnsguard(*arguments, "--json").stdout)
    assert (result.exit_code, result.stdout, result.stderr) == (0, SHOWN, "")
    assert document == {**EXPLANATION, "from": "running"}
    assert plane.asked[0] == ("WWW.tiktok.com", "10.20.0.7", "A")


def test_what_cannot_be_asked_is_wrong_usage(tmp_path: Path) -> None:
    plane = FakePlane(explanation=ValueError("the client is not an IP address\x1b[2J"))
    config = write_config(tmp_path)
    with served(plane, runtime=tmp_path / "runtime"):
        result = dnsguard("why", "example.test", "--client", "phone", "-c", config)
    assert result.exit_code == 2
    assert "the client is not an IP address\\x1b[2J" in result.stderr


@pytest.mark.parametrize(
    ("client", "name", "verdict"),
    [
        ("10.20.0.7", "www.tiktok.com", "verdict: blocked by policy tiktok-ban\n"),
        ("2001:db8:20::7", "WWW.TikTok.com.", "verdict: blocked by policy tiktok-ban\n"),
        ("10.99.0.7", "www.tiktok.com", "verdict: pass\n"),
        ("10.20.0.7", "www.example.org", "verdict: pass\n"),
    ],
)
def test_without_a_server_the_config_answers_and_says_so(
    tmp_path: Path, client: str, name: str, verdict: str
) -> None:
    result = dnsguard("why", name, "--client", client, "-c", write_config(tmp_path))
    assert result.exit_code == 0
    assert verdict in result.stdout
    assert "dnsguard is not running: this is what" in result.stderr


def test_json_without_a_server_says_where_it_is_from(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    result = dnsguard("why", "tiktok.com", "--client", "10.20.0.7", "-c", config, "--json")
    document = json.loads(result.stdout)
    assert (document["from"], document["verdict"]) == ("config", "blocked")


@pytest.mark.parametrize(
    "arguments",
    [["tiktok..com", "--client", "10.0.0.1"], ["tiktok.com", "--client", "phone"], ["tiktok.com"]],
)
def test_wrong_usage_without_a_server_is_the_same(tmp_path: Path, arguments: list[str]) -> None:
    assert dnsguard("why", *arguments, "-c", write_config(tmp_path)).exit_code == 2


def test_without_a_server_and_a_valid_config_the_problems_are_said(tmp_path: Path) -> None:
    config = write_config(tmp_path, CONFIG.replace("[staff]", "[staf]"))
    result = dnsguard("why", "tiktok.com", "--client", "10.20.0.7", "-c", config)
    assert result.exit_code == 2
    assert "no group named 'staf'" in result.stdout


def test_an_explanation_that_lacks_anything_is_still_shown() -> None:
    for key in EXPLANATION:
        assert list(render({name: value for name, value in EXPLANATION.items() if name != key}))
    assert "    on no list" in list(render({"hops": [{"trigger": "name", "name": "x"}]}))


def test_a_later_hop_is_told_with_its_kind() -> None:
    told = {
        **EXPLANATION,
        "policies": [
            {
                "policy": "tiktok-ban",
                "stage": "enforce",
                "outcome": "blocks",
                "trigger": "cname",
                "list": "builtin:tiktok",
                "rule": "tiktok.com",
            }
        ],
    }
    shown = list(render(told))
    assert (
        "  policy tiktok-ban (enforce): blocks, list builtin:tiktok, rule tiktok.com (cname)"
        in shown
    )


def test_a_private_address_comes_with_its_mend() -> None:
    told = {**EXPLANATION, "policies": [], "policy": "rebinding"}
    shown = list(render(told))
    after = shown.index("verdict: blocked by policy rebinding") + 1
    assert "rebinding.allow" in shown[after]
