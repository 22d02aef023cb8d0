"""`dnsguard lists rollback`: go back to a generation that was in force before, and hold it."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from dnsguard.cli.amounts import show_count
from dnsguard.cli.client import Client
from dnsguard.cli.options import config_option, json_option
from dnsguard.cli.output import show_json
from dnsguard.text import printable

REFUSED = 422


@click.command("rollback")
@config_option
@json_option
@click.option("--release", is_flag=True, help="End the hold: serve the newest, update again.")
@click.option("--reason", default="", help="Why, for the record.")
@click.argument("name")
@click.argument("generation", required=False, type=click.IntRange(min=1))
@click.pass_context
def command(
    context: click.Context,
    config_path: Path,
    name: str,
    generation: int | None,
    reason: str,
    *,
    as_json: bool,
    release: bool,
) -> None:
    """Put an older generation of NAME in force and hold it.

    By default it is the one before. No update replaces it until it is released. Returns when
    it is in force; `dnsguard lists show NAME` says which generations there are.
    """
    if release and generation is not None:
        raise click.UsageError("--release takes no generation: the newest one comes back")
    path = f"/api/v1/lists/{quote(name, safe='')}"
    if release:
        response = Client(config_path).change(f"{path}/release", {"reason": reason})
    else:
        asked = {"generation": generation, "reason": reason}
        response = Client(config_path).change(f"{path}/rollback", asked)
    if response.status != REFUSED:
        response.raise_for_failure()
    result = response.document
    if as_json:
        show_json(result)
    else:
        click.echo(printable(_describe(result)))
    context.exit(1 if response.status == REFUSED else 0)


def _describe(result: dict[str, Any]) -> str:
    name = result.get("list")
    if result.get("result") != "ok":
        return f"{name}: {result.get('result')}: {result.get('message')}"
    counts = show_count(result.get("names") or 0, "name")
    now = f"{name}: generation {result.get('generation')} in force, {counts}"
    if result.get("held"):
        return f"{now}, held: `dnsguard lists rollback {name} --release` lets updates in again"
    return f"{now}, held no more: `dnsguard lists update {name}` looks for a newer one"
