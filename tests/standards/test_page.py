"""docs/standards.md is what the rows and their tests make of it."""

import re

from tests.standards.page import PAGE, compose_page
from tests.standards.rows import LEVELS, Row, homeless, load_rows
from tests.support.data import CHECKOUT

ROWS = load_rows()


def test_the_page_is_made_of_the_rows() -> None:
    assert PAGE.read_text("utf-8") == compose_page(ROWS), "run `make pages`"


def test_a_row_is_shown_or_has_a_reason() -> None:
    for row in ROWS:
        assert row.tests or row.declined or row.missing, f"{row.file} {row.letter}"
        assert not (row.declined and row.missing)


def test_every_test_is_one_of_a_row() -> None:
    assert homeless(ROWS) == []


def test_rows_are_told_in_full() -> None:
    assert len({(row.file, row.letter) for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row.level in LEVELS
        assert re.fullmatch(r"[a-z]", row.letter)
        for text in (row.says, row.declined, row.missing):
            assert text == "" or text.endswith(".")


def test_a_test_that_names_no_row_is_found() -> None:
    without = [row for row in ROWS if (row.file, row.letter) != ("rfc1035", "e")]
    assert homeless(without) == [
        "test_rfc1035.py::test_e_other_than_one_question_is_formerr",
    ]


def test_a_row_that_nothing_shows_has_no_tests() -> None:
    assert Row("rfc1035", "z", "1035", "MUST", "Nothing.").tests == []
    assert Row("rfc1", "a", "1", "MUST", "Nothing.").tests == []


def test_every_command_named_on_the_page_is_one_of_make() -> None:
    targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text("utf-8"), re.M)
    assert set(re.findall(r"`make ([a-z-]+)`", PAGE.read_text("utf-8"))) <= set(targets)
