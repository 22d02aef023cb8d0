"""`dnsguard lists`: what the lists hold, and what changes that; one module per subcommand."""

import click

from dnsguard.cli.lists import check, rollback, show, update


@click.group("lists")
def command() -> None:
    """Show the lists of names, update them, and go back."""


for _subcommand in (show.command, update.command, rollback.command, check.command):
    command.add_command(_subcommand)
