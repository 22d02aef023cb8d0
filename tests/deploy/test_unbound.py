"""The Unbound that the deployment puts beside dnsguard; tests/scenarios/test_dnssec.py runs it."""

import re
import subprocess
from pathlib import Path

import yaml

from tests.support.command import dnsguard
from tests.support.unbound import ANCHOR_FILE, DEPLOYED

ROOT = Path(__file__).parents[2]
README = (ROOT / "deploy" / "README.md").read_text()
(UPSTREAMS,) = re.findall(r"^```yaml\n(upstreams:\n.*?)^```$", README, re.MULTILINE | re.DOTALL)


def settings(name: str) -> list[str]:
    return re.findall(rf"^    {name}: (.*)$", DEPLOYED.read_text(), re.MULTILINE)


def test_unbound_finds_no_fault_in_it(tmp_path: Path) -> None:
    anchor = tmp_path / "root.key"
    anchor.write_text(". IN DS 20326 8 2 " + "00" * 32 + "\n")
    config = tmp_path / "unbound.conf"
    config.write_text(DEPLOYED.read_text().replace(ANCHOR_FILE, str(anchor)))
    run = subprocess.run(["unbound-checkconf", config], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_it_is_where_the_readme_has_dnsguard_ask_and_nowhere_else() -> None:
    (interface,), (port,) = settings("interface"), settings("port")
    (upstream,) = yaml.safe_load(UPSTREAMS)["upstreams"]
    assert upstream == {"url": f"udp://{interface}:{port}", "trusted": True}


def test_it_validates_by_the_anchor_that_debian_keeps() -> None:
    assert settings("auto-trust-anchor-file") == [f'"{ANCHOR_FILE}"']
    assert settings("module-config") == ['"validator iterator"']
    assert settings("ede") == ["yes"]


def test_dnsguard_finds_no_fault_in_the_readmes_upstream(tmp_path: Path) -> None:
    shipped = (ROOT / "deploy" / "dnsguard.yaml").read_text()
    config = tmp_path / "dnsguard.yaml"
    text, replaced = re.subn(r"^upstreams:\n(  - .*\n)+", UPSTREAMS, shipped, flags=re.MULTILINE)
    assert replaced == 1
    config.write_text(text)
    result = dnsguard("check", "-c", config)
    assert (result.exit_code, result.stdout) == (0, f"{config} is valid\n")
