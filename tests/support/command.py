"""The `dnsguard` command, in this process or one of its own, and configs for it."""

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from dnsguard.cli import main

CONFIG = """\
upstreams: ["udp://192.0.2.53"]
directories: {state: state, runtime: runtime}
groups:
  staff: {subnets: [10.20.0.0/16, "2001:db8:20::/48"]}
policies:
  tiktok-ban: {groups: [staff], lists: ["builtin:tiktok"]}
"""


def write_config(directory: Path, text: str = CONFIG) -> Path:
    """Write a config whose control socket is in `runtime` below the directory."""
    (directory / "runtime").mkdir(exist_ok=True)
    path = directory / "dnsguard.yaml"
    path.write_text(text, "utf-8")
    return path


def dnsguard(*arguments: str | Path) -> Result:
    """Run the command and return what it printed and its exit code."""
    result = CliRunner().invoke(main, list(map(str, arguments)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def run_python(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, with the dnsguard that is under test."""
    return subprocess.run(
        # -P: the checkout, where tests run, must not come before an installed dnsguard.
        [sys.executable, "-P", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
