"""`dnsguard why`: what decides on a name for a client."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from dnsguard.cli.client import Client, NotRunning
from dnsguard.cli.offline import build
from dnsguard.cli.options import config_option, json_option
from dnsguard.cli.output import exit_with, show_json
from dnsguard.config import ConfigError
from dnsguard.core.view import REBINDING
from dnsguard.evidence.why import explain
from dnsguard.text import printable

BAD_REQUEST = 400


@click.command("why")
@config_option
@json_option
@click.argument("name")
@click.option("--client", required=True, metavar="IP", help="The address of the device.")
@click.option("--type", "rdatatype", default="A", show_default=True, help="What is asked for.")
def command(config_path: Path, name: str, client: str, rdatatype: str, *, as_json: bool) -> None:
    """Say why NAME is blocked or not for a client, and what it is answered.

    Asks the running dnsguard; when none runs, builds the policy from the config and says so.
    """
    try:
        explanation = {**_ask(config_path, name, client, rdatatype), "from": "running"}
    except NotRunning:
        explanation = {**_build(config_path, name, client, rdatatype), "from": "config"}
    if as_json:
        show_json(explanation)
        return
    if explanation["from"] == "config":
        click.echo(f"dnsguard is not running: this is what {config_path} says", err=True)
    for line in render(explanation):
        click.echo(printable(line))


def _ask(config_path: Path, name: str, client: str, rdatatype: str) -> dict[str, Any]:
    asked = {"name": name, "client": client, "type": rdatatype}
    response = Client(config_path).get("/api/v1/why", asked)
    if response.status == BAD_REQUEST:
        raise click.UsageError(response.error)
    response.raise_for_failure()
    return response.document


def _build(config_path: Path, name: str, client: str, rdatatype: str) -> dict[str, Any]:
    try:
        generation, _ = build(config_path)
        return explain(generation, name, client, rdatatype)
    except ConfigError as error:
        exit_with(error)
    except ValueError as error:
        raise click.UsageError(printable(str(error))) from None


def render(explanation: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines for a person; each still has to be made printable."""
    yield (
        f"{explanation.get('name')} {explanation.get('type')} asked by "
        f"{explanation.get('client')}, group {explanation.get('group')}"
    )
    for hop in explanation.get("hops") or []:
        yield f"  {hop.get('trigger')} {hop.get('name')}"
        for match in hop.get("matches") or []:
            yield f"    on list {match.get('list')} by {match.get('rule')} ({match.get('kind')})"
        if not hop.get("matches"):
            yield "    on no list"
    for policy in explanation.get("policies") or []:
        yield f"  policy {policy.get('policy')} ({policy.get('stage')}): {_outcome(policy)}"
    by = f" by policy {explanation['policy']}" if explanation.get("policy") else ""
    yield f"verdict: {explanation.get('verdict')}{by}"
    if explanation.get("policy") == REBINDING:
        yield "  a private address; a name that may have one belongs in rebinding.allow"
    answer = explanation.get("answer") or ""
    lines = answer.splitlines() if isinstance(answer, str) else answer
    yield "answer:"
    for line in lines:
        yield f"  {line}"


def _outcome(policy: Mapping[str, Any]) -> str:
    by = f", list {policy['list']}, rule {policy['rule']}" if policy.get("list") else ""
    if policy.get("list") and policy.get("trigger") not in (None, "name"):
        by += f" ({policy['trigger']})"
    return f"{policy.get('outcome')}{by}"
