"""An upstream that has stopped refuses whoever asks, and gets its port back."""

import socket

import dns.message
import pytest

from tests.support.loops import DEADLINE
from tests.support.scripted import ScriptedUpstream
from tests.support.shell import make_query
from tests.support.truth import truth


def test_one_that_is_stopped_refuses_and_keeps_its_port() -> None:
    with ScriptedUpstream(truth) as upstream:
        where = (upstream.address, upstream.port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(DEADLINE)
            client.connect(where)
            with upstream.stopped():
                client.send(make_query("one.example"))
                with pytest.raises(ConnectionRefusedError):
                    client.recv(512)
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(where, DEADLINE)
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    with (
                        socket.socket(socket.AF_INET, kind) as another,
                        pytest.raises(OSError, match="in use"),
                    ):
                        another.bind(("0.0.0.0", upstream.port))
            client.send(make_query("two.example", id=7))
            assert dns.message.from_wire(client.recv(512)).id == 7
