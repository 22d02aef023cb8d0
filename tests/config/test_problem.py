from hypothesis import given
from hypothesis import strategies as st

from dnsguard.config import ConfigError, Problem
from dnsguard.config.problem import show_path
from dnsguard.text import quote


def test_a_problem_is_shown_with_its_place() -> None:
    problem = Problem("policies.x.groups[1]", "no group named 'staf'", "/etc/dnsguard.yaml", 12)
    assert str(problem) == "/etc/dnsguard.yaml:12: policies.x.groups[1]: no group named 'staf'"


def test_a_problem_of_a_whole_file() -> None:
    assert str(Problem("", "cannot be read", "x.yaml", 0)) == "x.yaml: cannot be read"


def test_an_error_shows_all_its_problems() -> None:
    problems = [Problem("a", "b", "f", 1), Problem("c", "d", "f", 2)]
    assert str(ConfigError(problems)) == "f:1: a: b\nf:2: c: d"
    assert ConfigError(problems).problems == tuple(problems)


def test_paths() -> None:
    assert show_path(()) == ""
    assert show_path(("a", "b-c", 0, "d")) == "a.b-c[0].d"
    assert show_path(("a", "x y", "")) == "a.'x y'.''"


@given(st.text(), st.lists(st.text() | st.integers()), st.text())
def test_whatever_is_shown_is_printable(file: str, path: list[str | int], value: str) -> None:
    assert str(Problem(show_path(tuple(path)), quote(value), file, 1)).isprintable()
