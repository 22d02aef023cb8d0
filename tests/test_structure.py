"""The shape of the code that is easy to lose: small files, telling names, a test for each part."""

import ast
import re

import pytest

from tests.support.data import CHECKOUT

MAX_LINES = 400
SAYS_NOTHING = {"util", "utils", "helper", "helpers", "misc", "common", "base", "manager"}
SOURCES = sorted(
    path.relative_to(CHECKOUT)
    for folder in ("dnsguard", "tests", "benchmarks")
    for path in (CHECKOUT / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_file_holds_one_thing(path: str) -> None:
    lines = (CHECKOUT / path).read_text("utf-8").count("\n")
    assert lines <= MAX_LINES


def test_names_say_what_is_inside() -> None:
    assert {path.stem for path in SOURCES}.isdisjoint(SAYS_NOTHING)


@pytest.mark.parametrize("folder", ["core", "net", "evidence"])
def test_each_part_has_its_own_test(folder: str) -> None:
    parts = {path.name for path in SOURCES if path.parent.as_posix() == f"dnsguard/{folder}"}
    parts -= {"__init__.py", "single.py", "octets.py", "garbage.py"}  # tested by who uses them
    tested = {path.name for path in SOURCES if path.parent.as_posix() == f"tests/{folder}"}
    assert {f"test_{name}" for name in parts} <= tested


def test_what_runs_in_one_build_uses_nothing_compiled() -> None:
    makefile = (CHECKOUT / "Makefile").read_text("utf-8")
    listed = re.search(r"^ONE_BUILD := ((?:.*\\\n)*.*)$", makefile, re.M)
    assert listed is not None
    places = [CHECKOUT / place for place in listed[1].replace("\\", "").split()]
    assert [place for place in places if not place.exists()] == []
    setup = (CHECKOUT / "setup.py").read_text("utf-8")
    compiled = set(re.findall(r'^    "(dnsguard\.[\w.]+)",$', setup, re.M))
    assert compiled
    files = [file for place in places for file in (*place.rglob("*.py"), place) if file.is_file()]
    used = {(file.name, name) for file in files for name in imported(file.read_text("utf-8"))}
    assert {(file, name) for file, name in used if name in compiled} == set()


def imported(source: str) -> set[str]:
    """Return every module that a source may import, and what it takes out of one."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
