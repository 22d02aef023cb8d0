"""The commands of docs/lists.md, typed one after the other, with a web server that has the list.

What they print must be what the page shows, times, hashes and white space aside.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dnsguard.core.image import Kind
from dnsguard.lists.errors import REASONS
from dnsguard.lists.formats import FORMATS, parse
from tests.support.nginx import Nginx, running_nginx
from tests.support.server import DEADLINE, Server, running

PAGE = (Path(__file__).parents[1] / "docs" / "lists.md").read_text("utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
PASSWORD = "correct horse battery staple\n"

NAMES = "".join(f"site{number}.example.org\n" for number in range(1200))
FIRST = f"# what the partner bans\n{NAMES}com\n"
NEXT = f"{NAMES}shop.example.net\nvideo.example.net\n"
HOSTS = ("lists.example", "mirror.example")
SHRUNK = NAMES[: len(NAMES) // 3]
REFUSED = "When a version is refused"
SERVED = {"Looking": FIRST, "Updating by hand": NEXT, REFUSED: SHRUNK}
"""What the publisher has when the reader comes to a section; else what it had before."""

Run = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Step:
    """A block of commands, what the page shows below it, and the section it stands in."""

    section: str
    commands: str
    shown: str


def steps() -> list[Step]:
    texts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)[1:]
    return [
        Step(section, *found)
        for section, text in zip(texts[::2], texts[1::2], strict=True)
        for found in BLOCK.findall(text)
        if not found[0].startswith("systemctl ")
    ]


def configs() -> list[dict[str, Any]]:
    return [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)]


class Reader:
    """Somebody at a shell, in the folder of the config and of the publisher's files."""

    def __init__(self, folder: Path, nginx: Nginx) -> None:
        self.folder = folder
        self.nginx = nginx
        self.server: Server

    def config(self, lists: dict[str, Any]) -> dict[str, Any]:
        """Return the config of the page with some lists, for this web server."""
        (self.folder / "also-banned.txt").write_text("example.com\n", "utf-8")
        port = self.nginx.tls_port
        sources = {
            name: {**settings, "source": _with_port(settings["source"], port)}
            for name, settings in lists.items()
        }
        return {
            "upstreams": ["udp://127.0.0.1:9"],
            "local_records": [f"{host}. 300 IN A 127.0.0.1" for host in HOSTS],
            "groups": {"staff": {"subnets": ["10.20.0.0/16"]}},
            "lists": sources,
            "policies": configs()[0]["policies"],
        }

    def environ(self) -> dict[str, str]:
        """Return an environment in which `dnsguard` asks this server."""
        program = self.folder / "bin" / "dnsguard"
        if not program.exists():
            program.parent.mkdir()
            config = self.folder / "dnsguard.yaml"
            program.write_text(
                f'#!/bin/sh\nexec {sys.executable} -P -m dnsguard "$@" -c {config}\n', "utf-8"
            )
            program.chmod(0o755)
        return {
            **os.environ,
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "SSL_CERT_FILE": str(self.nginx.certificate),
            "HOME": str(self.folder),
        }

    def type(self, commands: str) -> Run:
        """Run commands; return what came of them."""
        return subprocess.run(
            ["/bin/sh", "-c", commands],
            cwd=self.folder,
            env=self.environ(),
            input=PASSWORD * 2,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )

    def publish(self, text: str) -> None:
        """Have the publisher's file, and serve it on both mirrors."""
        (self.folder / "partner.txt").write_text(text, "utf-8")
        self.nginx.serve("/partner.txt", text.encode())


def _with_port(source: str | list[str], port: int) -> str | list[str]:
    if isinstance(source, list):
        return [f"{_with_port(url, port)}" for url in source]
    return source.replace(".example/", f".example:{port}/")


@contextmanager
def reading(folder: Path) -> Iterator[Reader]:
    with running_nginx(folder) as nginx:
        reader = Reader(folder, nginx)
        reader.publish(FIRST)
        config = reader.config(configs()[0]["lists"])
        with running(folder, config, environ=reader.environ()) as server:
            reader.server = server
            server.wait_for(lambda: "ok" in last_result(server))
            yield reader


def last_result(server: Server) -> str:
    document = server.request("GET", "/api/v1/lists/partner").raise_for_status().json()
    return str((document["last"] or {}).get("result"))


def comparable(text: str) -> str:
    """Return a text without what differs from one run to the next."""
    for pattern, instead in (
        (r"\.example:\d+/", ".example/"),
        (r"\b\d+ (?:s|min|h|d)\b(?: \d+ (?:s|min|h|d)\b)?", "TIME"),
        (r"[0-9a-f]{64}", "HASH"),
        (r"\u2500+", ""),
        (r"\s+", " "),
    ):
        text = re.sub(pattern, instead, text)
    return text.strip()


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Reader, dict[Step, Run]]]:
    """Type everything on the page; give what was printed for each step."""
    with reading(tmp_path_factory.mktemp("page")) as reader:
        yield reader, {step: type_step(reader, step) for step in steps()}


def type_step(reader: Reader, step: Step) -> Run:
    text = SERVED.get(step.section)
    if text is not None and (reader.folder / "partner.txt").read_text("utf-8") != text:
        reader.publish(text)
    return reader.type(step.commands)


@pytest.mark.parametrize("step", steps(), ids=lambda step: step.commands.partition("\n")[0])
def test_it_prints_what_the_page_shows(step: Step, typed: tuple[Reader, dict[Step, Run]]) -> None:
    _, runs = typed
    print(runs[step])
    assert runs[step].returncode == (step.section == REFUSED)
    if step.shown:
        assert comparable(runs[step].stdout) == comparable(step.shown)


def test_what_was_signed_by_these_steps_is_accepted_and_nothing_else(
    typed: tuple[Reader, dict[Step, Run]],
) -> None:
    reader, runs = typed
    (key,) = (run.stdout for step, run in runs.items() if step.commands.startswith("tail "))
    settings = configs()[1]["lists"]["partner"]
    lists = {**configs()[0]["lists"], "partner": {**settings, "public_key": key.strip()}}
    reader.server.write(reader.config(lists))
    assert reader.server.reload().is_success
    reader.publish(NEXT + "new.example.net\n")
    assert "refused (signature)" in reader.type("dnsguard lists update partner").stdout
    reader.type("minisign -S -s partner.key -m partner.txt")
    signature = (reader.folder / "partner.txt.minisig").read_bytes()
    reader.nginx.serve("/partner.txt.minisig", signature)
    assert "in force" in reader.type("dnsguard lists update partner").stdout


@pytest.mark.parametrize(
    ("list_format", "line", "matched"),
    re.findall(r"^\| `([a-z]+)` \| `([^`]+)` \| (it alone|it and all below|nothing)", PAGE, re.M),
)
def test_a_line_is_of_its_format_and_matches_so(list_format: str, line: str, matched: str) -> None:
    found = parse(line.replace("\\|", "|").encode())
    kinds = [kind.kind for kind in found.names]
    assert found.format == list_format
    assert kinds == {"it alone": [Kind.EXACT], "nothing": []}.get(matched, [Kind.SUFFIX])


def test_every_format_is_there() -> None:
    table = PAGE.partition("## Formats")[2].partition("## Looking")[0]
    assert tuple(re.findall(r"^\| `([a-z]+)` ", table, re.MULTILINE)) == FORMATS


def test_every_reason_for_a_refusal_is_explained() -> None:
    explained = re.findall(r"^\| `([a-z-]+)` \| [a-z]", PAGE.partition("## Going back")[0], re.M)
    assert explained[-len(REASONS) :] == list(REASONS)
