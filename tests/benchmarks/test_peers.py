from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.peers import guard
from benchmarks.peers.kind import Setting
from dnsguard.config.load import load

NAMES = ("ads.example.org", "track.example.net")


def setting(folder: Path) -> Setting:
    return Setting(folder, 5301, 5302, NAMES)


def test_an_unknown_server_ends_the_run() -> None:
    with pytest.raises(SystemExit, match="no server named 'bund'"):
        peers.find("bund")


@pytest.mark.parametrize("name", ["dnsdist", "pdns-recursor", "unbound", "bind", "dnsmasq"])
def test_a_peer_is_told_its_ports_and_every_name(name: str, tmp_path: Path) -> None:
    launch = peers.find(name).prepare(setting(tmp_path))
    written = "".join(path.read_text("ascii") for path in sorted(tmp_path.iterdir()))
    assert all(part in written for part in ("5301", "5302", *NAMES))
    assert str(tmp_path) in " ".join(launch.command)


@pytest.mark.parametrize("shape", [guard.Shape(), guard.Shape(lists=2, groups=300, workers=2)])
def test_the_config_of_dnsguard_is_valid(shape: guard.Shape, tmp_path: Path) -> None:
    path = tmp_path / "dnsguard.yaml"
    path.write_text(guard.config(setting(tmp_path), shape), "utf-8")
    config = load(path)
    assert len(config.lists) == shape.lists
    assert len(config.groups) == shape.groups
    assert config.workers == shape.workers
