"""`dnsguard lists update`: fetch the lists now, and say what that changed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn
from rich.text import Text

from dnsguard.cli.client import Client, Event
from dnsguard.cli.lists.results import FINE, describe
from dnsguard.cli.options import config_option, json_option
from dnsguard.cli.output import show_json
from dnsguard.text import printable


@click.command("update")
@config_option
@json_option
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@click.option("--reason", default="", help="Why, for the record.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_context
def command(
    context: click.Context,
    config_path: Path,
    names: tuple[str, ...],
    reason: str,
    *,
    as_json: bool,
    dry_run: bool,
) -> None:
    """Fetch the lists named NAME now, or all of them.

    The running dnsguard does it. Returns when what was accepted is in force. Exits with 1 if
    a list was refused, could not be had or is held; what it had goes on serving.
    """
    events = Client(config_path).update(names, reason, dry_run=dry_run)
    with _Display(quiet=as_json) as display:
        results, generation = _follow(events, display, dry_run=dry_run)
    if as_json:
        show_json({"lists": results, "generation": generation})
    elif not results:
        click.echo("there is no list to update: builtin lists come with dnsguard")
    elif any(result.get("result") == "ok" for result in results):
        click.echo(f"generation {generation} in force")
    context.exit(0 if all(result.get("result") in FINE for result in results) else 1)


def _follow(
    events: Iterable[Event], display: "_Display", *, dry_run: bool
) -> tuple[list[dict[str, Any]], int | None]:
    results: list[dict[str, Any]] = []
    generation: int | None = None
    for event in events:
        match event.get("event"):
            case "stage" | "progress":
                display.advance(event)
            case "result":
                result = {key: value for key, value in event.items() if key != "event"}
                results.append(result)
                display.end(result, describe(result, dry_run=dry_run))
            case "done":
                generation = event.get("generation")
    return results, generation


class _Display:
    """Bars while lists are on their way, on a terminal only, and the lines that remain."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Display":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self, event: Event) -> None:
        """Show how far a list is."""
        name = str(event.get("list"))
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(printable(name), total=None)
        if event.get("event") == "stage":
            description = printable(f"{name} {event.get('stage')}")
            self._progress.update(self._tasks[name], description=description, refresh=True)
        else:
            self._progress.update(
                self._tasks[name], completed=event.get("received"), total=event.get("total")
            )

    def end(self, result: dict[str, Any], lines: Iterator[str]) -> None:
        """Take the bar of a list away and say what became of it."""
        task = self._tasks.pop(str(result.get("list")), None)
        if task is not None:
            self._progress.remove_task(task)
            self._progress.refresh()
        if not self._quiet:
            for line in lines:
                self._console.print(Text(printable(line)), soft_wrap=not self._console.is_terminal)
