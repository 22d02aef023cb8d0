"""`dnsguard lists show`: what the lists hold, how old that is, and what comes next."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.console import RenderableType
from rich.text import Text

from dnsguard.cli.amounts import show_duration, show_until
from dnsguard.cli.client import Client
from dnsguard.cli.lists.details import render_details
from dnsguard.cli.lists.results import show_last
from dnsguard.cli.lists.tables import Row, make_table, print_page, show_number
from dnsguard.cli.options import config_option, json_option
from dnsguard.cli.output import show_json
from dnsguard.text import printable


@click.command("show")
@config_option
@json_option
@click.argument("name", required=False)
def command(config_path: Path, name: str | None, *, as_json: bool) -> None:
    """Show all lists at a glance, or everything about NAME."""
    path = "/api/v1/lists" + (f"/{quote(name, safe='')}" if name else "")
    response = Client(config_path).get(path)
    response.raise_for_failure()
    document = response.document
    if as_json:
        show_json(document)
    elif name:
        print_page(render_details(document, time.time()))
    else:
        print_page(render_all(document["lists"], time.time()))


def render_all(documents: Sequence[Mapping[str, Any]], now: float) -> Iterator[RenderableType]:
    """Yield a table of all lists, and what is wrong with any of them."""
    if not documents:
        yield "The config has no lists."
        return
    yield make_table([_row(document, now) for document in documents])
    problems = [line for document in documents for line in _problems(document, now)]
    if problems:
        yield Text("\n" + "\n".join(problems))


def _row(document: Mapping[str, Any], now: float) -> Row:
    return {
        "name": str(document["name"]),
        "entries": show_number((document.get("names") or 0) + (document.get("addresses") or 0)),
        "age": show_duration(document.get("age") or None, 1),
        "state": _state(document),
        "last result": show_last(document.get("last"), now),
        "next try": show_until(document.get("next_try"), now),
        "dropped": show_number(sum((document.get("dropped") or {}).values()) or None),
    }


def _state(document: Mapping[str, Any]) -> Text:
    if hold := document.get("held"):
        return Text(f"held at {hold['generation']}", "yellow")
    is_current = document.get("state") == "current"
    return Text("current") if is_current else Text("NOT CURRENT", "bold red")


def _problems(document: Mapping[str, Any], now: float) -> Iterator[str]:
    name, state = document["name"], str(document.get("state"))
    if document.get("held"):
        return
    if state != "current":
        yield printable(f"{name}: {state}")
    last = document.get("last") or {}
    if last.get("result") in ("refused", "failed") and str(last.get("message")) not in state:
        yield printable(f"{name}: {show_last(last, now)}: {last.get('message')}")
