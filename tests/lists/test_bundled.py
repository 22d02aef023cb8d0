import importlib.util
import shutil
from pathlib import Path

import pytest

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.lists import bundled


def test_the_builtin_lists() -> None:
    assert bundled.BUILTIN == ("tiktok", "tiktok-strict", "encrypted-dns", "relays", "vpn")
    assert b"\n*.tiktok.com.*\n" in bundled.text("tiktok")
    assert bundled.text("tiktok-strict").startswith(bundled.text("tiktok"))


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no builtin list named 'tik\\x1btok': .*tiktok-strict"):
        bundled.text("tik\x1btok")


def test_off_switches() -> None:
    found = {names.to_text(entry.name): entry for entry in bundled.off_switches()}
    assert {"use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com"} <= set(found)
    assert found["mask.icloud.com"].kind == Kind.EXACT
    assert {entry.rcode for entry in found.values()} == {"nxdomain"}
    assert "resolver.arpa" not in found


@pytest.mark.parametrize("text", ["akamai.net", "cloudfront.net", "map.fastly.net", "myqcloud.com"])
def test_shared_zones(text: str) -> None:
    assert names.from_text(text) in bundled.shared_zones()


@pytest.mark.parametrize("text", ["windowsupdate.com", "ocsp.digicert.com", "push.apple.com"])
def test_safety(text: str) -> None:
    assert names.from_text(text) in bundled.safety()


@pytest.mark.parametrize("text", ["surbl.org", "spamhaus.org", "uribl.com"])
def test_dnsbl_zones(text: str) -> None:
    assert names.from_text(text) in bundled.dnsbl_zones()


@pytest.mark.parametrize("zones", [bundled.shared_zones(), bundled.dnsbl_zones()])
def test_zones_are_sorted_and_distinct(zones: tuple[bytes, ...]) -> None:
    texts = [names.to_text(zone) for zone in zones]
    assert texts == sorted(set(texts))


def test_an_installed_package_finds_its_own_files(tmp_path: Path) -> None:
    package = tmp_path / "dnsguard"
    (package / "lists").mkdir(parents=True)
    module = Path(shutil.copy(bundled.__file__, package / "lists" / "bundled.py"))
    (package / "blocklists").mkdir()
    (package / "blocklists" / "tiktok.txt").write_text("installed.example\n")
    (tmp_path / "blocklists").mkdir()
    (tmp_path / "blocklists" / "tiktok.txt").write_text("somebody-elses.example\n")
    spec = importlib.util.spec_from_file_location("installed_bundled", module)
    assert spec is not None
    assert spec.loader is not None
    installed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(installed)
    assert installed.text("tiktok") == b"installed.example\n"
