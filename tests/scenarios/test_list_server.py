"""A list server that serves everything but the list: the version in force stays and serves.

The name of the list server is known to dnsguard's own upstream alone, and every list holds that
name, so it is blocked for everyone here: updates are made by dnsguard's own name resolution.
"""

import gzip
import hashlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.list_server import (
    COUNT,
    FORWARDED,
    Signer,
    counts,
    details,
    make_list,
    marker,
    metric,
    one_line,
    policy,
    update,
    verdict,
    verdicts,
)
from tests.support.nginx import Nginx, running_nginx
from tests.support.nsd import running_nsd
from tests.support.server import COMMAND, Server, running
from tests.support.steady_client import SteadyClient

HOST = "lists.example"
BLOCKED = "127.0.0.9"  # where no list server is; 0.0.0.0 would lead to this very machine
ZONE = f"""\
$TTL 300
@ SOA ns.example. hostmaster.example. 1 3600 600 86400 60
@ NS ns.example.
ns A 192.0.2.53
lists A 127.0.0.1
*.listed A {FORWARDED}
"""
SIGNED = ("/signed.txt", "/signed-too.txt")
PINNED = ("/pinned.txt", "/pinned-too.txt")
LISTS = ("partner", "mirrored", "signed", "pinned", "stalled", "patient")
STALL = 120.0  # seconds after which a command that waits for a stalled server has hung itself


def version(number: int | str, *more: str, count: int = COUNT) -> bytes:
    return make_list(number, HOST, *more, count=count)


GOOD = version("bad")
"""Held back by what is wrong around it: `marker("bad")` must never be blocked."""
PACKED = gzip.compress(GOOD)
DAMAGED = PACKED[:50] + bytes(20) + PACKED[70:]
TOP_LEVEL = ("com", "net", "org", "fr", "de", "uk", "ca", "ch", "at", "be")


@dataclass(frozen=True)
class Fault:
    """What a list server does wrong: how it goes about it, and what becomes of the update."""

    serve: Callable[[Nginx, str], None]
    outcome: str
    says: str


def file(body: bytes, directives: str = "") -> Callable[[Nginx, str], None]:
    return lambda nginx, path: nginx.serve(path, body, directives)


def answer(directives: str) -> Callable[[Nginx, str], None]:
    return lambda nginx, path: nginx.answer(path, directives)


def redirect_inside(nginx: Nginx, path: str) -> None:
    nginx.serve("/inside.txt", GOOD)
    nginx.answer(path, f"return 302 {nginx.url('/inside.txt')};")


FAULTS = {
    "empty": Fault(file(b""), "refused (empty)", "it is an empty file"),
    "html": Fault(
        file(b"<!DOCTYPE html>\n<html><body>Parked.</body></html>\n"),
        "refused (html)",
        "it is an HTML page, not a list",
    ),
    "404": Fault(answer("return 404;"), "failed", "the server answers 404"),
    "500": Fault(answer("return 500;"), "failed", "the server answers 500"),
    "half a coded response": Fault(
        file(PACKED[: len(PACKED) // 2], "add_header Content-Encoding gzip;"),
        "refused (truncated)",
        "the compressed response ends too early",
    ),
    "half a gzip file": Fault(
        file(PACKED[: len(PACKED) // 2]), "refused (truncated)", "its gzip data end too early"
    ),
    "a damaged gzip file": Fault(
        file(DAMAGED), "refused (compression)", "its gzip data are damaged"
    ),
    "100 times the size": Fault(
        file(version("bad", count=100 * COUNT)), "refused (size)", "larger than max_size, 65536"
    ),
    "growth": Fault(
        file(version("bad", count=5 * COUNT)), "refused (growth)", "raise max_growth if that"
    ),
    "60 % less": Fault(
        file(version("bad", count=COUNT * 4 // 10)), "refused (shrink)", "raise max_shrink if that"
    ),
    "bad lines": Fault(
        file(version("bad", *["not a domain!"] * 40)), "refused (bad-lines)", "40 of 342 entries"
    ),
    "forbidden entries": Fault(
        file(version("bad", *TOP_LEVEL)), "refused (forbidden)", "top-level: 10"
    ),
    "a redirect to 127.0.0.1": Fault(
        redirect_inside, "failed", "redirects to an address that is not public"
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("city")


@pytest.fixture(scope="module")
def upstream(folder: Path) -> Iterator[int]:
    """The port of a resolver that knows the list server."""
    (folder / "nsd").mkdir()
    with running_nsd(folder / "nsd", {"example": ZONE}) as port:
        yield port


@pytest.fixture(scope="module")
def nginx(folder: Path) -> Iterator[Nginx]:
    with running_nginx(folder) as started:
        yield started


@pytest.fixture(scope="module")
def stalling(folder: Path) -> Iterator[Nginx]:
    """A list server of its own, since one that is told something else starts anew."""
    (folder / "stalling").mkdir()
    with running_nginx(folder / "stalling") as started:
        yield started


@pytest.fixture(scope="module")
def signer(folder: Path) -> Signer:
    return Signer(folder / "publisher")


@pytest.fixture(scope="module")
def config(upstream: int, nginx: Nginx, stalling: Nginx, signer: Signer) -> dict[str, Any]:
    first, second = (nginx.url(path, host=HOST) for path in ("/first.txt", "/second.txt"))
    stalled, right = (stalling.url(path, host=HOST) for path in ("/list.txt", "/right.txt"))
    signed, signed_too = (nginx.url(path, host=HOST) for path in SIGNED)
    pinned, pinned_too = (nginx.url(path, host=HOST) for path in PINNED)
    pin = hashlib.sha256(version("pinned-1")).hexdigest()
    return {
        "upstreams": [f"udp://127.0.0.1:{upstream}"],
        "sinkhole": {"ipv4": BLOCKED},
        "lists": {
            "partner": {"source": first, "max_size": "64KiB"},
            "mirrored": {"source": [first, second], "max_size": "64KiB"},
            "signed": {"source": [signed, signed_too], "public_key": signer.public_key},
            "pinned": {"source": [pinned, pinned_too], "sha256": pin},
            "stalled": {"source": stalled},
            "patient": {"source": [stalled, right]},
        },
        **policy(*LISTS),
    }


@pytest.fixture(scope="module")
def started(
    folder: Path, nginx: Nginx, stalling: Nginx, signer: Signer, config: dict[str, Any]
) -> Iterator[Server]:
    nginx.serve("/first.txt", version(1))
    nginx.serve("/second.txt", version(1))
    nginx.serve(SIGNED[0], version("signed-1"))
    nginx.serve(f"{SIGNED[0]}.minisig", signer.sign(version("signed-1")))
    nginx.serve(PINNED[0], version("pinned-1"))
    stalling.serve("/list.txt", version("stalled-1"))
    with running(folder, config) as server:
        server.wait_for(lambda: all(details(server, name)["generation"] for name in LISTS))
        yield server


@pytest.fixture(scope="module")
def waiting(started: Server, stalling: Nginx, nginx: Nginx) -> Iterator["subprocess.Popen[str]"]:
    """An update from the server that stalls, under way while the other tests go on."""
    stalling.serve("/right.txt", version("after-the-stall"))
    stalling.stall("/list.txt")
    command = [*COMMAND, "lists", "update", "stalled", "patient", "-c", str(started.config_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.fixture
def server(started: Server, waiting: object) -> Server:
    return started


def steady(server: Server, number: int | str = 1) -> SteadyClient:
    return SteadyClient(server.places["127.0.0.1"], f"{marker(number)} A", BLOCKED)


def test_the_list_server_itself_is_blocked(server: Server) -> None:
    assert verdict(server, HOST) == BLOCKED


@pytest.mark.parametrize("name", FAULTS)
def test_the_version_in_force_stays(server: Server, nginx: Nginx, name: str) -> None:
    fault = FAULTS[name]
    fault.serve(nginx, "/first.txt")
    before = counts(server, "partner")
    with steady(server):
        updated = server.command("lists", "update", "partner")
    assert updated.returncode == 1
    said = one_line(updated.stdout)
    assert said.startswith(f"partner: {fault.outcome}: ")
    assert fault.says in said
    assert "generation 1 goes on serving" in said
    shown = one_line(server.command("lists", "show", "partner").stdout)
    assert f"last result {fault.outcome} " in shown
    assert fault.says in shown
    expected = dict(before)
    for label in fault.outcome.rstrip(")").split(" ("):
        expected[label] = expected.get(label, 0) + 1
    assert counts(server, "partner") == expected
    assert verdicts(server, marker(1), marker("bad")) == {
        marker(1): BLOCKED,
        marker("bad"): FORWARDED,
    }


@pytest.mark.parametrize("name", FAULTS)
def test_the_second_mirror_is_taken(server: Server, nginx: Nginx, name: str) -> None:
    FAULTS[name].serve(nginx, "/first.txt")
    number = f"second-{list(FAULTS).index(name)}"
    nginx.serve("/second.txt", version(number))
    before = details(server, "mirrored")["generation"]
    with steady(server):
        result = update(server, "mirrored")["mirrored"]
    assert (result["result"], result["generation"]) == ("ok", before + 1)
    assert result["source"] == nginx.url("/second.txt", host=HOST)
    assert verdict(server, marker(number)) == BLOCKED


def test_then_the_right_thing_is_taken(server: Server, nginx: Nginx) -> None:
    nginx.serve("/first.txt", version(2))
    assert verdict(server, marker(1)) == BLOCKED
    updated = server.command("lists", "update", "partner", "mirrored")
    assert updated.returncode == 0
    assert f"partner: generation 2, {COUNT + 2} names (+1 -1)" in updated.stdout
    assert verdicts(server, marker(1), marker(2)) == {marker(1): FORWARDED, marker(2): BLOCKED}
    assert counts(server, "partner")["ok"] == 2
    assert details(server, "partner")["state"] == "current"


def test_a_signature(server: Server, nginx: Nginx, signer: Signer, folder: Path) -> None:
    new = version("signed-2")
    stranger = Signer(folder / "stranger")
    nginx.serve(SIGNED[0], new)
    for signature in (stranger.sign(new), signer.sign(new + b"more.listed.example\n")):
        nginx.serve(f"{SIGNED[0]}.minisig", signature)
        refuse(server, "signed", "signature")
    nginx.answer(f"{SIGNED[0]}.minisig", "return 404;")
    refuse(server, "signed", "signature")
    nginx.serve(SIGNED[1], new)
    nginx.serve(f"{SIGNED[1]}.minisig", signer.sign(new))
    take(server, "signed", nginx.url(SIGNED[1], host=HOST))


def test_a_pin(server: Server, nginx: Nginx, config: dict[str, Any]) -> None:
    new = version("pinned-2")
    nginx.serve(PINNED[0], new)
    refuse(server, "pinned", "hash")
    pinned = {**config["lists"]["pinned"], "sha256": hashlib.sha256(new).hexdigest()}
    server.write({**config, "lists": {**config["lists"], "pinned": pinned}})
    assert server.reload().json()["result"] == "ok"
    assert verdict(server, marker("pinned-1")) == BLOCKED
    nginx.serve(PINNED[0], version("bad"))
    nginx.serve(PINNED[1], new)
    take(server, "pinned", nginx.url(PINNED[1], host=HOST))


def take(server: Server, name: str, source: str) -> None:
    """Check that an update takes the second version from a mirror."""
    result = update(server, name)[name]
    assert (result["result"], result["source"]) == ("ok", source)
    assert verdicts(server, marker(f"{name}-1"), marker(f"{name}-2"), marker("bad")) == {
        marker(f"{name}-1"): FORWARDED,
        marker(f"{name}-2"): BLOCKED,
        marker("bad"): FORWARDED,
    }


def refuse(server: Server, name: str, reason: str) -> None:
    """Check that an update is refused for a reason, and the first version goes on serving."""
    with steady(server, f"{name}-1"):
        updated = server.command("lists", "update", name)
    assert updated.returncode == 1
    assert updated.stdout.startswith(f"{name}: refused ({reason}): ")
    shown = one_line(server.command("lists", "show", name).stdout)
    assert f"last result refused ({reason}) " in shown
    assert metric(server, "list_refused_total", list=name, reason=reason) > 0
    assert verdicts(server, marker(f"{name}-1"), marker(f"{name}-2")) == {
        marker(f"{name}-1"): BLOCKED,
        marker(f"{name}-2"): FORWARDED,
    }


def test_a_stall(server: Server, waiting: "subprocess.Popen[str]") -> None:
    with steady(server, "stalled-1"):
        said, _ = waiting.communicate(timeout=STALL)
    assert waiting.returncode == 1
    assert f"stalled: failed: http://{HOST}" in said
    assert "nothing came for 30 s" in said
    assert "last result failed " in one_line(server.command("lists", "show", "stalled").stdout)
    assert counts(server, "stalled") == {"ok": 1, "failed": 1}
    assert verdict(server, marker("after-the-stall")) == BLOCKED
    assert counts(server, "patient") == {"ok": 2}


def test_what_is_unchanged_is_not_sent_again(
    server: Server, nginx: Nginx, waiting: "subprocess.Popen[str]"
) -> None:
    waiting.wait(STALL)
    path = "/first.txt"
    nginx.serve(path, version(3))
    assert update(server, "partner")["partner"]["result"] == "ok"
    sent = nginx.statuses(path)
    assert update(server, "partner")["partner"]["result"] == "unchanged"
    server.wait_for(lambda: nginx.statuses(path) == [*sent, 304])
    server.stop()
    server.start()
    assert verdict(server, marker(3)) == BLOCKED
    updated = server.command("lists", "update", "partner")
    assert updated.returncode == 0
    assert "partner: unchanged, generation 3, " in updated.stdout
    server.wait_for(lambda: nginx.statuses(path) == [*sent, 304, 304])


def test_a_list_never_fetched_is_fetched_unasked(
    upstream: int, nginx: Nginx, tmp_path: Path
) -> None:
    nginx.serve("/late.txt", version("late"))
    nginx.pause()
    config = {
        "upstreams": [f"udp://127.0.0.1:{upstream}"],
        "sinkhole": {"ipv4": BLOCKED},
        "lists": {"late": {"source": nginx.url("/late.txt", host=HOST)}},
        **policy("late"),
    }
    with running(tmp_path, config) as server:
        try:
            assert server.request("GET", "/readyz").status_code == 200
            assert metric(server, "policy_enforcing", policy="ban") == 0
            assert "it was never fetched" in server.command("lists", "show").stdout
            assert verdict(server, marker("late")) == FORWARDED
        finally:
            nginx.resume()
        server.wait_for(lambda: metric(server, "policy_enforcing", policy="ban") == 1)
        assert verdict(server, marker("late")) == BLOCKED
        assert server.request("GET", "/readyz").status_code == 200
