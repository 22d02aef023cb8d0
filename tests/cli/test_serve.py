from pathlib import Path

import pytest

from dnsguard.control import supervisor
from tests.support.command import dnsguard

Call = tuple[Path, bool, bool]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Take the place of the supervisor and note how it is called; it ends with 3."""
    noted: list[Call] = []

    def run(config_path: Path, *, strict: bool, demo: bool) -> int:
        noted.append((config_path, strict, demo))
        return 3

    monkeypatch.setattr(supervisor, "run", run)
    return noted


def test_serve_ends_as_the_supervisor_does(calls: list[Call]) -> None:
    assert dnsguard("serve", "-c", "x.yaml", "--strict").exit_code == 3
    assert dnsguard("serve").exit_code == 3
    assert calls == [
        (Path("x.yaml"), True, False),
        (Path("/etc/dnsguard/dnsguard.yaml"), False, False),
    ]


@pytest.mark.parametrize(("uid", "warnings"), [(0, 1), (1000, 0)])
def test_root_is_warned_in_one_line(
    calls: list[Call], monkeypatch: pytest.MonkeyPatch, uid: int, warnings: int
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    result = dnsguard("serve")
    assert len(result.stderr.splitlines()) == warnings
    assert not result.stdout


def test_the_demo_says_what_to_try(calls: list[Call]) -> None:
    result = dnsguard("serve", "--demo")
    assert "dig -b 127.0.0.2 @127.0.0.1 -p 10053 www.tiktok.com" in result.stdout
    assert "dig @127.0.0.1 -p 10053 www.tiktok.com" in result.stdout
    assert "http://127.0.0.1:19153/metrics" in result.stdout
    assert calls[0][2]
