"""`dnsguard check`: validate and lint a config."""

from dataclasses import asdict
from pathlib import Path

import click

from dnsguard.cli.offline import build
from dnsguard.cli.options import config_option, json_option
from dnsguard.cli.output import CONFIG_IS_WRONG, show_json, show_problems
from dnsguard.config import ConfigError, Problem, json_schema


@click.command("check")
@config_option
@json_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the config file instead.")
@click.pass_context
def command(context: click.Context, config_path: Path, *, as_json: bool, schema: bool) -> None:
    """Say everything that is wrong or doubtful in a config; touch nothing that runs.

    Exits with 2 if there are problems; warnings alone are fine.
    """
    if schema:
        show_json(json_schema())
        return
    problems, warnings = _check(config_path)
    if as_json:
        show_json(
            {
                "problems": [asdict(problem) for problem in problems],
                "warnings": [asdict(warning) for warning in warnings],
            }
        )
    else:
        show_problems(problems)
        show_problems(warnings, warning=True)
        click.echo(_summary(config_path, len(problems), len(warnings)))
    context.exit(CONFIG_IS_WRONG if problems else 0)


def _check(config_path: Path) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    try:
        _, warnings = build(config_path)
    except ConfigError as error:
        return error.problems, ()
    return (), warnings


def _summary(config_path: Path, problems: int, warnings: int) -> str:
    counts = [
        f"{count} {noun if count == 1 else noun + 's'}"
        for count, noun in ((problems, "problem"), (warnings, "warning"))
        if count
    ]
    verdict = f"{config_path} is {'not valid' if problems else 'valid'}"
    return ": ".join([verdict, *counts])
