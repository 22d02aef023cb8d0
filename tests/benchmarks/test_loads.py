"""The generator against the echo, and against servers that are worse."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.loads import Outcome, run_load, write_queries
from benchmarks.programs import compile_program
from tests.support.dns_server import READY_SECONDS, free_port

SECONDS = 0.1
WINDOW = 32


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    for name in ("echo", "steady"):
        compile_program(name, folder)
    return folder


@contextmanager
def running_echo(programs: Path) -> Iterator[int]:
    port = free_port()
    with subprocess.Popen([programs / "echo", "127.0.0.1", str(port)]) as process:
        try:
            end = time.monotonic() + READY_SECONDS
            while not answers(port):
                assert process.poll() is None
                assert time.monotonic() < end, "the echo does not answer as it should"
            yield port
        finally:
            process.terminate()


def answers(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(1)
        try:
            client.send(b"\x12\x34\x01\x00" + bytes(8))
            return client.recv(100) == b"\x12\x34\x81\x00" + bytes(8)
        except ConnectionRefusedError:
            return False


def write(folder: Path, count: int) -> Path:
    return write_queries(folder / "queries", (f"n{n}.example.org" for n in range(count)))


@pytest.mark.parametrize(("mode", "number"), [("rate", 1000), ("window", WINDOW)])
@pytest.mark.parametrize("sockets", [1, 4])
def test_every_query_is_answered(
    programs: Path, tmp_path: Path, mode: str, number: int, sockets: int
) -> None:
    with running_echo(programs) as port:
        outcome = run_load(
            programs / "steady",
            port,
            write(tmp_path, 100),
            SECONDS,
            "rate" if mode == "rate" else "window",
            number,
            sockets,
        )
    assert outcome.sent == outcome.answered > 0
    assert outcome.lost == outcome.stray == 0
    assert outcome.rcodes == {"0": outcome.answered}
    latency = outcome.latency_us
    assert 0 < latency["p50"] <= latency["p99"] <= latency["p99.9"] <= latency["max"]


def test_a_rate_is_kept(programs: Path, tmp_path: Path) -> None:
    with running_echo(programs) as port:
        outcome = run_load(programs / "steady", port, write(tmp_path, 9), SECONDS, "rate", 5000)
    assert outcome.sent + outcome.unsent == pytest.approx(5000 * SECONDS, abs=1)


def test_fewer_queries_than_a_batch_keep_their_ids(programs: Path, tmp_path: Path) -> None:
    with running_echo(programs) as port:
        program, queries = programs / "steady", write(tmp_path, 1)
        outcome = run_load(program, port, queries, SECONDS, "window", WINDOW)
    assert outcome.sent == outcome.answered > WINDOW
    assert outcome.stray == 0


def load_silent(programs: Path, queries: Path) -> Outcome:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        return run_load(programs / "steady", port, queries, SECONDS, "window", WINDOW)


def test_a_silent_server_loses_every_query(programs: Path, tmp_path: Path) -> None:
    outcome = load_silent(programs, write(tmp_path, 100))
    assert outcome.answered == 0
    assert outcome.lost == outcome.sent > 0


@pytest.mark.parametrize(
    "text",
    ["", "example.org MX\n", "a..example A\n", f"{'x' * 64}.example A\n", "x." * 126 + " A\n"],
)
def test_what_is_no_query_ends_the_run(programs: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "queries"
    path.write_text(text, "ascii")
    with pytest.raises(subprocess.CalledProcessError):
        run_load(programs / "steady", free_port(), path, SECONDS, "window", WINDOW)
