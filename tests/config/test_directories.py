import os
from pathlib import Path

import pytest

from dnsguard.config.directories import read_directories
from dnsguard.config.settings import Directories

WRITTEN = "directories: {state: state, runtime: /run/city}\n"


@pytest.mark.parametrize(
    "text",
    [
        WRITTEN,
        "groups: [\n" + WRITTEN,
        "nonsense\n" + WRITTEN + "policies: {a: {b: [}}\n",
        "directories:\n  # ours\n  state: state\n\n  runtime: /run/city\nlisten: [\n",
    ],
)
def test_they_are_read_whatever_else_is_broken(tmp_path: Path, text: str) -> None:
    path = tmp_path / "dnsguard.yaml"
    path.write_text(text, "utf-8")
    assert read_directories(path).resolve({}) == (tmp_path / "state", Path("/run/city"))


def test_octets_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"# caf\xe9\n" + WRITTEN.encode())
    assert read_directories(tmp_path / "a.yaml").runtime == Path("/run/city")


@pytest.mark.parametrize(
    "text", ["", "groups: {}\n", "directories: {stat: a}\n", "directories: [\n"]
)
def test_without_them_the_default_holds(tmp_path: Path, text: str) -> None:
    path = tmp_path / "dnsguard.yaml"
    path.write_text(text, "utf-8")
    assert read_directories(path) == read_directories(tmp_path / "none.yaml") == Directories()


def test_a_relative_path_gives_absolute_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text(WRITTEN, "utf-8")
    monkeypatch.chdir(tmp_path)
    state, _ = read_directories(Path("a.yaml")).resolve(os.environ)
    assert state == tmp_path / "state"
