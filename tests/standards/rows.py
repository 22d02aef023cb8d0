"""The rows of rows.toml, each with its tests; `page` makes docs/standards.md of them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.support.rows import tests_in

FOLDER = Path(__file__).parent
LEVELS = ("MUST", "SHOULD", "MAY", "practice")


@dataclass(frozen=True)
class Row:
    """One assertion: of which standards, how binding, in our words, and what is done about it."""

    file: str
    """The end of the name of its tests' file."""
    letter: str
    """What the names of its tests begin with."""
    standard: str
    level: str
    says: str
    declined: str = ""
    missing: str = ""

    @property
    def state(self) -> str:
        """What is done about it, in a word or two."""
        if self.missing:
            return "not yet"
        return "decided against" if self.declined else "held"

    @property
    def path(self) -> Path:
        """The file of its tests."""
        return FOLDER / f"test_{self.file}.py"

    @property
    def tests(self) -> list[str]:
        """Its tests by name."""
        return [name for name in tests_in(self.path) if _letter(name) == self.letter]


def load_rows() -> list[Row]:
    """Return every row in the order of the file."""
    document = tomllib.loads((FOLDER / "rows.toml").read_text("utf-8"))
    return [Row(*key.split(), **fields) for key, fields in document.items()]


def homeless(rows: list[Row]) -> list[str]:
    """Return the tests of the folder that belong to no row."""
    known = {f"{row.path.name}::{test}" for row in rows for test in row.tests}
    files = sorted(FOLDER.glob("test_rfc*.py")) + sorted(FOLDER.glob("test_draft*.py"))
    return [
        f"{path.name}::{test}"
        for path in files
        for test in tests_in(path)
        if f"{path.name}::{test}" not in known
    ]


def _letter(test: str) -> str:
    return test.removeprefix("test_").partition("_")[0]
