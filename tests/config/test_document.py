from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.config import ConfigError, Problem, Source
from dnsguard.config.document import MAX_NODES, Place, read_document


def data(text: str) -> dict[str, object]:
    document = read_document(Source("f", text))
    assert document.problems == []
    return document.data


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_document(Source("f", text))
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize("word", ["on", "off", "yes", "no", "On", "OFF", "y", "n"])
def test_words_that_yaml_1_1_reads_as_booleans_are_text(word: str) -> None:
    assert data(f"stage: {word}") == {"stage": word}
    assert data(f"{word}: 1") == {word: 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("12", 12),
        ("-3", -3),
        ("'12'", "12"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("1.5", "1.5"),
        ("0.0.0.0:53", "0.0.0.0:53"),
        ("2023-02-28", date(2023, 2, 28)),
        ("2023-02-30", "2023-02-30"),
        ("'2023-02-28'", "2023-02-28"),
        ("=", "="),
        ("=example.org", "=example.org"),
        ("<<", "<<"),
        ("[a, [b]]", ("a", ("b",))),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
    ],
)
def test_values(text: str, value: object) -> None:
    found = data(f"key: {text}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_a_number_of_any_length_is_harmless() -> None:
    assert data("key: " + "9" * 5000) == {"key": "9" * 5000}


def test_every_value_has_its_line() -> None:
    document = read_document(Source("f", "a:\n  b:\n    - x\n    - {c: 1,\n       d: 2}\n"))
    lines = {path: place.line for path, place in document.places.items()}
    assert lines == {
        (): 0,
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 3,
        ("a", "b", 1): 4,
        ("a", "b", 1, "c"): 4,
        ("a", "b", 1, "d"): 5,
    }


def test_lines_are_those_of_an_editor() -> None:
    # YAML 1.1 also breaks lines at these; an editor does not.
    document = read_document(Source("f", "a: 'x\x85\u2028y'\nb: 1\n"))
    assert document.places[("b",)].line == 2


def test_a_key_given_twice_names_both_lines() -> None:
    document = read_document(Source("f", "a: 1\nb: {c: 1}\na: {d: [1]}\n"))
    ((path, message, place),) = document.problems
    assert (path, place.line) == (("a",), 3)
    assert "line 1" in message
    assert document.data["a"] == 1
    assert ("a", "d") not in document.places


@pytest.mark.parametrize("key", ["1", "true", "~", "2023-02-28"])
def test_a_key_must_be_text(key: str) -> None:
    document = read_document(Source("f", f"\n{key}: 1"))
    ((path, message, place),) = document.problems
    assert path == (key,)
    assert place.line == 2
    assert "in quotes" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [*.example.org]", "f:1: column 6: not valid YAML: a value that begins with '*'"),
        ("a: *b", "f:1: column 4: aliases are not supported"),
        ("a: &b 1", "f:1: column 4: anchors are not supported"),
        ("a: &b [1]", "f:1: column 4: anchors are not supported"),
        ("&b a: 1", "f:1: column 1: anchors are not supported"),
        ("a: !!python/object:os.system x", "f:1: column 4: tags are not supported"),
        ("a:\n\tb: 1", "f:2: column 1: not valid YAML: a tab cannot indent"),
        ("a: @x", "f:1: column 4: not valid YAML: a value that begins with this character"),
        ("a: b: c", "f:1: column 5: not valid YAML: check the indentation"),
        ("a: 1\nb\nc: 1", "f:2: column 1: not valid YAML: a key needs a ':'"),
        ("x: 1\na: 'x\n", "f:2: column 4: not valid YAML: check that every quote is closed"),
        ("a: [1", "f:1: column 4: not valid YAML: check that every '['"),
        ("a: 1\n---\nb: 1", "f:3: column 1: a second document"),
        ("- a", "f:1: column 1: the file must be a mapping"),
        ("? [a]\n: b", "f:1: column 3: a key must be text"),
        ("a: 1\nb: \x07", "f:2: column 4: the character U+0007"),
        ('a: "\\UFFFFFFFF"', "f: a '\\U' escape"),
        ("[" * 30, "f:1: column 22: nested more than 20 deep"),
    ],
)
def test_faults_have_their_place_and_mend(text: str, expected: str) -> None:
    assert fault(text).startswith(expected)


def test_an_alias_bomb_ends_at_its_first_anchor() -> None:
    bomb = "a: &a [x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a]\n" for n in range(10_000))
    assert "f:1: column 4: anchors" in fault(bomb)


def test_the_number_of_values_is_bounded() -> None:
    assert f"more than {MAX_NODES:,} values" in fault("a:\n" + "- x\n" * (MAX_NODES + 1))


@pytest.mark.parametrize("escape", ["\\x1b", "\\ud800", "\\0", "\\r"])
def test_a_value_cannot_move_the_cursor(escape: str) -> None:
    document = read_document(Source("f", f'a: "x{escape}y"'))
    ((path, _, _),) = document.problems
    assert path == ("a",)
    assert str(document.data["a"]).isprintable()


@given(st.text() | st.text("-:[]{}&*!|>'\"%@`#,? \n\tab1"))
def test_any_text_gives_a_document_or_a_config_error(text: str) -> None:
    lines = text.count("\n") + 1
    found: Sequence[Place | Problem]
    try:
        found = list(read_document(Source("f", text)).places.values())
    except ConfigError as error:
        found = error.problems
    assert all(0 <= place.line <= lines for place in found)
    assert all(str(place).isprintable() for place in found)
