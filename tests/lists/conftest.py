"""A store of generations that nothing is in yet."""

from pathlib import Path

import pytest

from dnsguard.lists.generations import GenerationStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where `store` keeps its files; not made yet."""
    return tmp_path / "lists"


@pytest.fixture
def store(folder: Path) -> GenerationStore:
    """A store in `folder`."""
    return GenerationStore(folder)
