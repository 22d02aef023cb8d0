"""`dnsguard lists check`: what a file would be as a list, without touching what runs."""

from pathlib import Path

import click
from click.core import ParameterSource

from dnsguard.cli.lists.examination import Examination, describe, examine_file, make_document
from dnsguard.cli.options import config_option, json_option
from dnsguard.cli.output import exit_with, show_json
from dnsguard.config import ConfigError, load
from dnsguard.lists.errors import ListError
from dnsguard.lists.formats import FORMATS
from dnsguard.text import printable


@click.command("check")
@config_option
@json_option
@click.option(
    "--format",
    "list_format",
    type=click.Choice(["auto", *FORMATS]),
    default="auto",
    show_default=True,
    help="As in the config.",
)
@click.option("--match", type=click.Choice(["exact", "suffix"]), help="As in the config.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_context
def command(
    context: click.Context,
    config_path: Path,
    list_format: str,
    match: str | None,
    file: Path,
    *,
    as_json: bool,
) -> None:
    """Say what FILE would be as a list; touch nothing that runs.

    Which format, how many names, what is passed over, wrong or dropped and why. Without a
    config nothing is in 'never_block'. Exits with 1 if it would be refused.
    """
    examination = _examine(file, list_format, match, _never_block(context, config_path))
    document = make_document(file, examination)
    if as_json:
        show_json(document)
    else:
        for line in describe(document):
            click.echo(printable(line))
    context.exit(1 if examination.refused else 0)


def _examine(
    file: Path, list_format: str, match: str | None, never_block: tuple[bytes, ...]
) -> Examination:
    try:
        return examine_file(file, list_format, match, never_block)
    except ListError as error:
        raise click.ClickException(printable(f"{file}: {error}")) from None


def _never_block(context: click.Context, config_path: Path) -> tuple[bytes, ...]:
    asked = context.get_parameter_source("config_path") is not ParameterSource.DEFAULT
    if not asked and not config_path.exists():
        return ()
    try:
        return load(config_path).never_block
    except ConfigError as error:
        exit_with(error)
