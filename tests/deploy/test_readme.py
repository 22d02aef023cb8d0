import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "deploy" / "README.md").read_text()
INSTALLS = re.findall(r"^install (?!-d).* (\S+/\S+) (/\S+)$", README, flags=re.MULTILINE)


@pytest.mark.parametrize(("source", "destination"), INSTALLS, ids=lambda path: Path(path).name)
def test_what_it_installs_is_there_and_goes_where_the_table_says(
    source: str, destination: str
) -> None:
    assert (ROOT / source).is_file()
    rows = [line for line in README.splitlines() if line.startswith("|")]
    folders = [row.split("`")[-2] for row in rows if source.rsplit("/", 1)[-1] in row]
    folders += ["/etc/grafana/provisioning/"] if "provisioning" in source else []
    assert any(destination.startswith(folder) for folder in folders)


def test_every_file_for_an_admin_is_installed() -> None:
    sources = {source for source, _ in INSTALLS}
    files = {
        str(path.relative_to(ROOT))
        for folder in ("deploy", "systemd")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    assert files - sources == {"deploy/README.md", "deploy/prometheus/dnsguard.test.yml"}


def test_the_alerts_it_lists_are_the_ones_there_are() -> None:
    rules = (ROOT / "deploy" / "prometheus" / "dnsguard.rules.yml").read_text()
    listed = re.findall(r"^\| `(Dnsguard\w+)` \|.*\| (\w+) \|$", README, flags=re.MULTILINE)
    defined = re.findall(r"alert: (\w+).*?severity: (\w+)", rules, flags=re.DOTALL)
    assert listed == defined
