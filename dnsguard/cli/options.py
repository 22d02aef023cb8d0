"""The options that several commands have."""

from pathlib import Path

import click

DEFAULT_CONFIG = Path("/etc/dnsguard/dnsguard.yaml")

config_option = click.option(
    "-c",
    "--config",
    "config_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=DEFAULT_CONFIG,
    show_default=True,
    help="The config file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
