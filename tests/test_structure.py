"""The shape of the code that is easy to lose: small files, telling names, a test for each part."""

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
