"""`dnsguard serve`: run in the foreground."""

from pathlib import Path

import click

from dnsguard.cli.options import config_option

_DEMO = """\
Try it from another terminal; a registered client gets the sinkhole, others the real addresses:
  dig -b 127.0.0.2 @127.0.0.1 -p 10053 www.tiktok.com    # group demo: 0.0.0.0 and EDE 15 (Blocked)
  dig @127.0.0.1 -p 10053 www.tiktok.com                 # unregistered: what your resolver says
Metrics: http://127.0.0.1:19153/metrics
"""


@click.command("serve")
@config_option
@click.option("--demo", is_flag=True, help="Serve an embedded config on 127.0.0.1:10053.")
@click.option("--strict", is_flag=True, help="Exit with 2 if the config is broken.")
@click.option("--json", "as_json", is_flag=True, help="Log one JSON object a line, not text.")
@click.pass_context
def command(
    context: click.Context, config_path: Path, *, demo: bool, strict: bool, as_json: bool
) -> None:
    """Answer DNS in the foreground until SIGTERM or SIGINT.

    With a broken config it starts on the last one that was accepted, and says so.
    """
    from dnsguard.control import supervisor

    if demo:
        click.echo(_DEMO)
    context.exit(supervisor.run(config_path, strict=strict, demo=demo, as_json=as_json))
