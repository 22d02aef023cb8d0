"""Names and texts of strangers begin no line of a log, move no cursor, close no tag or quote."""

import json
import os
import re
import signal
import struct
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest

from dnsguard.control.page import render_page
from dnsguard.text import printable
from tests.scenarios.client import ask
from tests.standards import wire
from tests.support.api import exchange
from tests.support.metrics import read_samples
from tests.support.responders import Responder, running_responder
from tests.support.scripted import Peer, Replies, ScriptedUpstream
from tests.support.server import Server, running

STAFF = "127.0.0.2"
LABELS = [
    *(b"a\nb", b"a\r\nINFO generation 9 in force", b"\x1b[31mred", b"\x1b]0;title\x07", b"\x9b31m"),
    *(b"%0a%0d", b"%s%n{0}$(id)`id`", b"<script>alert(1)</script>", b"'\"><img src=x>", b'"}'),
    *(b'x"} 1\ndnsguard_fake 1', b"\xe2\x80\xaeexe.gpj", b"\xe2\x80\xa8line", b"\xc2\x85next"),
    *(bytes(range(0x80, 0xA0)), b"\xff" * 63, b"\x00\x01\x02", b"=cmd|' /C calc'!A0", b"a\\b.c"),
]
"""What a label may hold, being octets."""

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \S.*|  .*")
"""What a record begins with as text; a traceback is indented."""

FAULT = "a\n2026-01-01 00:00:00,000 forged\r\x1b[31m\x85\u2028\u202e\udcff'\"}"
FAILING = f"""\
import json, os, signal, sys
def fail(*_):
    raise ValueError({FAULT!a})
if "dnsguard.net.worker" in sys.orig_argv:
    signal.signal(signal.SIGUSR2, fail)
if "dnsguard.lists.compiler" in sys.orig_argv and os.path.exists("FLAG"):
    json.load = fail
"""
TURNED = "\u202e"  # what follows is shown from right to left
marks = count()


def name(label: bytes, zone: bytes) -> bytes:
    return bytes([len(label)]) + label + zone


ZONES = [b"\x07blocked\x07example\0", b"\x04open\x07example\0", b"\x05local\0"]


def echoing(query: bytes, transport: str, peer: Peer) -> Replies:
    """Answer with a CNAME, a TXT and an HTTPS record that hold the queried label."""
    length = query[12]
    label = query[12 : 13 + length]
    end = 12
    while query[end]:
        end += 1 + query[end]
    qtype = int.from_bytes(query[end + 1 : end + 3], "big")
    data = {
        1: b"\xc0\x00\x02\x07",
        5: label + b"\x05alias\x07example\0",
        16: label,
        65: b"\0\1" + label + b"\x06target\x07example\0",
    }.get(qtype, b"")
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1 if data else 0, 0, 0)
    record = b"\xc0\x0c" + struct.pack("!HHIH", qtype, 1, 300, len(data)) + data if data else b""
    return [(0.0, head + query[12 : end + 5] + record)]


@pytest.fixture(scope="module", params=[(), ("--json",)], ids=["text", "json"])
def arguments(request: pytest.FixtureRequest) -> Sequence[str]:
    found: Sequence[str] = request.param
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, arguments: Sequence[str]) -> Iterator[Server]:
    with ScriptedUpstream(echoing) as upstream:
        config = {
            "upstreams": [upstream.url],
            "groups": {"staff": {"subnets": [f"{STAFF}/32"]}},
            "policies": {"ban": {"groups": ["staff"], "block": ["blocked.example"]}},
        }
        folder = tmp_path_factory.mktemp("city")
        with running(folder, config, arguments=arguments) as started:
            yield started


def unsafe(text: str) -> set[str]:
    """Return the characters that could move a terminal's cursor or turn what is written round."""
    return {char for char in text if not char.isprintable() and char != "\n"}


def whole_lines(server: Server) -> list[str]:
    return server.log().split("\n")[:-1]


def settled_log(server: Server) -> str:
    """Return the log with a line of our own last: a thread writes it, one after the other."""
    reason = f"mark {next(marks)}"
    server.request("POST", "/api/v1/reload", json={"reason": reason}).raise_for_status()
    server.wait_for(lambda: any(f"{reason})" in line for line in whole_lines(server)))
    return server.log()


def check_log(server: Server) -> list[str]:
    """Check that each line of the log is one of ours; return the messages."""
    return check_text(settled_log(server), server.arguments)


def check_text(text: str, arguments: Sequence[str]) -> list[str]:
    assert text.endswith("\n")
    assert unsafe(text) == set()
    lines = text.splitlines()
    if "--json" in arguments:
        return [check_object(line) for line in lines]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    return [line for line in lines if line[0] != " "]


def check_object(line: str) -> str:
    assert line.isascii()
    record = json.loads(line)
    assert list(record)[:4] == ["time", "level", "process", "message"]
    assert list(record)[4:] in ([], ["traceback"])
    assert datetime.fromisoformat(record["time"]).utcoffset() is not None
    assert record["level"] in {"INFO", "WARNING", "ERROR", "CRITICAL"}
    assert re.fullmatch(r"control plane|worker [01]", record["process"])
    message: str = record["message"]
    assert message.isprintable()
    assert unsafe(record.get("traceback", "")) == set()
    return message


def presented(label: bytes) -> str:
    return "".join(f"\\{octet:03d}" for octet in label)


@pytest.mark.parametrize("source", [STAFF, "127.0.0.1"])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_queries_leave_no_trace(server: Server, source: str, *, tcp: bool) -> None:
    before = settled_log(server)
    queries = [
        wire.message(wire.question(name(label, zone), wire.rdatatype(qtype)))
        for label in LABELS
        for zone in ZONES
        for qtype in ("A", "TXT", "CNAME", "HTTPS")
    ]
    answers = ask(server.places["127.0.0.1"], queries, source=source, tcp=tcp)
    assert all(answers)
    assert len(settled_log(server).removeprefix(before).splitlines()) == 1
    samples = read_samples(server.metrics())
    assert not any("fake" in series or "example" in series for series in samples)
    assert samples["dnsguard_internal_errors_total"] == 0
    for path in ("/", "/api/v1/status", "/readyz", "/api/v1/lists"):
        text = server.request("GET", path).raise_for_status().text
        assert unsafe(text) == set()
        assert "alert(1)" not in text


@pytest.mark.parametrize("label", LABELS, ids=ascii)
@pytest.mark.parametrize("qtype", ["A", "CNAME", "TXT", "HTTPS"])
def test_why_tells_of_a_name_and_its_answer_in_lines_of_its_own(
    server: Server, label: bytes, qtype: str
) -> None:
    text = f"{presented(label)}.open.example"
    asked = {"name": text, "client": STAFF, "type": qtype}
    response = server.request("GET", "/api/v1/why", params=asked)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    document = response.json()
    assert (document["verdict"], document["policy"]) == ("pass", None)
    assert document["name"].isascii()
    assert document["name"].isprintable()
    lines = document["answer"].split("\n")
    assert lines[1] == "status: NOERROR"
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


def test_the_command_why_shows_them_so(server: Server) -> None:
    text = f"{presented(LABELS[1])}.open.example"
    command = server.command("why", text, "--client", STAFF, "--type", "TXT")
    assert command.returncode == 0
    assert unsafe(command.stdout + command.stderr) == set()
    verdicts = [line for line in command.stdout.splitlines() if line.startswith("verdict")]
    assert verdicts == ["verdict: pass"]
    assert not [line for line in command.stdout.splitlines() if line.startswith("INFO")]
    as_json = server.command("why", text, "--client", STAFF, "--type", "TXT", "--json")
    assert json.loads(as_json.stdout)["verdict"] == "pass"
    assert unsafe(as_json.stdout) == set()


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", f"x{TURNED}y", "<script>", "\x85", "é\n"])
def test_what_cannot_be_asked_is_refused_safely(server: Server, text: str) -> None:
    for arguments in ((text, STAFF, "A"), ("x.example", text, "A"), ("x.example", STAFF, text)):
        asked = dict(zip(("name", "client", "type"), arguments, strict=True))
        response = server.request("GET", "/api/v1/why", params=asked)
        is_name = arguments[0] == text and text.isascii()  # which is shown with escapes
        assert response.status_code == (200 if is_name else 400)
        assert unsafe(response.text) == set()
        assert json.loads(response.text)
    command = server.command("why", text, "--client", text, "--type", text)
    assert unsafe(command.stdout + command.stderr) == set()
    check_log(server)


def test_a_reason_is_one_line_of_the_log(server: Server) -> None:
    for label in LABELS:
        text = label.decode("utf-8", "surrogateescape")
        lines = len(settled_log(server).splitlines())
        body = json.dumps({"reason": text})
        assert server.request("POST", "/api/v1/reload", content=body).status_code == 200
        assert len(settled_log(server).splitlines()) == lines + 2
    check_log(server)


@pytest.mark.parametrize("text", ["\x1b[31m", f"{TURNED}x", "a\nb", "<script>", "\x85", '"\\'])
def test_a_config_that_is_refused_is_told_in_lines_of_its_own(server: Server, text: str) -> None:
    before = server.config_path.read_text("utf-8")
    quoted = json.dumps(text)
    lines = len(settled_log(server).splitlines())
    try:
        server.write_text(
            f"{before}\n{quoted}: 1\nlists: {{{quoted}: {{source: {quoted}, format: {quoted}}}}}\n"
        )
        response = server.reload()
        assert response.status_code == 422
        problems = response.json()["problems"]
        server.wait_for(lambda: len(server.log().splitlines()) >= lines + len(problems))
        assert len(server.log().splitlines()) == lines + len(problems)
        command = server.command("reload")
        assert command.returncode == 2
        assert unsafe(response.text) == unsafe(command.stdout) == unsafe(command.stderr) == set()
    finally:
        server.write_text(before)
    assert server.reload().status_code == 200
    check_log(server)


def test_a_start_that_is_refused_is_told_in_lines_of_its_own(
    tmp_path: Path, arguments: Sequence[str]
) -> None:
    folder = tmp_path / "a\nb\x1b[31m\x85\u202e'\"}"
    folder.mkdir()
    config = {label.decode("latin-1"): 1 for label in LABELS}
    server = Server(folder, config, arguments=arguments)
    server.launch("--strict")
    assert server.wait() == 2
    told = [one for one in check_text(server.log(), arguments) if "running as root" not in one]
    problems = tuple(server.command("check").stdout.splitlines())
    assert len(told) >= len(LABELS)
    assert all(message.endswith(problems) for message in told)


def test_what_the_server_of_a_list_says_is_told_in_lines_of_its_own(
    tmp_path: Path, arguments: Sequence[str]
) -> None:
    with running_responder() as responder:
        lists = serve_hostile_lists(responder)
        config = {
            "groups": {"staff": {"subnets": [f"{STAFF}/32"]}},
            "policies": {"ban": {"groups": ["staff"], "lists": list(lists)}},
            "lists": {name: {"source": url} for name, url in lists.items()},
        }
        server = Server(tmp_path, config, arguments=arguments)
        try:
            server.start(complete=False)
            heads = [f"list {name}: " for name in lists]
            server.wait_for(lambda: all(head in server.log() for head in heads))
            told = check_log(server)
        finally:
            server.stop()
    for head in heads:
        assert len([message for message in told if head in message]) == 1


def serve_hostile_lists(responder: Responder) -> dict[str, str]:
    """Serve lists that cannot be had, or hold labels; return their URLs by name."""
    responses = [b"HTTP/1.1 200 OK\r\n\r\n" + b"\n".join(LABELS)]
    for label in LABELS:
        responses.append(b"HTTP/1.1 500 " + label + b"\r\n\r\n")
        responses.append(b"HTTP/1.1 302 Found\r\nLocation: http://" + label + b"/\r\n\r\n")
        responses.append(b"HTTP/1.1 302 Found\r\nLocation: /" + label + b"\r\n\r\n")
        responses.append(b"HTTP/1.1 200 OK\r\nContent-Encoding: " + label + b"\r\n\r\n")
    responder.response = b"HTTP/1.1 404 Not Found\r\n\r\n"
    responder.responses = {f"/{number}": response for number, response in enumerate(responses)}
    return {f"list-{number}": responder.url(f"/{number}") for number in range(len(responses))}


def test_a_fault_that_says_it_is_one_record(tmp_path: Path, arguments: Sequence[str]) -> None:
    flag, own = tmp_path / "flag", tmp_path / "own.txt"
    own.write_text("one.example\n")
    (tmp_path / "sitecustomize.py").write_text(FAILING.replace("FLAG", str(flag)))
    environ = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    config = {
        "groups": {"staff": {"subnets": [f"{STAFF}/32"]}},
        "policies": {"ban": {"groups": ["staff"], "lists": ["own"]}},
        "lists": {"own": {"source": str(own)}},
    }
    with running(tmp_path, config, arguments=arguments, environ=environ) as server:
        os.kill(server.status()["workers"][1]["pid"], signal.SIGUSR2)
        server.wait_for(lambda: any("forged" in line for line in whole_lines(server)))
        flag.touch()
        own.write_text("two.example\n")
        assert server.reload().status_code == 422
        flag.unlink()
        told = check_log(server)
        lines = server.log().splitlines()
    forged = [line for line in lines if "00:00:00,000 forged" in line]
    faults = [line for line in lines if "Traceback" in line]
    assert len(faults) == 2
    if arguments:
        assert forged == faults
        records = [json.loads(line) for line in faults]
        assert [record["process"] for record in records] == ["worker 1", "control plane"]
        says = "\n".join(printable(line) for line in FAULT.split("\n"))
        assert all(record["traceback"].endswith(f"\nValueError: {says}") for record in records)
    else:
        assert {line[:2] for line in (*forged, *faults)} == {"  "}
        assert len([message for message in told if " worker 1: " in message]) == 1


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /\x1b[31m HTTP/1.1",
        b"GET /x%0aINFO%20generation%209 HTTP/1.1",
        b"GET /<script>alert(1)</script> HTTP/1.1",
        b"G\x1bT / HTTP/1.1",
        b"GET /api/v1/lists/%0a%1b%5b31m HTTP/1.1",
    ],
)
def test_a_request_leaves_no_trace(server: Server, request_line: bytes) -> None:
    before = settled_log(server)
    host, port = server.status()["admin"].rsplit(":", 1)
    head = b"\r\nHost: localhost\r\nUser-Agent: \x1b[31m<script>\r\nX-Forwarded-For: a\tb\r\n\r\n"
    answer = exchange((host, int(port)), request_line + head)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert b"<script" not in answer
    assert b"\x1b" not in answer
    assert len(settled_log(server).removeprefix(before).splitlines()) == 1


def test_the_page_shows_text_and_no_tags() -> None:
    texts = [label.decode("latin-1") for label in LABELS]
    policies = [{"name": text, "stage": text, "enforcing": True, "groups": texts} for text in texts]
    status = {"version": texts[7], "generation": texts[7], "policies": policies}
    page = render_page(status, texts, "en")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
