import json
import lzma
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklists.tools.compare import by_registrable, compare, main, read, registrable
from dnsguard.core import names
from tests.support.data import CHECKOUT

SCRIPT = CHECKOUT / "blocklists" / "tools" / "compare.py"
BUNDLE = "example.org\n=host.example.net\n*.example.com.*\n"


def found(bundle: str, *lists: str, at_least: int = 1) -> tuple[dict[str, int], list[str], int]:
    """Return the candidates with how many lists name each, the unnamed entries, the broader."""
    others = {str(number): read(text.encode()) for number, text in enumerate(lists)}
    result = compare(read(bundle.encode()), others, at_least)
    return (
        {names.to_text(name): len(titles) for name, titles in result.candidates},
        [names.to_text(name) for name in result.unnamed],
        result.broader,
    )


@pytest.mark.parametrize("named", ["example.org", "host.example.net", "=host.example.net"])
def test_a_name_the_bundle_holds_is_no_candidate(named: str) -> None:
    candidates, unnamed, broader = found(BUNDLE, named)
    assert (candidates, broader) == ({}, 0)
    assert len(unnamed) == 2


@pytest.mark.parametrize(
    "named", ["www.example.org", "example.com.cdn.example.net", "a.example.com"]
)
def test_a_name_below_a_broader_entry_is_counted(named: str) -> None:
    assert found(BUNDLE, named)[0] == {}
    assert found(BUNDLE, named)[2] == 1


@pytest.mark.parametrize(
    "named", ["notexample.org", "www.host.example.net", "example.net", "org.example"]
)
def test_a_name_the_bundle_lets_through_is_a_candidate(named: str) -> None:
    assert found(BUNDLE, named)[0] == {named: 1}


def test_candidates_are_those_of_enough_lists_most_named_first() -> None:
    lists = ("a.test\nb.test\n", "b.test\nc.test\n", "b.test\nc.test\n")
    assert list(found(BUNDLE, *lists)[0].items()) == [("b.test", 3), ("c.test", 2), ("a.test", 1)]
    assert found(BUNDLE, *lists, at_least=2)[0] == {"b.test": 3, "c.test": 2}


def test_an_entry_counts_as_named_by_what_is_above_or_below_it() -> None:
    assert found(BUNDLE, "a.example.org\nexample.net\nexample.com")[1] == []
    assert found(BUNDLE, "other.test")[1] == ["example.com", "example.org", "host.example.net"]


def test_what_a_list_allows_is_no_candidate() -> None:
    assert found(BUNDLE, "||a.test^\n@@||b.test^\n||c.test^$important\n")[0] == {
        "a.test": 1,
        "c.test": 1,
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.b.example.org", "example.org"),
        ("example.org", "example.org"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("a.b.blogspot.com", "b.blogspot.com"),
        ("org", "org"),
        ("a.b.test", "b.test"),
    ],
)
def test_registrable(name: str, expected: str) -> None:
    assert registrable(names.from_text(name)) == names.from_text(expected)


def test_candidates_are_grouped_by_registrable_domain() -> None:
    result = compare({}, {"a": read(b"x.example.org\nexample.net\ny.example.org\n")}, 1)
    groups = by_registrable(result.candidates)
    assert {domain: len(members) for domain, members in groups.items()} == {
        "example.net": 1,
        "example.org": 2,
    }


labels = st.sampled_from(["a", "b", "example", "cdn"])
entries = st.lists(
    st.tuples(st.sampled_from(["", "="]), st.lists(labels, min_size=1, max_size=3)).map(
        lambda parts: parts[0] + ".".join(parts[1]) + ".test"
    ),
    max_size=8,
)


@given(bundle=entries, lists=st.lists(entries, min_size=1, max_size=3))
def test_every_name_of_the_lists_is_held_covered_or_a_candidate(
    bundle: list[str], lists: list[list[str]]
) -> None:
    candidates, _, broader = found("\n".join(bundle), *map("\n".join, lists))
    every = {entry.lstrip("=") for entries_ in lists for entry in entries_}
    held = {entry.lstrip("=") for entry in bundle}
    assert len(every) == len(candidates) + broader + len(every & held)


@given(bundle=entries)
def test_a_bundle_compared_with_itself_shows_nothing(bundle: list[str]) -> None:
    text = "\n".join(bundle)
    candidates, unnamed, _ = found(text, text)
    assert (candidates, unnamed) == ({}, [])


def test_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = written(tmp_path / "bundle.txt", b"example.org\n=gone.example.net\n")
    hosts = written(tmp_path / "hosts", b"0.0.0.0 www.example.org\n0.0.0.0 new.example.com\n")
    packed = written(tmp_path / "list.xz", lzma.compress(b"new.example.com\nb.test\n"))
    assert main([bundle, hosts, packed, "--at-least", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"# 1 candidates in 1 domains, not blocked by {bundle}",
        "example.com",
        "  new.example.com  2/2: hosts, list.xz",
        f"# 1 entries of {bundle} that no list names",
        "gone.example.net",
        f"# 1 names of the lists are blocked by a broader entry of {bundle}",
    ]


def test_the_report_for_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = written(tmp_path / "bundle.txt", b"example.org\n")
    other = written(tmp_path / "other.txt", b"a.example.org\nnew.example.com\n")
    assert main([bundle, other, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "bundle": bundle,
        "candidates": [
            {
                "domain": "example.com",
                "names": [{"name": "new.example.com", "lists": ["other.txt"]}],
            }
        ],
        "unnamed": [],
        "broader": 1,
    }


def test_files_of_one_name_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "list.txt").write_text("new.example.com\n")
    lists = [str(tmp_path / folder / "list.txt") for folder in ("one", "two")]
    assert main(["tiktok", *lists, "--at-least", "2"]) == 0
    assert f"  new.example.com  2/2: {lists[0]}, {lists[1]}" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tiktok", str(tmp_path / "absent.txt")]) == 1
    assert "absent.txt" in capsys.readouterr().err
    damaged = written(tmp_path / "damaged.xz", lzma.compress(b"example.org\n")[:-9])
    assert main(["tiktok", damaged]) == 1
    assert "damaged.xz" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"<!DOCTYPE html><html></html>\n"])
def test_a_file_without_names_is_not_taken_for_a_list(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tiktok", written(tmp_path / "page", content)]) == 1
    assert "blocks no name" in capsys.readouterr().err


def test_it_runs_by_itself_and_changes_nothing(tmp_path: Path) -> None:
    bundle = Path(written(tmp_path / "bundle.txt", b"example.org\n"))
    done = subprocess.run(
        [sys.executable, SCRIPT, bundle, bundle],
        env={"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.startswith("# 0 candidates")
    assert bundle.read_bytes() == b"example.org\n"


def written(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)
