"""What commands print: problems, JSON, and text that is safe on any terminal."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import click

from dnsguard.config import ConfigError, Problem
from dnsguard.text import printable

CONFIG_IS_WRONG = 2


def show_json(document: Mapping[str, Any]) -> None:
    """Print a document for a program, in ASCII."""
    click.echo(json.dumps(document, indent=2))


def show_problems(problems: Iterable[Problem], *, warning: bool = False) -> None:
    """Print one line for each, as `file:line: path: message`."""
    for problem in problems:
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        parts = (place, "warning" if warning else "", problem.path, problem.message)
        click.echo(printable(": ".join(part for part in parts if part)))


def exit_with(error: ConfigError) -> NoReturn:
    """Print every problem of the config and end with 2."""
    show_problems(error.problems)
    raise SystemExit(CONFIG_IS_WRONG)
