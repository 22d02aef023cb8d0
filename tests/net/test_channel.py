"""The pipe between the control plane and a worker."""

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.net import channel

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=10,
)


@given(message=st.dictionaries(st.text(max_size=9), JSON, max_size=5))
def test_what_is_sent_is_received(message: dict[str, object]) -> None:
    ours, theirs = channel.pair()
    with ours, theirs:
        channel.send(ours, message)
        assert channel.receive(theirs) == (message, [])


def test_messages_keep_their_boundaries() -> None:
    ours, theirs = channel.pair()
    with ours, theirs:
        for number in range(10):
            channel.send(ours, {"number": number})
        received = [channel.receive(theirs) for _ in range(10)]
    assert received == [({"number": number}, []) for number in range(10)]


def test_nothing_yet_and_the_end() -> None:
    ours, theirs = channel.pair()
    with theirs:
        with pytest.raises(BlockingIOError):
            channel.receive(theirs)
        channel.send(ours, {"last": 1})
        ours.close()
        assert channel.receive(theirs) == ({"last": 1}, [])
        assert channel.receive(theirs) is None
        with pytest.raises(OSError, match="Broken pipe"):
            channel.send(theirs, {})


def test_a_full_pipe_is_an_error_not_a_wait() -> None:
    ours, theirs = channel.pair()
    with ours, theirs, pytest.raises(BlockingIOError):
        _fill(ours)


def _fill(sock: socket.socket) -> None:
    while True:
        channel.send(sock, {"filler": "x" * 1000})


def test_descriptors_come_along_closed_on_exec() -> None:
    ours, theirs = channel.pair()
    with ours, theirs:
        read, write = os.pipe()
        channel.send(ours, {}, [write])
        os.close(write)
        received = channel.receive(theirs)
        assert received is not None
        (passed,) = received[1]
        assert not os.get_inheritable(passed)
        os.write(passed, b"through")
        os.close(passed)
        assert os.read(read, 100) == b"through"
        os.close(read)


@pytest.mark.parametrize(
    "damaged", [b"{", b"[]", b"null", b"\xff", b"[" * 60_000, b'{"a": "' + b"x" * 70_000 + b'"}']
)
def test_a_damaged_message_is_refused_and_its_descriptors_are_closed(damaged: bytes) -> None:
    ours, theirs = channel.pair()
    with ours, theirs:
        read, write = os.pipe()
        socket.send_fds(ours, [damaged], [write])
        os.close(write)
        with pytest.raises(ValueError, match="damaged"):
            channel.receive(theirs)
        assert os.read(read, 1) == b""  # no writer is left
        os.close(read)
        channel.send(ours, {"next": 1})
        assert channel.receive(theirs) == ({"next": 1}, [])
