"""Configs that attack whoever reads them: tags, alias bombs, doubled keys, endless numbers."""

from pathlib import Path

import pytest

from tests.support.command import CONFIG, dnsguard

BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
)
LAST = CONFIG.count("\n") + 1
DOCUMENTS = {
    "a tag of Python": ('x: !!python/object/apply:os.system ["touch {}"]\n', LAST),
    "a module": ("x: !!python/module:{}\n", LAST),
    "a name": ("x: !!python/name:os.system\n", LAST),
    "a tag of its own": ("x: !include /etc/passwd\n", LAST),
    "a binary": ("x: !!binary aGVsbG8=\n", LAST),
    "an alias bomb": (BOMB, LAST),
    "an alias of itself": ("x: &x [*x]\n", LAST),
    "a merge": ("x: &x {{y: 1}}\nz: {{<<: *x}}\n", LAST),
    "a key given twice": ("upstreams: []\n", LAST),
    "an unknown key": ("nonsense: 1\n", LAST),
    "an endless number": ("workers: " + "9" * 100_000 + "\n", LAST),
    "a number of many notations": ("workers: 1_0:0_0:" + "59:" * 5_000 + "1\n", LAST),
    "an endless fraction": ("workers: 1e" + "9" * 5_000 + "\n", LAST),
    "deep nesting": ("x: " + "[" * 50_000 + "\n", LAST),
    "deep mappings": ("x: " + "{{a: " * 50_000 + "\n", LAST),
    "many documents": ("---\nx: 1\n", LAST + 1),
    "a key that is a list": ("? [a, b]\n: 1\n", LAST),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_hostile_config_is_refused_with_its_line(tmp_path: Path, kind: str) -> None:
    text, line = DOCUMENTS[kind]
    touched = tmp_path / "touched"
    path = tmp_path / "dnsguard.yaml"
    path.write_text(CONFIG + text.format(touched), "utf-8")
    result = dnsguard("check", "-c", path)
    assert result.exit_code == 2
    assert f"{path}:{line}: " in result.output
    assert "Traceback" not in result.output
    assert len(result.output) < 2_000
    assert not [char for char in result.output if not char.isprintable() and char != "\n"]
    assert not touched.exists()


def test_a_config_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dnsguard.yaml"
    path.write_text(CONFIG + "# more\n" * 10_000_000, "utf-8")
    result = dnsguard("check", "-c", path)
    assert result.exit_code == 2
    assert "larger" in result.output
