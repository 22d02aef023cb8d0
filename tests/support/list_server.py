"""Versions of a list for a list server to serve, and what dnsguard makes of them.

Every version holds the same `COUNT` names and one `marker` of its own, so that one question tells
which version is in force.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.scenarios.client import ask, compose
from tests.support.gateway import read, said
from tests.support.metrics import read_samples
from tests.support.server import Server

COUNT = 300
COUNTERS = ("dnsguard_list_updates_total{", "dnsguard_list_refused_total{")
REGISTERED = "127.0.0.2"
BLOCKED, FORWARDED = "0.0.0.0", "192.0.2.1"


def marker(version: int | str) -> str:
    """Return the name that only one version holds."""
    return f"only-in-{version}.listed.example"


def make_list(version: int | str, *more: str, count: int = COUNT) -> bytes:
    """Return a version in the format domains, with further lines."""
    common = (f"name{number}.listed.example" for number in range(count))
    return "".join(f"{line}\n" for line in (*common, marker(version), *more)).encode()


def policy(*lists: str, stage: str = "enforce") -> dict[str, Any]:
    """Return the part of a config that blocks by lists for `REGISTERED` and 127.0.0.1."""
    return {
        "groups": {"staff": {"subnets": ["127.0.0.1/32", f"{REGISTERED}/32"]}},
        "policies": {"ban": {"groups": ["staff"], "lists": list(lists), "stage": stage}},
    }


def verdict(server: Server, name: str) -> str:
    """Return what a registered client is told of a name."""
    return verdicts(server, name)[name]


def verdicts(server: Server, *names: str) -> dict[str, str]:
    """Return what a registered client is told of names, asked from several ports at once."""
    queries = [compose(name) for name in names]
    answers = ask(server.places["127.0.0.1"], queries, source=REGISTERED)
    return {name: said(read(answer)) for name, answer in zip(names, answers, strict=True)}


def update(server: Server, *names: str) -> dict[str, dict[str, Any]]:
    """Update lists and return the result of each."""
    response = server.request("POST", "/api/v1/lists/update", json={"names": list(names)})
    events = [json.loads(line) for line in response.raise_for_status().text.splitlines()]
    assert events[-1]["event"] == "done"
    return {event["list"]: event for event in events if event["event"] == "result"}


def details(server: Server, name: str) -> dict[str, Any]:
    """Return all about a list."""
    document: dict[str, Any] = (
        server.request("GET", f"/api/v1/lists/{name}").raise_for_status().json()
    )
    return document


def metric(server: Server, name: str, **labels: str) -> float:
    """Return one value of the metrics."""
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return read_samples(server.metrics())[f"dnsguard_{name}{{{inside}}}"]


def counts(server: Server, name: str) -> Mapping[str, float]:
    """Return the updates of a list by result and its refusals by reason, without zeros."""
    found = {}
    for series, value in read_samples(server.metrics()).items():
        if value and series.startswith(COUNTERS) and f'list="{name}"' in series:
            found[series.rpartition("=")[2].strip('"}')] = value
    return found


def one_line(text: str) -> str:
    """Return what a command printed as one line, however it was wrapped."""
    return " ".join(text.split())


class Signer:
    """A key of the real minisign."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._secret, self._file = folder / "minisign.key", folder / "list.txt"
        public = folder / "minisign.pub"
        self._run("-G", "-W", "-s", self._secret, "-p", public)
        self.public_key = public.read_text("ascii").splitlines()[-1]

    def sign(self, data: bytes) -> bytes:
        """Return the signature file of some data."""
        self._file.write_bytes(data)
        self._run("-S", "-s", self._secret, "-m", self._file)
        return self._file.with_name("list.txt.minisig").read_bytes()

    def _run(self, *arguments: object) -> None:
        command = ["minisign", *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, input=b"", timeout=20)
