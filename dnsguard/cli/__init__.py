"""The `dnsguard` command: one module or package per subcommand, imported when it is called for.

`serve` runs for months and must not carry what only the others need. Exit codes: 0 fine,
1 failed, 2 wrong usage or config.
"""

import io
import platform
import sys
from importlib import import_module

import click

from dnsguard import __version__

COMMANDS = ("serve", "check", "reload", "status", "why", "lists")


class _Commands(click.Group):
    def list_commands(self, _: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"dnsguard.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None


def _show_version(context: click.Context, _: click.Parameter, value: object) -> None:
    if not value:
        return
    from dnsguard.build import BUILD

    click.echo(f"dnsguard {__version__} (Python {platform.python_version()}, {BUILD})")
    context.exit()


@click.group(cls=_Commands)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show version, Python and build, and exit.",
)
def main() -> None:
    """Block listed names for registered device subnets, and answer DNS for everyone."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
