import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.config import Config, ConfigError, json_schema, load, read_sources
from dnsguard.config.load import MAX_FILE
from dnsguard.config.problem import MAX_PROBLEMS
from tests.config.texts import FULL, MINIMAL, complaints, problems, sources


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return folder / "main.yaml"


def problem(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    (found,) = caught.value.problems
    return str(found)


def test_a_file_and_its_includes(tmp_path: Path) -> None:
    folder = tmp_path / "[city]"
    folder.mkdir()
    (folder / "groups").mkdir()
    write(
        folder / "groups", b="groups: {b: {subnets: [10.2.0.0/16]}}", a="never_block: [a.example]"
    )
    main = write(folder, main=f"{MINIMAL}include: ['groups/*.yaml', '*.yaml', 'nothing/*']")
    read = read_sources(main)
    assert [Path(source.path).name for source in read] == ["main.yaml", "a.yaml", "b.yaml"]
    assert list(load(main).groups) == ["staff", "b"]


def test_includes_may_be_absolute(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    write(tmp_path / "more", a="workers: 7")
    main = write(tmp_path, main=f"{MINIMAL}include: ['{tmp_path}/more/*.yaml']")
    assert load(main).workers == 7


def test_includes_are_ordered_bytewise(tmp_path: Path) -> None:
    names = ["B", "a", "\u00e9", "10", "9"]
    write(tmp_path, **dict.fromkeys(names, ""))
    main = write(tmp_path, main=f"{MINIMAL}include: ['*.yaml']")
    found = [os.fsencode(source.path) for source in read_sources(main)[1:]]
    assert found == sorted(found)
    assert len(found) == len(names)


def test_a_relative_main_file_gives_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, main=MINIMAL + "lists: {own: {source: own.txt}}")
    monkeypatch.chdir(tmp_path)
    assert load(Path("main.yaml")).lists["own"].source == (str(tmp_path / "own.txt"),)


def test_a_missing_file(tmp_path: Path) -> None:
    assert problem(tmp_path / "x.yaml") == (
        f"{tmp_path}/x.yaml: cannot be read (No such file or directory): "
        "check that it exists and who may read it"
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "Is a directory" in problem(tmp_path)


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"a: 1\n# caf\xe9\n")
    assert problem(tmp_path / "x.yaml") == (
        f"{tmp_path}/x.yaml:2: not UTF-8: save the file in that encoding"
    )


def test_a_file_too_large(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"#" * (MAX_FILE + 1))
    assert "larger than 4 MiB" in problem(tmp_path / "x.yaml")


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    assert isinstance(load(tmp_path / "x.yaml"), Config)


def test_an_included_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    main = write(tmp_path, main=f"{MINIMAL}include: ['pip*']")
    assert "pipe: not a file: correct the 'include'" in problem(main)


def test_every_unreadable_include_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.d").mkdir()
    (tmp_path / "b.d").write_bytes(b"\xff")
    main = write(tmp_path, main=f"{MINIMAL}include: ['*.d']")
    with pytest.raises(ConfigError) as caught:
        load(main)
    assert [Path(found.file).name for found in caught.value.problems] == ["a.d", "b.d"]


def test_the_number_of_problems_shown_is_bounded() -> None:
    found = complaints("".join(f"k{number}: 1\n" for number in range(MAX_PROBLEMS * 2)))
    assert len(found) == MAX_PROBLEMS + 1
    assert "only the first 1,000 problems are shown" in found[-1]


def test_the_schema_has_every_key() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(Config.model_fields)
    assert schema["required"] == ["upstreams"]
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Policy"]["properties"]["stage"]["enum"] == ["off", "shadow", "enforce"]
    upstream = schema["$defs"]["Upstream"]["anyOf"]
    assert [choice["type"] for choice in upstream] == ["string", "object"]


def check(*texts: str) -> None:
    files = sources(*texts)
    lines = {source.path: source.text.count("\n") + 1 for source in files}
    found = problems(files)
    assert all(problem.message and str(problem).isprintable() for problem in found)
    assert all(0 <= problem.line <= lines[problem.file] for problem in found)
    places = [(list(lines).index(problem.file), problem.line) for problem in found]
    assert places == sorted(places)


@given(st.text(), st.text())
def test_any_texts_give_a_config_or_a_config_error(main: str, included: str) -> None:
    check(main, included)


_ODD = st.sampled_from(
    ["", "~", "[]", "{}", "5", "true", "2023-02-28", "[[]]", "[5, ~]", "{a: b}", "'\\e'", '"\\e"']
) | st.text(max_size=8)


@given(st.integers(0, len(FULL)), st.integers(0, 40), _ODD)
def test_a_mutated_config_gives_a_config_or_a_config_error(
    position: int, length: int, text: str
) -> None:
    check(FULL[:position] + text + FULL[position + length :])


_KEYS = st.sampled_from([*Config.model_fields, "subnets", "source", "block", "url", "x", "", "on"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | _KEYS | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)


def flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"? '{key}' : {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if value is None or isinstance(value, (bool, int)):
        return json.dumps(value)
    return "'" + str(value).replace("'", "''") + "'"


@given(st.dictionaries(_KEYS, _VALUES), st.dictionaries(_KEYS, _VALUES))
def test_data_of_any_shape_gives_a_config_or_a_config_error(
    main: dict[str, object], included: dict[str, object]
) -> None:
    check(flow(main), flow(included))
