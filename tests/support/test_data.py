import lzma
from pathlib import Path

import pytest

from tests.support import data


def example() -> None:
    """Stand in for a test."""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(data, "SHARED", tmp_path)
    monkeypatch.setattr(data, "_left_out", [])
    return tmp_path


def test_a_test_whose_data_are_there_stays(elsewhere: Path) -> None:
    (elsewhere / "names.txt").write_text("example.org\n")
    assert data.needs_shared("names.txt")(example) is example
    assert data.left_out() == []
    assert data.read_shared("names.txt") == b"example.org\n"


def test_a_test_whose_data_are_not_there_is_left_out_and_named(elsewhere: Path) -> None:
    assert data.needs_shared("names.txt", "more.txt")(example) is None
    assert data.left_out() == [f"{__name__}.example (needs names.txt and 1 more)"]


def test_without_any_shared_data(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "SHARED", None)
    assert data.needs_shared("names.txt")(example) is None
    with pytest.raises(FileNotFoundError, match="needs_shared"):
        data.shared("names.txt")


def test_compressed_data_are_read_decompressed(elsewhere: Path) -> None:
    (elsewhere / "names.txt.xz").write_bytes(lzma.compress(b"example.org\n"))
    assert data.read_shared("names.txt.xz") == b"example.org\n"


def test_facts_come_without_comments() -> None:
    facts = data.read_facts("tiktok-names.txt")
    assert "tiktok.com" in facts
    assert not any(fact.startswith("#") for fact in facts)
