"""What the generated pages are made of: the rows of a folder's rows.toml, each with its tests."""

import ast
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.data import CHECKOUT


@dataclass(frozen=True)
class Row:
    """One class of attack or fault, or one promise: in our words, and what is done about it."""

    folder: Path
    key: str
    """What the names of its test files begin with, as in "7" for test_07_....py."""
    name: str
    says: str
    also: tuple[str, ...] = ()
    """Tests elsewhere that show it too: `path::test`, or a path alone for all of a file."""
    limits: str = ""
    declined: str = ""
    missing: str = ""

    @property
    def state(self) -> str:
        """What is done about it, in a word or two."""
        if self.missing:
            return "in part" if self.tests else "not yet"
        return "does not apply" if self.declined else "held"

    @property
    def files(self) -> list[Path]:
        """The files of its own tests."""
        return sorted(self.folder.glob(f"test_{self.key.lower().zfill(2)}_*.py"))

    @property
    def tests(self) -> dict[Path, list[str]]:
        """The names of its tests by file: its own, then those elsewhere that are there."""
        found = {path: tests_in(path) for path in self.files}
        for place in self.also:
            path, names = _find(place)
            found[path] = [*found.get(path, []), *names]
        return {path: names for path, names in found.items() if names}

    @property
    def lost(self) -> list[str]:
        """The tests elsewhere that it names and that are not there."""
        return [place for place in self.also if not _find(place)[1]]


def load_rows(folder: Path) -> list[Row]:
    """Return every row of a folder, in the order of their keys."""
    document = tomllib.loads((folder / "rows.toml").read_text("utf-8"))
    return sorted(
        (
            Row(folder, key, **{**fields, "also": tuple(fields.get("also", ()))})
            for key, fields in document.items()
        ),
        key=lambda row: (row.key.rstrip("b").zfill(3), row.key),
    )


@cache
def tests_in(path: Path) -> list[str]:
    """Return the names of the tests in a file, none for a file that is not there."""
    if not path.is_file():
        return []
    module = ast.parse(path.read_text("utf-8"))
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    bodies = [module.body, *(node.body for node in classes if node.name.startswith("Test"))]
    functions = [
        node.name
        for body in bodies
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [name for name in functions if name.startswith("test_")]


def homeless(folder: Path, rows: list[Row]) -> list[str]:
    """Return the files of tests that begin like those of a row and belong to none."""
    known = {path for row in rows for path in row.files}
    numbered = [*folder.glob("test_[0-9]*.py"), *folder.glob("test_p[0-9]*.py")]
    return sorted(path.name for path in numbered if path not in known)


def _find(place: str) -> tuple[Path, list[str]]:
    """Return the file of a place and the names of the tests there, none if it is not there."""
    file, *parts = place.split("::")
    path = CHECKOUT / file
    return path, [name for name in tests_in(path) if not parts or name == parts[-1]]
