"""Makes the pages of docs/ that tests hold to what is so: `make pages`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.standards import page as standards
from tests.standards.rows import load_rows as load_standards
from tests.support.data import CHECKOUT
from tests.support.rows import Row, load_rows, tests_in

DOCS = CHECKOUT / "docs"
TESTS = CHECKOUT / "tests"


@dataclass(frozen=True)
class Page:
    """A page made of the rows of a folder, whose introduction.md stands before them."""

    name: str
    folder: Path
    keys: tuple[str, ...]
    """The rows that it must have, in their order."""
    compose_rows: Callable[[list[Row]], list[str]]
    ending: str = ""
    """A file of the folder that stands at the end as it is."""

    @property
    def path(self) -> Path:
        """Where it is."""
        return DOCS / self.name

    @property
    def rows(self) -> list[Row]:
        """Its rows, in their order."""
        return load_rows(self.folder)

    def compose(self) -> str:
        """Return the text of the page."""
        made = f"<!-- Made by `make pages` from tests/{self.folder.name}; a test compares. -->\n"
        parts = [made, (self.folder / "introduction.md").read_text("utf-8")]
        rows = self.rows
        parts += [*self.compose_rows(rows), "", *_left_open(rows), *_not_applying(rows)]
        if self.ending:
            parts.append((self.folder / self.ending).read_text("utf-8"))
        return "\n".join(parts).rstrip("\n") + "\n"


def compose_table(what: str, answer: str) -> Callable[[list[Row]], list[str]]:
    """Return what makes a table of rows: each has what happens, and what is done about it."""

    def compose(rows: list[Row]) -> list[str]:
        lines = [f"| no. | {what} | {answer} | state | shown by |", "|---|---|---|---|---|"]
        for row in rows:
            cells = [row.key, row.name, row.says, row.state, "; ".join(_shown_by(row))]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        return lines

    return compose


def compose_sections(rows: list[Row]) -> list[str]:
    """Return each row as a section of its own."""
    lines: list[str] = []
    for row in rows:
        lines += [f"## {row.key}: {row.name}", "", row.says, ""]
        lines += [f"- {shown}" for shown in _shown_by(row)]
        lines += [""] * bool(row.tests)
    return lines[:-1]


def _shown_by(row: Row) -> list[str]:
    """Return the links to its files, each with its tests unless they are all of another's."""
    shown = []
    for path, names in row.tests.items():
        text = f"{path.parent.name}/{path.stem.removeprefix('test_')}"
        link = f"[{text}](../{path.relative_to(CHECKOUT)})"
        whole = path not in row.files and names == tests_in(path)
        shown.append(link if whole else f"{link}: {', '.join(f'`{name}`' for name in names)}")
    return shown


def _left_open(rows: list[Row]) -> list[str]:
    texts = [(row, " ".join(filter(None, (row.limits, row.missing)))) for row in rows]
    told = [f"- **{row.key}, {row.name}**: {text}" for row, text in texts if text]
    return ["## Left open", "", *told, ""] if told else []


def _not_applying(rows: list[Row]) -> list[str]:
    told = [f"- **{row.key}, {row.name}**: {row.declined}" for row in rows if row.declined]
    return ["## What does not apply", "", *told, ""] if told else []


PAGES = [
    Page(
        "threats.md",
        TESTS / "attacks",
        (*map(str, range(1, 11)), "10b", *map(str, range(11, 37))),
        compose_table("attack", "defence"),
    ),
    Page(
        "faults.md",
        TESTS / "faults",
        tuple(map(str, range(1, 27))),
        compose_table("fault", "what happens"),
    ),
    Page(
        "promises.md",
        TESTS / "promises",
        ("P1", "P2", "P3", "P4", "P5", "P6"),
        compose_sections,
        ending="measured.md",
    ),
]


if __name__ == "__main__":
    standards.PAGE.write_text(standards.compose_page(load_standards()), "utf-8")
    for page in PAGES:
        page.path.write_text(page.compose(), "utf-8")
