"""The pages about attacks, faults and promises are what their rows and tests make of them."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pages import PAGES, TESTS, Page
from tests.support.data import CHECKOUT
from tests.support.rows import Row, homeless, load_rows

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
ATTACKS = TESTS / "attacks"


@each_page
def test_a_page_is_made_of_its_rows(page: Page) -> None:
    assert page.path.read_text("utf-8") == page.compose(), "run `make pages`"


@each_page
def test_every_row_is_there(page: Page) -> None:
    assert [row.key for row in page.rows] == list(page.keys)


@each_page
def test_a_row_is_shown_or_has_a_reason(page: Page) -> None:
    for row in page.rows:
        assert row.tests or row.declined or row.missing, row.key
        assert not (row.declined and row.missing), row.key


@each_page
def test_tests_named_are_there(page: Page) -> None:
    assert [place for row in page.rows for place in row.lost] == []


@each_page
def test_every_file_of_tests_is_of_a_row(page: Page) -> None:
    assert homeless(page.folder, page.rows) == []


@each_page
def test_rows_are_told_in_whole_sentences(page: Page) -> None:
    for row in page.rows:
        assert row.name
        assert not row.name.endswith(".")
        assert row.says.endswith("."), row.key
        for text in (row.limits, row.declined, row.missing):
            assert text == "" or text.endswith("."), row.key


@each_page
def test_every_command_named_on_a_page_is_one_of_make(page: Page) -> None:
    targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text("utf-8"), re.M)
    named = re.findall(r"`make ([a-z-]+)`", page.path.read_text("utf-8"))
    assert set(named) <= set(targets)


@each_page
def test_every_link_of_a_page_leads_somewhere(page: Page) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.path.read_text("utf-8")):
        assert link.startswith("https://") or (page.path.parent / link).exists(), link


def test_a_row_has_the_tests_of_its_files_and_those_it_names(tmp_path: Path) -> None:
    (tmp_path / "test_07_small.py").write_text(
        "def test_a() -> None: ...\n"
        "async def test_b() -> None: ...\n"
        "def setup() -> None: ...\n"
        "class TestMore:\n"
        "    def test_c(self) -> None: ...\n"
    )
    (tmp_path / "test_17_large.py").write_text("def test_d() -> None: ...\n")
    also = ("tests/test_pages.py::test_every_row_is_there",)
    row = Row(tmp_path, "7", "Small", "It holds.", also)
    assert {path.name: names for path, names in row.tests.items()} == {
        "test_07_small.py": ["test_a", "test_b", "test_c"],
        "test_pages.py": ["test_every_row_is_there"],
    }
    assert row.lost == []
    assert row.state == "held"
    assert homeless(tmp_path, [row]) == ["test_17_large.py"]


def test_what_a_row_names_in_vain_is_found() -> None:
    vain = ("tests/test_pages.py::test_none", "tests/test_none.py", "tests/test_pages.py")
    row = Row(ATTACKS, "99", "None", "None.", vain)
    assert row.lost == list(vain[:2])


def test_states() -> None:
    row = Row(ATTACKS, "99", "None", "None.")
    assert replace(row, missing="It waits.").state == "not yet"
    assert replace(row, declined="It cannot be.").state == "does not apply"
    assert replace(row, missing="It waits.", also=("tests/test_pages.py",)).state == "in part"


def test_rows_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    keys = ["10", "10b", "9", "11"]
    (tmp_path / "rows.toml").write_text(
        "".join(f'["{key}"]\nname = "N"\nsays = "S."\n' for key in keys)
    )
    assert [row.key for row in load_rows(tmp_path)] == ["9", "10", "10b", "11"]
