"""`dnsguard status`: the running dnsguard at a glance."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from dnsguard.cli.amounts import show_duration
from dnsguard.cli.client import Client
from dnsguard.cli.options import config_option, json_option
from dnsguard.cli.output import show_json
from dnsguard.text import printable

FILE_WIDTH = 500  # where nobody looks at the margin, a row stays on one line

Entry = Mapping[str, Any]


@click.command("status")
@config_option
@json_option
@click.pass_context
def command(context: click.Context, config_path: Path, *, as_json: bool) -> None:
    """Show what the running dnsguard serves, for whom, and what is wrong with it.

    Exits with 1 when it is not ready.
    """
    response = Client(config_path).get("/api/v1/status")
    response.raise_for_failure()
    status = response.document
    if as_json:
        show_json(status)
    else:
        console = Console(highlight=False)
        separator = "\n"  # one item a line keeps columns narrow
        if not console.is_terminal:
            console.width = FILE_WIDTH
            separator = ", "
        console.print(render(status, time.time(), separator), soft_wrap=True)
    context.exit(1 if status.get("ready") else 0)


def render(status: Entry, now: float, separator: str = ", ") -> RenderableType:
    """Return the status for a person; what the server does not say is left out.

    `separator` stands between the items of a cell.
    """
    return Group(_head(status, now), *_tables(status, separator))


def _head(status: Entry, now: float) -> Text:
    reasons = status.get("ready") or []
    version, build, python, pid = (
        _show(status.get(key)) for key in ("version", "build", "python", "pid")
    )
    up = show_duration(now - status.get("started", now))
    lines = [
        f"dnsguard {version} ({build}, Python {python}), pid {pid}, up {up}",
        f"generation {_show(status.get('generation'))}, {_config(status.get('config') or {})}",
        f"listening on {_show(status.get('listening'))}; admin on {_show(status.get('admin'))}",
    ]
    last = status.get("last_reload")
    if last:
        lines.append(_last_reload(last, now))
    text = Text("\n".join(lines) + "\n")
    text.append("ready\n" if not reasons else "not ready\n", "green" if not reasons else "bold red")
    for reason in reasons:
        text.append(f"  {_show(reason)}\n", "red")
    for problem in (status.get("config") or {}).get("problems") or []:
        text.append(f"  {_problem(problem)}\n", "red")
    return text


def _config(config: Entry) -> str:
    path = _show(config.get("path"))
    if config.get("state") == "last accepted":
        return f"NOT from {path}, which has errors: serving the last accepted config"
    return f"from {path}"


def _last_reload(last: Entry, now: float) -> str:
    reason = f" ({_show(last['reason'])})" if last.get("reason") else ""
    return (
        f"last reload {show_duration(now - last.get('at', now))} ago by {_show(last.get('actor'))}"
        f"{reason}: {_show(last.get('result'))}"
    )


_TABLES = {
    "policies": (
        *("name", "stage", "enforcing", "answer"),
        *("groups", "lists", "reference", "owner"),
    ),
    "groups": ("name", "subnets", "description"),
    "lists": ("name", "names", "age", "state", "dropped", "source"),
    "upstreams": ("url", "up", "problem"),
    "workers": ("number", "pid", "generation", "restarts"),
}


def _tables(status: Entry, separator: str) -> Iterator[RenderableType]:
    for section, columns in _TABLES.items():
        entries = status.get(section)
        if not entries:
            continue
        filled = [name for name in columns if any(not _is_empty(one.get(name)) for one in entries)]
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for column in filled:
            table.add_column(column, overflow="fold", no_wrap=column == columns[0])
        for entry in entries:
            table.add_row(*(Text(_cell(column, entry.get(column), separator)) for column in filled))
        yield Text(section.capitalize(), "bold")
        yield table
        yield Text()


def _cell(column: str, value: Any, separator: str) -> str:  # noqa: ANN401, whatever it says
    if column == "age":
        return show_duration(value)
    return separator.join(map(_show, value)) if isinstance(value, list) and value else _show(value)


def _show(value: object) -> str:
    """Return any value as text that a terminal takes without harm."""
    if _is_empty(value):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, Mapping):
        return ", ".join(f"{_show(key)} {_show(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_show, value))
    return printable(str(value))


def _is_empty(value: object) -> bool:
    return value is None or value in ("", [], {})


def _problem(problem: object) -> str:
    if not isinstance(problem, Mapping):
        return _show(problem)
    place = f"{problem.get('file')}:{problem.get('line')}"
    return _show(f"{place}: {problem.get('path')}: {problem.get('message')}")
