import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.cli import client as client_module
from dnsguard.cli.client import Client, NotRunning, find_socket
from tests.support.api import FakePlane, served
from tests.support.command import CONFIG, write_config

BROKEN = [
    "nonsense: [\n",
    "groups: {staff: {subnets: [10.0.0.0/33]}}\n",
    "upstreams:\n\t- udp://192.0.2.1\n",
]


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize(
    "section",
    [
        "directories: {runtime: run, state: state}\n",
        "directories:\n  # where\n\n  runtime: run\n",
        "directories: {state: state,\n  runtime: 'run'}\n",
    ],
)
def test_the_socket_is_found_though_the_config_is_broken(
    tmp_path: Path, section: str, broken: str
) -> None:
    for text in (section + broken, broken + section):
        path = write_config(tmp_path, text)
        assert find_socket(path) == tmp_path / "run" / "control.sock"


@pytest.mark.parametrize("text", ["", "directories: [\n", "directories: 7\n", "groups: {\n"])
def test_without_a_word_in_the_config_it_is_the_usual_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = write_config(tmp_path, text)
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/other:/run/more")
    assert find_socket(path) == Path("/run/other/control.sock")
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    assert find_socket(path) == Path("/run/dnsguard/control.sock")
    assert find_socket(tmp_path / "gone.yaml") == Path("/run/dnsguard/control.sock")


@given(st.text())
def test_a_socket_is_found_whatever_the_config_is(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text("directories:" + text, "utf-8", errors="replace")
    assert find_socket(path).name == "control.sock"


def test_a_stale_socket_is_as_good_as_none(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "runtime" / "control.sock"))
    with pytest.raises(NotRunning, match="systemctl start dnsguard"):
        Client(config).get("/api/v1/status")


def test_a_server_that_says_nothing_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "ANSWER_SECONDS", 0.01)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "runtime.sock"))
        deaf.listen()
        config = write_config(tmp_path, CONFIG)
        (tmp_path / "runtime" / "control.sock").symlink_to(tmp_path / "runtime.sock")
        with pytest.raises(click.ClickException, match="does not answer"):
            Client(config).get("/api/v1/status")


def test_what_is_not_permitted_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Root may everything, so that the kernel cannot be made to say it.
    monkeypatch.setattr("socket.socket.connect", refuse)
    with pytest.raises(click.ClickException, match=r"permission denied on .*control\.sock"):
        Client(write_config(tmp_path)).get("/api/v1/status")


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n\r\n<html>"])
def test_a_server_that_makes_no_sense_is_reported(tmp_path: Path, said: bytes) -> None:
    config = write_config(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening, ThreadPoolExecutor() as pool:
        listening.bind(str(tmp_path / "runtime" / "control.sock"))
        listening.listen()

        def say() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(said)

        saying = pool.submit(say)
        with pytest.raises(click.ClickException, match="broke off"):
            Client(config).get("/api/v1/status")
        saying.result()


def test_what_is_asked_arrives_as_it_is(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    plane = FakePlane()
    name = "x&client=y\r\nHost: z/é?#.test"
    with served(plane, runtime=tmp_path / "runtime"):
        Client(config).get("/api/v1/why", {"name": name, "client": "192.0.2.1"})
        assert Client(config).get("/nowhere").status == 404
    assert plane.asked == [(name, "192.0.2.1", "A")]
