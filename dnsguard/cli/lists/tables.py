"""Tables, pairs and words for what the server says about lists, safe on any terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from dnsguard.text import printable

FILE_WIDTH = 500  # where nobody looks at the margin, a row stays on one line
NUMBERS = frozenset({"generation", "dropped", "size", "entries"})
SENTENCES = frozenset({"last result", "what"})

Row = Mapping[str, Text | str]


def print_page(parts: Iterable[RenderableType]) -> None:
    """Print parts one below the other, as wide as the terminal if there is one.

    A table that needs more is left to the terminal to wrap: no cell is cut off.
    """
    console = Console(highlight=False)
    width = console.width if console.is_terminal else FILE_WIDTH
    with console.capture() as capture:
        for part in parts:
            is_table = isinstance(part, Table) and part.show_header
            console.width = FILE_WIDTH
            minimum = console.measure(part).minimum if is_table else 0
            console.width = max(width, minimum)
            console.print(part)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())  # the padding of a table would wrap in a narrower window


def make_table(rows: Sequence[Row]) -> Table:
    """Return a table of the columns that say anything, in the order of the first row."""
    columns = [name for name in rows[0] if any(str(row[name]) not in ("", "-") for row in rows)]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        cells = [Text(column), *(_text(row[column]) for row in rows)]
        whole = column not in SENTENCES
        table.add_column(
            column,
            justify="right" if column in NUMBERS else "left",
            overflow="fold",
            no_wrap=whole,
            min_width=max(cell.cell_len for cell in cells) if whole else None,
        )
    for row in rows:
        table.add_row(*(_text(row[column]) for column in columns))
    return table


def make_pairs(pairs: Mapping[str, Text | str]) -> Table:
    """Return what each key is, without those of which nothing is said."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for key, value in pairs.items():
        if str(value) not in ("", "-"):
            grid.add_row(key, _text(value))
    return grid


def enumerate_names(names: Sequence[object], count: int | None = None) -> str:
    """Return `a.test, b.test and 7 more`; `count` is how many there are, the sample included."""
    if not names:
        return f"{count:,}" if count else ""
    more = (count or 0) - len(names)
    shown = ", ".join(map(str, names))
    return shown + (f" and {more:,} more" if more > 0 else "")


def show_number(number: int | None) -> str:
    """Return `12,345`."""
    return "-" if number is None else f"{number:,}"


def show_diff(change: Mapping[str, Any]) -> str:
    """Return `+120 -14`, or a dash where there was nothing to compare with."""
    if change.get("added") is None:
        return "-"
    return f"+{change['added']:,} -{change.get('removed') or 0:,}"


def _text(value: Text | str) -> Text:
    return value if isinstance(value, Text) else Text(printable(value))
