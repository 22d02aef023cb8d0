import os
import sys
from pathlib import Path

import pytest

from dnsguard.control import supervisor
from tests.support.command import dnsguard, run_python

Call = tuple[Path, bool, bool, bool]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Take the place of the supervisor and note how it is called; it ends with 3."""
    noted: list[Call] = []

    def run(config_path: Path, *, strict: bool, demo: bool, as_json: bool) -> int:
        noted.append((config_path, strict, demo, as_json))
        return 3

    monkeypatch.setattr(supervisor, "run", run)
    return noted


def test_serve_ends_as_the_supervisor_does(calls: list[Call]) -> None:
    assert dnsguard("serve", "-c", "x.yaml", "--strict").exit_code == 3
    assert dnsguard("serve", "--json").exit_code == 3
    default = Path("/etc/dnsguard/dnsguard.yaml")
    assert calls == [(Path("x.yaml"), True, False, False), (default, False, False, True)]


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(("uid", "warnings"), [(0, 1), (1000, 0)])
def test_root_is_warned_in_one_line(
    tmp_path: Path, options: list[str], uid: int, warnings: int
) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import os\nos.geteuid = lambda: {uid}\n")
    environ = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    missing = tmp_path / "missing.yaml"
    result = run_python("-m", "dnsguard", "serve", "-c", missing, *options, **environ)
    assert (result.returncode, result.stdout) == (2, "")
    *warned, refused = result.stderr.splitlines()
    assert f"{missing}: cannot be read" in refused
    assert ["running as root" in line for line in warned] == [True] * warnings
    assert refused.startswith("{") == bool(options)


def test_the_demo_says_what_to_try(calls: list[Call]) -> None:
    result = dnsguard("serve", "--demo")
    assert "dig -b 127.0.0.2 @127.0.0.1 -p 10053 www.tiktok.com" in result.stdout
    assert "dig @127.0.0.1 -p 10053 www.tiktok.com" in result.stdout
    assert "http://127.0.0.1:19153/metrics" in result.stdout
    assert calls[0][2]
