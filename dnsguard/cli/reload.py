"""`dnsguard reload`: put the config file in force."""

from pathlib import Path
from typing import Any

import click

from dnsguard.cli.client import Client
from dnsguard.cli.options import config_option, json_option
from dnsguard.cli.output import CONFIG_IS_WRONG, show_json, show_problems
from dnsguard.config import Problem

REFUSED = 422


@click.command("reload")
@config_option
@json_option
@click.option("--reason", default="", help="Why, for the record.")
@click.pass_context
def command(context: click.Context, config_path: Path, reason: str, *, as_json: bool) -> None:
    """Have the running dnsguard read its config and file lists again.

    Returns when no query is answered by the old policy any more. If the config is refused,
    the old policy stays and the exit code is 2.
    """
    response = Client(config_path).reload(reason)
    refused = response.status == REFUSED
    if not refused:
        response.raise_for_failure()
    result = response.document
    if as_json:
        show_json(result)
    else:
        _show(result, refused=refused)
    context.exit(CONFIG_IS_WRONG if refused else 0)


def _show(result: dict[str, Any], *, refused: bool) -> None:
    show_problems(Problem(**problem) for problem in result["problems"])
    show_problems((Problem(**warning) for warning in result["warnings"]), warning=True)
    generation = f"generation {result['generation']}"
    click.echo(f"refused: {generation} stays in force" if refused else f"{generation} in force")
