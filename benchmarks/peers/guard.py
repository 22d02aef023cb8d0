"""dnsguard itself, with everything on, as it is installed, uncompiled, or from another checkout."""

import atexit
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.listed import domains
from benchmarks.peers.kind import Kind, Launch, Setting, output

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIG = "dnsguard.yaml"
_COMMAND = [sys.executable, "-P", "-m", "dnsguard"]


@dataclass(frozen=True)
class Shape:
    """Over how many lists the names are spread, and how many groups the policy is for."""

    lists: int = 1
    groups: int = 1
    workers: int = 1
    cache: str = "128MiB"
    stage: str = "enforce"


_SHAPE = Shape()


def config(setting: Setting, shape: Shape) -> str:
    """Write the lists and return a config: groups, a policy that is enforced, metrics, the lot."""
    lists = {
        f"listed{number}": setting.blocked[number :: shape.lists] for number in range(shape.lists)
    }
    groups = {f"group{n}": f"10.{n // 256}.{n % 256}.0/24" for n in range(1, shape.groups)}
    groups["clients"] = "127.0.0.0/8"
    ban = {"groups": [*groups], "lists": ["builtin:tiktok", *lists], "stage": shape.stage}
    return yaml.safe_dump(
        {
            "listen": {"dns": [f"127.0.0.1:{setting.port}"], "admin": "127.0.0.1:0"},
            "upstreams": [f"udp://127.0.0.1:{setting.upstream}"],
            "groups": {name: {"subnets": [subnet]} for name, subnet in groups.items()},
            "lists": {
                name: {"source": str(setting.write(f"{name}.txt", domains(names)))}
                for name, names in lists.items()
            },
            "policies": {"ban": ban},
            "cache": {"size": shape.cache},
            "workers": shape.workers,
            "directories": {
                "state": str(setting.folder / "state"),
                "runtime": str(setting.folder / "run"),
            },
        }
    )


def kind(name: str, build: str, environ: Mapping[str, str], shape: Shape = _SHAPE) -> Kind:
    """Return a dnsguard that must turn out to be compiled or plain."""

    def version() -> str:
        text = output(*_COMMAND, "--version", environ=environ)
        found = re.match(r"dnsguard (\S+) .*\b(compiled|plain)\b", text)
        if found is None or found[2] != build:
            raise SystemExit(f"{name} should be a {build} build, but says {text.strip()!r}")
        return f"{found[1]}, {build}"

    def prepare(setting: Setting) -> Launch:
        path = setting.write(CONFIG, [config(setting, shape)])
        return Launch([*_COMMAND, "serve", "-c", str(path)], environ)

    return Kind(name, version, prepare)


def compiled(name: str = "dnsguard", shape: Shape = _SHAPE) -> Kind:
    """Return the dnsguard that this Python finds first."""
    return kind(name, "compiled", {}, shape)


def plain() -> Kind:
    """Return this checkout's dnsguard without whatever was compiled in it."""
    folder = Path(tempfile.mkdtemp(prefix="dnsguard-plain-"))
    atexit.register(shutil.rmtree, folder)
    for part in ("dnsguard", "blocklists"):
        ignored = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
        shutil.copytree(CHECKOUT / part, folder / part, ignore=ignored)
    return kind("dnsguard-plain", "plain", {"PYTHONPATH": str(folder)})


def other(checkout: Path) -> Kind:
    """Return the dnsguard compiled in place in another checkout, to be compared with ours."""
    return kind(f"dnsguard@{checkout.name}", "compiled", {"PYTHONPATH": str(checkout)})
